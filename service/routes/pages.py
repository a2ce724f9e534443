"""The pages: one to look at forecasts, one to try the API; both work without any other server."""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path

from flask import Blueprint, Response, jsonify, render_template
from flask_openapi.openapi import OpenAPI

from service.context import Context


def routes(context: Context, app: OpenAPI) -> Blueprint:
    here = Path(__file__).parent.parent / "pages"
    pages = Blueprint(
        "pages", __name__, template_folder=str(here), static_folder=str(here / "static"), static_url_path="/static"
    )

    @pages.get("/")
    def index() -> str:
        return render_template("index.html", horizon=context.settings.horizon)

    @pages.get("/docs")
    def docs() -> str:
        return render_template("docs.html")

    @pages.get("/openapi.json")
    def document() -> Response:
        return jsonify(app.api_doc)

    return pages


def swagger() -> Blueprint:
    """Swagger UI's own files, from the package that carries them."""
    folder = Path(str(files("flask_openapi_swagger"))) / "templates" / "swagger"
    return Blueprint("swagger", __name__, static_folder=str(folder), static_url_path="/docs/assets")

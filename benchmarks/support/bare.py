"""The least that a server can be asked to serve: a Flask application of constants, without a hook.

``BARE_BODIES``: a folder whose files are served, each under its name, by the kind that its suffix says; and ``/same``,
which says that nothing changed.
"""

from __future__ import annotations

import os
from pathlib import Path

from flask import Flask, Response

from forecast.settings import Settings
from service.wsgi import Server

BODY = b'{"status":"ok"}'


def app() -> Flask:
    bare = Flask(__name__, static_folder=None)
    folder = os.environ.get("BARE_BODIES")
    bodies = {file.name: file.read_bytes() for file in Path(folder).iterdir()} if folder else {}

    @bare.get("/healthz")
    def alive() -> Response:
        return Response(BODY, mimetype="application/json")

    @bare.get("/same")
    def same() -> Response:
        return Response(status=304)

    for name, body in bodies.items():
        kind = "text/csv" if name.endswith(".csv") else "application/json"
        bare.add_url_rule(f"/{name}", name, lambda body=body, kind=kind: Response(body, mimetype=kind))
    return bare


class _Bare(Server):
    def load(self) -> Flask:
        return app()


if __name__ == "__main__":
    _Bare(Settings.from_env(os.environ)).run()

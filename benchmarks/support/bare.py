"""The least that a server can be asked to serve: a Flask application with one route, which answers a constant."""

from __future__ import annotations

import os

from flask import Flask

from forecast.settings import Settings
from service.wsgi import Server

BODY = b'{"status":"ok"}'


def app() -> Flask:
    bare = Flask(__name__)

    @bare.get("/healthz")
    def alive() -> tuple[bytes, dict[str, str]]:
        return BODY, {"Content-Type": "application/json"}

    return bare


class _Bare(Server):
    def load(self) -> Flask:
        return app()


if __name__ == "__main__":
    _Bare(Settings.from_env(os.environ)).run()

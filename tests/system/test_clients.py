"""Clients that others' generators make of the document: they compile under strict checks, and ask a real server."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import venv
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.server import Server, serving
from tests.support.trained_home import make_home

pytestmark = [pytest.mark.slow, pytest.mark.registry]

SCRIPTS = Path(__file__).parent / "clients"
TYPESCRIPT = {"openapi-fetch": "0.17.0", "openapi-typescript": "7.13.0", "typescript": "5.9.3"}
STRICT = ("--strict", "--target", "es2022", "--module", "nodenext", "--noUncheckedIndexedAccess")


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    home = tmp_path_factory.mktemp("home")
    make_home(home)
    with serving(home) as started:
        yield started


def run(folder: Path, *command: str | Path, **env: str) -> str:
    """What a command says; the test fails with it if the command does."""
    kept = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    done = subprocess.run(command, cwd=folder, env=kept | env, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout + done.stderr


def test_a_generated_python_client_asks_and_is_answered(server: Server, tmp_path: Path) -> None:
    venv.create(tmp_path / "venv", with_pip=True)
    bin_ = tmp_path / "venv" / "bin"
    pip = bin_ / "python", "-m", "pip", "--disable-pip-version-check", "install", "--quiet"
    run(tmp_path, *pip, "openapi-python-client==0.29.1", "mypy")
    generate = bin_ / "openapi-python-client", "generate", "--url", f"{server.url}/openapi.json", "--meta", "none"
    said = run(tmp_path, *generate, "--output-path", "client", PATH=f"{bin_}:{os.environ['PATH']}")
    assert "WARNING" not in said.upper(), said
    shutil.copy(SCRIPTS / "ask.py.txt", tmp_path / "ask.py")
    (tmp_path / "mypy.ini").write_text("[mypy]\nstrict = true\n[mypy-client.client]\nignore_errors = true\n")
    run(tmp_path, bin_ / "mypy", "ask.py", "client")
    assert run(tmp_path, bin_ / "python", "-W", "error", "ask.py", server.url) == "asked\n"


@pytest.mark.skipif(shutil.which("npm") is None, reason="npm is not installed")
def test_a_generated_typescript_client_asks_and_is_answered(server: Server, tmp_path: Path) -> None:
    package = {"name": "asks", "private": True, "type": "module", "dependencies": TYPESCRIPT}
    (tmp_path / "package.json").write_text(json.dumps(package))
    run(tmp_path, "npm", "install", "--no-audit", "--no-fund", "--loglevel", "error")
    document = tmp_path / "openapi.json"
    document.write_bytes(server.get("/openapi.json"))
    run(tmp_path, "npx", "openapi-typescript", document.name, "--output", "schema.ts")
    shutil.copy(SCRIPTS / "ask.ts.txt", tmp_path / "ask.ts")
    run(tmp_path, "npx", "tsc", *STRICT, "ask.ts")
    assert run(tmp_path, "node", "ask.js", server.url) == "asked\n"

"""The examples of deployment speak of settings and commands that exist."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import yaml
from typer.main import get_command

from forecast.cli import app
from forecast.settings import Settings, variable
from tests.support import ROOT

DEPLOY = ROOT / "deploy"
FILES = sorted(path for path in DEPLOY.rglob("*") if path.is_file())
COMMANDS = set(get_command(app).commands)  # type: ignore[attr-defined]


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.name)
def test_every_setting_exists(file: Path) -> None:
    # The password is a variable of the compose file itself; NAME stands for any.
    named = set(re.findall(r"ORECAST_[A-Z_]+", file.read_text())) - {"ORECAST_DB_PASSWORD", "ORECAST_NAME"}
    assert named <= set(map(variable, Settings.model_fields))


def test_every_command_exists() -> None:
    compose = yaml.safe_load((DEPLOY / "compose.yaml").read_text())
    used = {service["command"][0] for service in compose["services"].values() if "command" in service}
    for file in FILES:
        used |= set(re.findall(r"bin/orecast (\w+)", file.read_text()))
    used |= set(re.findall(r'CMD \["(\w+)"', (DEPLOY / "Containerfile").read_text()))
    assert used == {"run", "serve", "worker", "fetch", "retrain", "publish"}
    assert used <= COMMANDS


def test_the_table_names_every_file() -> None:
    readme = (DEPLOY / "README.md").read_text()
    for file in FILES:
        assert (
            file.suffix == ".dockerignore"
            or file.name == "README.md"
            or f"`{file.relative_to(DEPLOY).parts[0]}" in readme
        )

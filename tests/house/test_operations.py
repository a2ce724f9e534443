"""What docs/operations.md lists is what there is: faults, metrics, fields of the log, alerts, settings and commands."""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml
from prometheus_client.parser import text_string_to_metric_families
from typer.main import get_command

from forecast.cli import app
from forecast.registry.faults import FaultKind
from forecast.settings import SECRETS, Settings, variable
from service import create_app
from tests.service.conftest import JSON_FORECAST
from tests.support import ROOT
from tests.support.documents import Json
from tests.support.trained_home import clock, make_home, settings_in

TEXT = (ROOT / "docs" / "operations.md").read_text()


def table(heading: str, column: int = 0) -> list[str]:
    """The code words in a column of the table below a heading."""
    below = re.split(r"^## ", TEXT.split(f"\n## {heading}\n")[1], flags=re.MULTILINE)[0]
    rows = [line.strip("| ").split(" | ") for line in below.splitlines() if line.startswith("|")][2:]
    return [word for row in rows for word in re.findall(r"`([^`]+)`", row[column])]


def test_every_kind_of_fault_has_its_line() -> None:
    assert sorted(table("Faults")) == sorted(FaultKind)


def test_every_alert_has_its_line() -> None:
    rules = yaml.safe_load((ROOT / "deploy" / "prometheus" / "alerts.yaml").read_text())["groups"][0]["rules"]
    assert sorted(table("Alerts")) == sorted(rule["alert"] for rule in rules)


def test_the_metrics_are_those_of_a_scrape(tmp_path: Path) -> None:
    make_home(tmp_path)
    client = create_app(settings_in(tmp_path), clock=clock).test_client()
    client.get(JSON_FORECAST)
    text = client.get("/metrics").get_data(as_text=True)
    families = {family.name: family.type for family in text_string_to_metric_families(text)}
    told = {f"{name}_total" if kind == "counter" else name for name, kind in families.items() if "_created" not in name}
    assert sorted(table("Metrics")) == sorted(told)


def test_the_fields_of_the_log_are_those_of_a_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    make_home(tmp_path)
    create_app(settings_in(tmp_path, log_level="INFO"), clock=clock).test_client().get(JSON_FORECAST)
    (line,) = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert sorted(table("The log")) == sorted(line)


def test_every_setting_exists() -> None:
    known = {variable(name) for name in Settings.model_fields} | {f"{variable(name)}_FILE" for name in SECRETS}
    assert set(re.findall(r"ORECAST_[A-Z_]+\b", TEXT)) <= known


def commands() -> Iterator[list[str]]:
    for line in re.findall(r"`orecast ([^`]+)`", TEXT):
        yield shlex.split(line.replace("\n", " "))
    for block in re.findall(r"```sh\n(.*?)```", TEXT, re.DOTALL):
        for line in re.findall(r"\borecast ([a-z][^>;\n]+)", block):
            yield shlex.split(line)


def test_every_command_can_be_parsed() -> None:
    found = list(commands())
    assert len(found) > 15
    for words in found:
        command: Json = get_command(app)
        given, name = words, "orecast"
        while given and given[0] in getattr(command, "commands", ()):
            command, name, given = command.commands[given[0]], given[0], given[1:]
        assert not hasattr(command, "commands") or not given or given[0].startswith("-"), words
        command.make_context(name, given, resilient_parsing=not given)  # raises for what it does not know

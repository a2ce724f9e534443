"""The alerts of deploy/prometheus ask for what a real service tells, and say what they are said to."""

from __future__ import annotations

import datetime as dt
import json
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import promql_parser
import pytest
import yaml
from prometheus_client.parser import text_string_to_metric_families

from forecast.catalog import Catalog
from forecast.catalog.fetches import FetchState
from service import create_app
from tests.support import ROOT
from tests.support.documents import Json
from tests.support.server import serving
from tests.support.trained_home import COPPER, make_home

FOLDER = ROOT / "deploy" / "prometheus"
RULES = [rule for group in yaml.safe_load((FOLDER / "alerts.yaml").read_text())["groups"] for rule in group["rules"]]
PANELS = json.loads((FOLDER / "dashboard.json").read_text())["panels"]
#: What Prometheus adds to what it scrapes.
SCRAPED = {"up": {"job": {"orecast"}}}
Labels = dict[str, set[str]]


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Labels]:
    """The metrics of a scrape, and the values of their labels, of a service that had all kinds of things to tell."""
    settings = make_home(home := tmp_path_factory.mktemp("home"))
    catalog, now = Catalog.open(settings), dt.datetime.now(dt.UTC)
    catalog.fetches.record(FetchState("comtrade", now, None, "status 503", now))
    for job in ("retrain", "update"):
        catalog.job_ends.record(job, now)
    catalog.close()
    with serving(home, ORECAST_RATE_LIMIT="3 per minute") as server:
        paths = f"/v1/forecasts/{COPPER}", "/v1/nothing", "/v1/series", "/v1/events"
        assert [server.status(path)[0] for path in paths] == [200, 404, 200, 429]
        text = server.get("/metrics").decode()
    found: dict[str, Labels] = {}
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            for label, value in sample.labels.items():
                found.setdefault(sample.name, {}).setdefault(label, set()).add(value)
            found.setdefault(sample.name, {})
    return found


def selectors(expression: Json) -> Iterator[Json]:
    """The selectors of series in an expression."""
    if isinstance(expression, promql_parser.VectorSelector):
        yield expression
    for part in ("lhs", "rhs", "expr", "vector_selector"):
        if inner := getattr(expression, part, None):
            yield from selectors(inner)
    for inner in getattr(expression, "args", ()):
        yield from selectors(inner)


def unknown(expression: str, told: dict[str, Labels]) -> list[str]:
    """The metrics and labels of an expression that no real service tells."""
    found = list(selectors(promql_parser.parse(expression)))
    assert found
    asked = [(one.name, matcher.name) for one in found for matcher in one.matchers.matchers]
    missing = [one.name for one in found if one.name not in told]
    return [*missing, *(f"{name}.{label}" for name, label in asked if label not in told.get(name, {}))]


@pytest.mark.parametrize("panel", PANELS, ids=lambda panel: panel["title"])
def test_every_panel_of_the_dashboard_shows_what_a_real_service_tells(panel: Json, told: dict[str, Labels]) -> None:
    for target in panel["targets"]:
        assert unknown(target["expr"], told) == []
        labels = re.findall(r"{{(\w+)}}", target["legendFormat"])
        assert all(re.search(rf"by \([^)]*\b{label}\b", target["expr"]) for label in labels)


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule["alert"])
def test_every_metric_and_label_of_an_alert_is_told_by_a_real_service(rule: Json, told: dict[str, Labels]) -> None:
    known = {**SCRAPED, **told}
    assert unknown(rule["expr"], known) == []
    labels = set().union(*(known[selector.name] for selector in selectors(promql_parser.parse(rule["expr"]))))
    said = set(re.findall(r"\$labels\.(\w+)", " ".join(rule["annotations"].values())))
    assert said <= labels
    assert rule["labels"]["severity"] in ("info", "warning", "critical")


def test_what_an_alert_leaves_out_or_asks_for_is_there(told: dict[str, Labels], tmp_path: Path) -> None:
    """A misspelt endpoint would be left out of nothing, and a misspelt job be missed for ever."""
    app = create_app(make_home(tmp_path))
    known = {"endpoint": set(app.view_functions), "kind": told["orecast_faults"]["kind"]}
    known["name"] = told["orecast_job_end_timestamp_seconds"]["name"]
    asked = [
        (matcher.name, matcher.value)
        for rule in RULES
        for selector in selectors(promql_parser.parse(rule["expr"]))
        for matcher in selector.matchers.matchers
        if matcher.name in known
    ]
    assert {name for name, _ in asked} == known.keys()
    assert [pair for pair in asked if pair[1] not in known[pair[0]]] == []


@pytest.mark.skipif(not shutil.which("promtool"), reason="promtool is not here")
def test_the_alerts_pass_their_own_tests() -> None:
    for command in (["test", "rules", "alerts_test.yaml"], ["check", "config", "--syntax-only", "prometheus.yaml"]):
        found = subprocess.run(["promtool", *command], cwd=FOLDER, capture_output=True, text=True)
        assert found.returncode == 0, found.stdout + found.stderr


def test_every_alert_is_raised_in_the_tests_for_promtool() -> None:
    raised = (FOLDER / "alerts_test.yaml").read_text()
    assert [rule["alert"] for rule in RULES if not re.search(rule["alert"].removeprefix("Orecast"), raised)] == []

"""What the service logs and counts."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from forecast.catalog import Catalog
from service import create_app
from tests.service.conftest import JSON_FORECAST
from tests.support.trained_home import clock, settings_in


def test_a_request_has_one_id_from_its_header_to_its_line_in_the_log(
    home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    client = create_app(settings_in(home, log_level="INFO"), clock=clock).test_client()
    response = client.get(JSON_FORECAST, headers={"X-Request-ID": "order-7"})
    assert response.headers["X-Request-ID"] == "order-7"
    (line,) = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert (line["request_id"], line["status"], line["endpoint"]) == ("order-7", 200, "forecasts.get_forecast")
    assert (line["client"], line["bytes"]) == ("127.0.0.1", len(response.data))
    longest = 64 * "x"
    assert client.get("/healthz", headers={"X-Request-ID": longest}).headers["X-Request-ID"] == longest
    for forged in ("a b\x0b{}", 65 * "x", ""):
        given = client.get("/healthz", headers={"X-Request-ID": forged}).headers["X-Request-ID"]
        assert re.fullmatch(r"[0-9a-f]{32}", given)


def test_what_machines_ask_all_the_time_is_logged_when_it_goes_wrong_only(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    client = create_app(settings_in(tmp_path, log_level="INFO"), clock=clock).test_client()
    client.get("/healthz")
    client.get("/readyz")
    (line,) = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert (line["path"], line["status"]) == ("/readyz", 503)


def test_a_failure_is_logged_with_its_trace_and_the_id_of_its_request(
    home: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    client = create_app(settings_in(home, log_level="INFO"), clock=clock).test_client()

    def broken(*_: object) -> None:
        raise ZeroDivisionError("inner matter")

    monkeypatch.setattr(Catalog, "get", broken)
    response = client.get(JSON_FORECAST, headers={"X-Request-ID": "order-8"})
    assert response.status_code == 500
    assert "inner matter" not in response.get_data(as_text=True)
    trace = next(line for line in map(json.loads, capsys.readouterr().out.splitlines()) if line["level"] == "error")
    assert trace["request_id"] == "order-8"
    assert "inner matter" in trace["exception"]


def test_metrics_count_the_requests(home: Path) -> None:
    client = create_app(settings_in(home), clock=clock).test_client()
    client.get(JSON_FORECAST)
    client.get(JSON_FORECAST)
    text = client.get("/metrics").get_data(as_text=True)
    line = 'orecast_requests_total{endpoint="forecasts.get_forecast",method="GET",status="200"} 2.0'
    assert line in text

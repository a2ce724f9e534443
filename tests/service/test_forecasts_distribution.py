"""Quantiles and joint draws of a forecast: the same digits over HTTP, on the command line and in Python."""

from __future__ import annotations

import csv
import io
from pathlib import Path

import numpy as np
import pytest
from flask.testing import FlaskClient

from forecast.cli import call
from forecast.errors import InvalidInput
from forecast.home import open_home
from service import create_app
from tests.service.conftest import get
from tests.support.trained_home import COPPER, EARTHS, NOW, clock, settings_in


def test_the_quantiles_of_a_forecast_are_its_median_and_the_ends_of_its_intervals(client: FlaskClient) -> None:
    rows = get(client, f"/v1/forecasts/{COPPER}?level=80")["data"]
    found = get(client, f"/v1/forecasts/{COPPER}?quantile=0.9,0.1,.5")["data"]
    at = {(row["ds"], row["quantile"]): row["y"] for row in found}
    assert len(at) == len(found) == 3 * len(rows)
    for row in rows:
        assert [at[row["ds"], p] for p in (0.1, 0.5, 0.9)] == [row["lo-80"], row["yhat"], row["hi-80"]]


def test_the_usual_quantiles_are_those_by_which_backtests_are_scored(client: FlaskClient) -> None:
    found = get(client, f"/v1/forecasts/{COPPER}?quantiles=true&h=1")["data"]
    told = sorted({row["quantile"] for row in found})
    assert told[0] == 0.025
    assert told[-1] == 0.975
    assert 0.5 in told


def test_the_first_draws_are_the_same_whoever_asks(
    client: FlaskClient, home: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    day = NOW.date().isoformat()
    few = client.get(f"/v1/forecasts/{EARTHS}?draws=3&h=4&as_of={day}&format=csv").text
    many = client.get(f"/v1/forecasts/{EARTHS}?draws=5&h=4&as_of={day}&format=csv").text
    assert many.startswith(few)
    monkeypatch.setenv("ORECAST_HOME", str(home))
    assert call(["forecast", EARTHS, "--draws", "3", "--h", "4", "--as-of", day, "--format", "csv"]) == 0
    assert capsys.readouterr().out.replace("\r\n", "\n") == few.replace("\r\n", "\n")
    with open_home(home, today=day) as opened:
        told = opened.draws(EARTHS, h=4).first(3)
        quantiles = opened.forecast_quantiles(EARTHS, [0.2], h=4)
    rows = list(csv.DictReader(io.StringIO(few)))
    assert [float(row["y"]) for row in rows] == [point.y for point in told.data]
    over_http = get(client, f"/v1/forecasts/{EARTHS}?quantile=0.2&h=4&as_of={day}")["data"]
    assert over_http == [point.json_object() | {"ds": str(point.ds)} for point in quantiles.data]


def test_quantiles_of_all_draws_are_the_quantiles_that_are_served(client: FlaskClient) -> None:
    rows = get(client, f"/v1/forecasts/{COPPER}?draws=400&h=2")["data"]
    served = get(client, f"/v1/forecasts/{COPPER}?quantile=0.25&h=2")["data"]
    for one in served:
        values = [row["y"] for row in rows if row["ds"] == one["ds"]]
        assert np.quantile(values, 0.25, method="hazen") == pytest.approx(one["y"], rel=1e-5)


def test_a_quantile_may_be_written_as_programs_write_it(client: FlaskClient) -> None:
    found = get(client, f"/v1/forecasts/{COPPER}?quantile={1 / 3},{1e-5},5e-1&h=1")["data"]
    assert [row["quantile"] for row in found if row["h"] == 1] == [1e-5, 1 / 3, 0.5]


@pytest.mark.parametrize(
    ("asked", "where"),
    [
        ("quantile=0", "query.quantile"),
        ("quantile=1", "query.quantile"),
        ("quantile=0.5,0.5", "query.quantile"),
        ("quantile=half", "query.quantile"),
        ("quantile=", "query.quantile"),
        ("draws=0", "query.draws"),
        ("draws=401", "query.draws"),
        ("draws=1.5", "query.draws"),
        ("draws=2&quantile=0.5", "query.draws"),
        ("quantiles=yes", "query.quantiles"),
    ],
)
def test_what_cannot_be_is_refused_with_what_would_have_been_right(client: FlaskClient, asked: str, where: str) -> None:
    errors = get(client, f"/v1/forecasts/{COPPER}?{asked}", 422)["errors"]
    assert where in [error["where"] for error in errors]
    assert all(error["expected"] for error in errors)


def test_the_command_line_refuses_the_same(
    home: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("ORECAST_HOME", str(home))
    for options in (["--quantile", "1.5"], ["--draws", "401"], ["--draws", "2", "--quantile", "0.5"]):
        assert call(["forecast", COPPER, "--as-of", "2026-07-15", *options]) == 2
    err = capsys.readouterr().err
    assert "numbers between 0 and 1" in err
    assert "a whole number from 1 to 400" in err
    with open_home(home, today="2026-07-15") as opened, pytest.raises(InvalidInput, match="between 0 and 1"):
        opened.forecast_quantiles(COPPER, [2.0])


def test_an_answer_of_one_kind_is_not_taken_for_another_by_its_etag(home: Path) -> None:
    client = create_app(settings_in(home), clock=clock).test_client()
    paths = [
        f"/v1/forecasts/{COPPER}{query}" for query in ("", "?quantile=0.5", "?quantile=0.4", "?draws=1", "?draws=2")
    ]
    assert len({client.get(path).headers["ETag"] for path in paths}) == len(paths)

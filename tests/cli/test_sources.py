"""Public sources at the command line: what came, what is due then, and a table that fits a terminal."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator

import pytest

from forecast.cli import call
from forecast.settings import Settings
from tests.support import feeds
from tests.support.internet import internet

TODAY = dt.datetime.now(dt.UTC).date()


@pytest.fixture
def imf(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("ORECAST_HOME", str(settings.home))
    monkeypatch.setenv("COLUMNS", "80")
    with internet({"imf": feeds.of_observations()["imf"]}, settings, TODAY) as outlets:
        outlets["imf"].publish(TODAY)
        yield


@pytest.mark.usefixtures("imf")
def test_what_came_makes_training_due_and_stands_in_a_table_that_fits(capsys: pytest.CaptureFixture[str]) -> None:
    assert call(["fetch", "imf"]) == 0
    said = capsys.readouterr()
    assert said.out.startswith("imf: fetched (10 series, ")
    assert "training is due (orecast retrain --due)" in said.err
    assert call(["fetch", "imf"]) == 0
    assert capsys.readouterr().err == ""
    assert call(["sources"]) == 0
    table = capsys.readouterr().out
    assert f"{dt.datetime.now(dt.UTC):%Y-%m-%d %H:}" in table
    assert max(map(len, table.splitlines())) <= 80
    assert call(["sources", "imf"]) == 0
    assert "delivered" in capsys.readouterr().out


@pytest.mark.usefixtures("imf")
def test_a_day_to_come_is_refused_and_no_fault_of_the_source(capsys: pytest.CaptureFixture[str]) -> None:
    assert call(["fetch", "imf", "--since", str(TODAY + dt.timedelta(days=40))]) == 2
    assert "has not come yet" in capsys.readouterr().err
    assert call(["monitor", "--sources"]) == 0

"""A day that is still to come is known to nobody: every read refuses it, in the same words."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from pathlib import Path

import pytest

import forecast
from forecast.answers.as_of import day_asked
from forecast.cli import call
from service import create_app
from tests.support.trained_home import COPPER, NOW, clock, make_home

TODAY, TOMORROW = NOW.date(), NOW.date() + dt.timedelta(days=1)
SAYS = f"as_of = '{TOMORROW}': expected a day not after {TODAY}"


def test_today_and_days_before_can_be_asked_about_and_today_is_meant_where_none_is_said() -> None:
    assert day_asked(None, TODAY) == day_asked(TODAY, TODAY) == TODAY
    assert day_asked(dt.date(2020, 1, 1), TODAY) == dt.date(2020, 1, 1)


def test_over_http(tmp_path: Path) -> None:
    client = create_app(make_home(tmp_path), clock=clock).test_client()
    for path in (
        f"forecasts/{COPPER}",
        "forecasts",
        f"series/{COPPER}/observations",
        "events",
        "events/cn-7ree-licence-2025",
    ):
        assert client.get(f"/v1/{path}?as_of={TODAY}").status_code == 200
        refused = client.get(f"/v1/{path}?as_of={TOMORROW}")
        assert (refused.status_code, refused.get_json()["detail"]) == (422, SAYS), path
        assert refused.get_json()["errors"][0]["where"] == "query.as_of"
    question = {"series": [COPPER], "scenarios": [], "as_of": str(TOMORROW)}
    refused = client.post("/v1/scenarios", json=question)
    assert (refused.status_code, refused.get_json()["detail"]) == (422, SAYS)


READS: list[Callable[[forecast.Home], object]] = [
    lambda home: home.forecast(COPPER, as_of=TOMORROW),
    lambda home: home.forecasts(as_of=str(TOMORROW)),
    lambda home: home.draws(COPPER, as_of=TOMORROW),
    lambda home: home.observations(COPPER, as_of=TOMORROW),
    lambda home: home.events(as_of=TOMORROW),
    lambda home: home.event("cn-7ree-licence-2025", as_of=TOMORROW),
    lambda home: home.scenarios({"series": [COPPER], "scenarios": [], "as_of": TOMORROW}),
]


def test_in_python(tmp_path: Path) -> None:
    make_home(tmp_path)
    with forecast.open_home(tmp_path, today=TODAY) as home:
        for read in READS:
            with pytest.raises(forecast.InvalidInput, match=SAYS):
                read(home)


@pytest.mark.parametrize(
    "command",
    [
        ["forecast", COPPER],
        ["export"],
        ["events"],
        ["events", "cn-7ree-licence-2025"],
        ["plot", COPPER],
        ["monitor"],
        ["backtest", COPPER, "--origins", "2"],
        ["train", COPPER],
    ],
)
def test_on_the_command_line(
    command: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    make_home(tmp_path)
    monkeypatch.setenv("ORECAST_HOME", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    assert call([*command, "--as-of", "2999-01-01"]) == 2
    assert capsys.readouterr().err.startswith("orecast: as_of = '2999-01-01': expected a day not after ")

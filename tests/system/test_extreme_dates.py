"""The first and the last day there are, at every door that takes a day: an answer or a refusal, never a failure."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from flask.testing import FlaskClient

from forecast import cli
from forecast.catalog import Catalog
from service import create_app
from tests.support.trained_home import COPPER, EARTHS, NOW, clock, make_home, settings_in

FIRST, LAST = "0001-01-01", "9999-12-31"
DAYS = [FIRST, "0001-12-31", "1583-01-01", "1677-09-20", "2262-04-12", "9999-12-30", LAST]
EVENT = "cn-7ree-licence-2025"
ROUTES = [
    f"/v1/forecasts/{COPPER}?as_of=DAY",
    "/v1/forecasts?as_of=DAY",
    "/v1/forecasts?as_of=DAY&coherent=true",
    f"/v1/forecasts?as_of=DAY&coherent=true&series_id={EARTHS}&format=csv",
    "/v1/events?as_of=DAY",
    f"/v1/events?as_of=DAY&series_id={COPPER}",
    f"/v1/events/{EVENT}?as_of=DAY",
    "/v1/events/calendar?as_of=DAY&expiring=36500",
    "/v1/events/calendar?from=DAY",
    "/v1/events/calendar?from=DAY&until=DAY",
    f"/v1/series/{COPPER}/observations?as_of=DAY",
    f"/v1/series/{COPPER}/observations?start=DAY",
    f"/v1/series/{COPPER}/observations?end=DAY",
    f"/v1/series/{COPPER}/observations?start=DAY&end=DAY&as_of=DAY",
]
COMMANDS = [
    ["forecast", COPPER],
    ["forecast", COPPER, "--coherent"],
    ["export", "--output", "out.csv"],
    ["events"],
    ["events", "--expiring", "36500"],
    ["plot", COPPER, "--output", "out.png"],
    ["backtest", COPPER, "--origins", "2"],
    ["monitor"],
]


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("home")
    make_home(folder)
    return folder


@pytest.fixture(scope="module")
def client(home: Path) -> FlaskClient:
    return create_app(settings_in(home), clock=clock).test_client()


@pytest.fixture
def catalog(home: Path) -> Iterator[Catalog]:
    catalog = Catalog.open(settings_in(home))
    yield catalog
    catalog.close()


@pytest.mark.parametrize("route", ROUTES)
def test_no_day_is_too_early_or_too_late_for_a_route(client: FlaskClient, route: str) -> None:
    statuses = {day: client.get(route.replace("DAY", day)).status_code for day in DAYS}
    assert set(statuses.values()) <= {200, 404, 422}, statuses
    late = [status for day, status in statuses.items() if day > "2200"]
    assert late == [422 if "as_of=DAY" in route else 200] * 3, "nothing is known of days to come"


@pytest.mark.parametrize("day", DAYS)
def test_a_scenario_of_a_far_day_is_refused_with_what_is_right(client: FlaskClient, day: str) -> None:
    refused = client.post("/v1/scenarios", json={"series": [COPPER], "scenarios": [], "as_of": day})
    assert refused.status_code == 422
    assert refused.get_json()["errors"][0]["where"] == "body.as_of"


def test_today_all_is_known_and_on_the_first_day_nothing(client: FlaskClient, catalog: Catalog) -> None:
    path, today = f"/v1/series/{COPPER}/observations", NOW.date()
    now = client.get(path).get_json()["data"]
    assert client.get(f"{path}?as_of={today}").get_json()["data"] == now
    assert len(now) > 300
    assert client.get(f"{path}?as_of={FIRST}").get_json()["data"] == []
    assert len(client.get(f"/v1/events?as_of={today}").get_json()["data"]) == len(catalog.events(today))
    assert client.get(f"/v1/events?as_of={FIRST}").get_json()["data"] == []


def test_the_end_of_a_day_holds_its_last_moment_and_not_the_first_of_the_next(catalog: Catalog) -> None:
    first = catalog.observations(COPPER)[0]
    day = first.known.date()
    earlier = day.fromordinal(day.toordinal() - 1)
    assert [o.ds for o in catalog.observations(COPPER, day)] == [first.ds]
    assert catalog.observations(COPPER, earlier) == []
    assert catalog.history(COPPER, day).ds.tolist() == [first.ds]
    assert catalog.histories([COPPER], earlier) == {}


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
@pytest.mark.parametrize("day", [FIRST, LAST])
def test_no_day_breaks_a_command(
    home: Path,
    tmp_path: Path,
    command: list[str],
    day: str,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    make_home(tmp_path)
    monkeypatch.setenv("ORECAST_HOME", str(tmp_path))
    code = cli.call([*command, "--as-of", day])
    message = capsys.readouterr().err
    assert code in (0, 1, 2, 3, 4), message
    assert "Traceback" not in message
    if code not in (0, 1):
        assert message.startswith("orecast: ")

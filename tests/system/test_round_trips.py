"""What leaves comes back in: exported series, events and observations change nothing where they came from, and stand in
another catalogue as they stood."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest
from flask.testing import FlaskClient

from forecast.answers.events import EventList, EventOnDay
from forecast.answers.observations import ObservationList
from forecast.answers.series import SeriesList
from forecast.catalog import Catalog, Observation
from forecast.catalog.csv_records import EVENTS_NOT_TAKEN, SERIES_NOT_TAKEN, EventRow, SeriesRow
from forecast.cli import call
from forecast.errors import InvalidInput
from forecast.intake.layout import Hints, Limits, open_table
from forecast.jobs.event_edits import Author, amend_event, retire_event
from forecast.jobs.ingest import ingest
from forecast.registry import Registry
from forecast.settings import Settings
from service import create_app
from tests.support.trained_home import COPPER, make_home

NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)
MINE = ("mine.a", "mine.b")


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """A home with series, revisions, withdrawals and events of one's own besides the bundled data."""
    folder = tmp_path / "home"
    catalog = Catalog.open(make_home(folder))
    series = tmp_path / "mine-series.csv"
    series.write_text(
        "series_id,measure,unit,freq,release_lag_days,publisher,notes,resolution\n"
        'mine.a,price,USD/t,M,10,"=Me & Co, ""Ltd""",-10 % each year,0.5\n'
        "mine.b,volume,t,W-MON,3,@home,+,\n"
    )
    first = tmp_path / "first.csv"
    first.write_text(
        "series_id,ds,value,flag\n"
        + "".join(f"mine.a,2026-{month:02},{month}.123456789,reported\n" for month in range(1, 10))
        + "mine.b,2026-11-03,5,derived\nmine.b,2026-11-10,6,imputed\n"
    )
    ingest(catalog, first, series, known_at=NOW - timedelta(days=3))
    second = tmp_path / "second.csv"
    second.write_text(
        "series_id,ds,value,flag,known_at\n"
        "mine.a,2026-03,3.5,suspect_publisher,\n"  # a revision of today
        "mine.a,2026-04,4.5,reported,2026-06-01T10:30\n"  # and one of an afternoon long ago
        "mine.a,2026-10,10.5,reported,\n"
    )
    ingest(catalog, second, known_at=NOW)
    catalog.withdraw({"mine.a": [datetime(2026, 5, 1).date()]}, now=NOW)
    events = tmp_path / "mine-events.csv"
    events.write_text(
        "event_id,title,kind,announced,effective,ended,minerals,flows,value_before,value_after,value_unit,status_note,"
        "needs_recheck,probability,sources,acts\n"
        "mine-1,=A title,tariff,2026-01-02,2026-02-03,,copper;nickel,WLD>USA,0,25.5,%,@me: check,yes,,https://x.org/a;b,\n"
        "mine-2,Its end,truce,2026-05-06,2026-05-07,2026-12-01,copper,WLD>USA,,,,,no,0.3,,suspends:mine-1\n"
    )
    ingest(catalog, events=events, known_at=NOW)
    catalog.retire("mine.b", now=NOW)
    catalog.bring_back("mine.b", now=NOW)
    catalog.close()
    return folder


@pytest.fixture
def settings(home: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    monkeypatch.setenv("ORECAST_HOME", str(home))
    return Settings.from_env({"ORECAST_HOME": str(home)})


@pytest.fixture
def stores(settings: Settings) -> Iterator[tuple[Catalog, FlaskClient]]:
    catalog = Catalog.open(settings)
    app = create_app(settings, catalog=catalog, registry=Registry(settings.models_dir), clock=lambda: NOW)
    yield catalog, app.test_client()
    catalog.close()


def get(client: FlaskClient, path: str, to: Path) -> Path:
    response = client.get(path, query_string={"format": "csv"})
    assert response.status_code == 200
    to.write_bytes(response.data)
    return to


@pytest.mark.parametrize("series_id", [*MINE, COPPER])
def test_observations_from_the_service_change_nothing(
    stores: tuple[Catalog, FlaskClient], tmp_path: Path, series_id: str
) -> None:
    catalog, client = stores
    before, values = catalog.fingerprint(series_id), catalog.observations(series_id)
    file = get(client, f"/v1/series/{series_id}/observations", tmp_path / "out.csv")
    for now in (NOW, NOW + timedelta(days=40)):
        counts = ingest(catalog, file, known_at=now)
        assert (counts.changed, counts.refused, counts.unchanged) == (0, 0, len(values))
    assert (catalog.fingerprint(series_id), catalog.observations(series_id)) == (before, values)


def test_observations_of_an_earlier_day_change_nothing(stores: tuple[Catalog, FlaskClient], tmp_path: Path) -> None:
    """Not even those that were revised or withdrawn since: what was known then is there already."""
    catalog, client = stores
    before = catalog.observations("mine.a")
    for day in ("2026-06-01", "2026-11-22", "2026-11-23"):
        response = client.get(f"/v1/series/mine.a/observations?as_of={day}&format=csv")
        file = tmp_path / "out.csv"
        file.write_bytes(response.data)
        assert ingest(catalog, file, known_at=NOW + timedelta(days=1)).changed == 0
    assert catalog.observations("mine.a") == before


def test_observations_from_the_command_line_are_those_of_the_service_and_change_nothing(
    stores: tuple[Catalog, FlaskClient], tmp_path: Path
) -> None:
    catalog, client = stores
    window = "as_of=2026-11-24&start=2026-02-01&end=2026-09-01&format=csv"
    file, told = tmp_path / "out.csv", client.get(f"/v1/series/mine.a/observations?{window}").data
    of_window = ["--as-of", "2026-11-24", "--from", "2026-02-01", "--to", "2026-09-01"]
    for show in ([], ["show"]):
        assert call(["observations", *show, "mine.a", *of_window, "--format", "csv", "--output", str(file)]) == 0
        assert file.read_bytes() == told
    counts = ingest(catalog, file, known_at=NOW)
    assert (counts.changed, counts.unchanged) == (0, told.count(b"\n") - 1)
    assert counts.unchanged == 7


def test_series_and_events_from_the_service_change_nothing(stores: tuple[Catalog, FlaskClient], tmp_path: Path) -> None:
    catalog, client = stores
    series, events = catalog.series(), catalog.events()
    counts = ingest(
        catalog,
        series=get(client, "/v1/series", tmp_path / "series.csv"),
        events=get(client, "/v1/events", tmp_path / "events.csv"),
        known_at=NOW,
    )
    assert (counts.changed, counts.unchanged) == (0, len(series) + len(events))
    assert (catalog.series(), catalog.events()) == (series, events)


def test_series_and_events_from_the_command_line_change_nothing(
    settings: Settings, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    series, events, event = (tmp_path / f"{name}.csv" for name in ("series", "events", "event"))
    assert call(["series", "--format", "csv", "--output", str(series)]) == 0
    assert call(["events", "--format", "csv", "--output", str(events)]) == 0
    assert call(["events", "mine-1", "--format", "csv", "--output", str(event)]) == 0
    capsys.readouterr()
    assert call(["ingest", "--series", str(series), "--events", str(events)]) == 0
    assert capsys.readouterr().out.startswith("0 series, 0 observations, 0 revised, 0 events; ")
    assert call(["ingest", "--events", str(event)]) == 0
    assert capsys.readouterr().out.startswith("0 series, 0 observations, 0 revised, 0 events; 1 was")


@pytest.mark.parametrize("day", ["2010-01-01", "2025-04-01", "2026-01-15", "2026-05-06", "2026-11-23"])
def test_events_of_an_earlier_day_change_nothing(stores: tuple[Catalog, FlaskClient], tmp_path: Path, day: str) -> None:
    """Not even those that were amended, ended or retired since."""
    catalog, client = stores
    amend_event(catalog, "mine-1", {"ended": "2026-11-20"}, (), Author("me", NOW, NOW))
    retire_event(catalog, "mine-2", Author("me", NOW, NOW))
    before = catalog.events()
    file = tmp_path / "out.csv"
    file.write_bytes(client.get(f"/v1/events?as_of={day}&format=csv").data)
    counts = ingest(catalog, events=file, known_at=NOW)
    assert (counts.changed, counts.unchanged) == (0, len(catalog.events(date.fromisoformat(day))))
    assert catalog.events() == before
    assert f'"as_of":"{day}"' in client.get(f"/v1/events?as_of={day}").text


def test_an_export_of_events_of_an_earlier_day_cannot_be_amended(
    stores: tuple[Catalog, FlaskClient], tmp_path: Path
) -> None:
    catalog, client = stores
    amend_event(catalog, "mine-1", {"ended": "2026-11-20"}, (), Author("me", NOW, NOW))
    before, file = catalog.events(), tmp_path / "out.csv"
    told = client.get("/v1/events?as_of=2026-11-23&format=csv").text
    file.write_text(told.replace("A title", "B title"))
    with pytest.raises(InvalidInput) as caught:
        ingest(catalog, events=file, known_at=NOW)
    (fault,) = caught.value.faults
    line = next(number for number, text in enumerate(told.splitlines(), 1) if text.startswith("mine-1,"))
    assert (fault.where, fault.value, fault.line) == ("title", "=B title", line)
    assert "=A title, as was known on 2026-11-23; an export of an earlier day cannot be amended" in fault.expected
    header, mine = told.splitlines()[0], told.splitlines()[line - 1]
    for day, right in (("2026-11-25", "a day up to 2026-11-24"), ("2026-01-01", "a day on which mine-1 was known")):
        file.write_text(f"{header}\n{mine.removesuffix('2026-11-23')}{day}\n")
        with pytest.raises(InvalidInput, match=f":2: as_of = '{day}': expected {right}"):
            ingest(catalog, events=file, known_at=NOW)
    assert catalog.events() == before


def test_an_export_of_events_of_today_may_be_amended(stores: tuple[Catalog, FlaskClient], tmp_path: Path) -> None:
    catalog, client = stores
    file = get(client, "/v1/events", tmp_path / "out.csv")
    file.write_text(file.read_text().replace("A title", "B title"))
    assert (ingest(catalog, events=file, known_at=NOW).events, catalog.events()["mine-1"].title) == (1, "=B title")


def test_all_of_it_stands_in_another_catalogue_as_it_stood(stores: tuple[Catalog, FlaskClient], tmp_path: Path) -> None:
    catalog, client = stores
    other = Catalog.open(Settings.from_env({"ORECAST_HOME": str(tmp_path / "other")}))
    files = get(client, "/v1/series", tmp_path / "s.csv"), get(client, "/v1/events", tmp_path / "e.csv")
    ingest(other, get(client, "/v1/series/mine.a/observations", tmp_path / "o.csv"), *files, known_at=NOW)
    assert other.get("mine.a") == catalog.get("mine.a")
    assert other.events()["mine-1"] == catalog.events()["mine-1"]
    assert [_by_day(one) for one in other.observations("mine.a")] == [
        _by_day(one) for one in catalog.observations("mine.a")
    ]
    assert {one.assumed for one in other.observations("mine.a")} == {True, False}
    other.close()


def _by_day(one: Observation) -> Observation:
    """An export tells the day on which a value became known."""
    return replace(one, known=datetime.combine(one.known.date(), datetime.min.time(), UTC))


def test_every_column_of_an_export_is_taken_in_or_known_to_say_nothing(tmp_path: Path) -> None:
    assert {column.name for column in SeriesList.columns()} <= {*SeriesRow.model_fields, *SERIES_NOT_TAKEN}
    for model in (EventList, EventOnDay):
        assert {column.name for column in model.columns()} <= {*EventRow.model_fields, *EVENTS_NOT_TAKEN}
    header = tmp_path / "o.csv"
    header.write_text(
        ",".join(column.name for column in ObservationList.columns()) + "\n" + "a,2026-01-01,1,,2026-02-01,true\n"
    )
    assert open_table(header, Hints(), {}, Limits()).understood.mapping["value"] == "y"

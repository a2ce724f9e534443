"""What was taken in has a way out: a series is retired, a value withdrawn; nothing is deleted, nobody else suffers."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest
from alembic import command
from alembic.config import Config
from flask.testing import FlaskClient
from sqlalchemy import insert, text

import forecast.catalog
from forecast.catalog import Catalog, Observation
from forecast.catalog.engine import Database
from forecast.catalog.schema import EVENTS, OBSERVATIONS, SERIES, event_row, series_row
from forecast.cli import call
from forecast.errors import InvalidInput, NotFound, NotTrained, Retired, TooShort
from forecast.jobs.ingest import ingest
from forecast.jobs.monitor import monitor
from forecast.jobs.train import TrainingPlan, due, train
from forecast.registry import Registry
from forecast.registry.store import CLASSES_FILE as FILE
from forecast.settings import Settings
from forecast.training.panel import PanelSet
from service import create_app
from tests.support.records import a_series
from tests.support.small_world import a_ban
from tests.support.trained_home import COPPER, EARTHS, NICKEL, TRAINED, make_home, settings_in

MAY, JUNE, JULY = (datetime(2026, month, 20, 9, tzinfo=UTC) for month in (5, 6, 7))
MINE = a_series("mine", "cobalt", "price", "target", "world", "WLD", "WLD", "USD/t", "M", 0)
JAN, FEB, MAR = (date(2026, month, 1) for month in (1, 2, 3))


@pytest.fixture(params=["sqlite", "postgresql"])
def anywhere(request: pytest.FixtureRequest) -> Iterator[Catalog]:
    """A catalogue on each of the databases, with a series of three values that were known in May."""
    if request.param == "sqlite":
        settings: Settings = request.getfixturevalue("settings")
    else:
        settings = Settings.from_env({"ORECAST_DATABASE_URL": request.getfixturevalue("postgres_url")})
    catalog = Catalog.open(settings)
    values = [Observation("mine", day, value, "reported", MAY) for day, value in ((JAN, 1.0), (FEB, 2.0), (MAR, 3.0))]
    catalog.add(series=[MINE], observations=values, known_at=MAY)
    yield catalog
    catalog.close()


def values(catalog: Catalog, as_of: date | None = None) -> dict[str, float]:
    """What is known of the series, by period, as both readers tell it."""
    listed = {str(one.ds): one.value for one in catalog.observations("mine", as_of)}
    history = catalog.histories(["mine"], as_of).get("mine")
    drawn = {} if history is None else dict(zip(history.ds.astype(str).tolist(), history.y.tolist(), strict=True))
    assert listed == {day: value for day, value in drawn.items() if not np.isnan(value)}
    return drawn


# -- withdrawing a value -----------------------------------------------------------------------------------------------


def test_a_withdrawn_value_is_known_until_then_and_no_longer(anywhere: Catalog) -> None:
    before = anywhere.fingerprint("mine")
    assert anywhere.withdraw({"mine": [MAR]}, now=JUNE) == (1, 0)
    assert values(anywhere) == {"2026-01-01": 1.0, "2026-02-01": 2.0}
    assert values(anywhere, date(2026, 6, 19)) == {"2026-01-01": 1.0, "2026-02-01": 2.0, "2026-03-01": 3.0}
    assert values(anywhere, date(2026, 6, 20)) == {"2026-01-01": 1.0, "2026-02-01": 2.0}
    assert anywhere.fingerprint("mine") != before
    assert anywhere.fingerprint("mine", date(2026, 6, 19)) == before
    assert anywhere.withdraw({"mine": [MAR]}, now=JULY) == (0, 1)


def test_a_value_withdrawn_from_the_middle_leaves_a_gap(anywhere: Catalog) -> None:
    anywhere.withdraw({"mine": [FEB]}, now=JUNE)
    history = anywhere.history("mine")
    assert history.ds.astype(str).tolist() == ["2026-01-01", "2026-02-01", "2026-03-01"]
    np.testing.assert_array_equal(history.y, [1.0, np.nan, 3.0])
    assert history.flag.tolist() == ["reported", "", "reported"]


def test_a_series_whose_every_value_is_withdrawn_has_none(anywhere: Catalog) -> None:
    anywhere.withdraw({"mine": anywhere.periods("mine")}, now=JUNE)
    with pytest.raises(TooShort, match="mine has no observation"):
        anywhere.history("mine")
    assert values(anywhere) == {}
    assert anywhere.as_known("mine", [date(2026, 6, 20)]) == [None]
    assert anywhere.periods("mine") == [JAN, FEB, MAR]
    with pytest.raises(InvalidInput, match="USD/t, as the values that mine has"):
        anywhere.add(series=[replace(MINE, unit="USD/lb")], known_at=JULY)


def result(folder: Path, catalog: Catalog, rows: str, now: datetime) -> tuple[int, int]:
    """Observations of new periods and revisions that a file brings."""
    path = folder / "rows.csv"
    path.write_text(rows)
    counts = ingest(catalog, path, known_at=now)
    return counts.observations, counts.revised


def test_the_same_row_brings_nothing_back_another_value_or_moment_does(anywhere: Catalog, tmp_path: Path) -> None:
    anywhere.withdraw({"mine": [FEB, MAR]}, now=JUNE)
    assert result(tmp_path, anywhere, "series_id,ds,value\nmine,2026-02-01,2\nmine,2026-03-01,3\n", JULY) == (0, 0)
    assert values(anywhere) == {"2026-01-01": 1.0}
    assert result(tmp_path, anywhere, "series_id,ds,value\nmine,2026-03-01,3.5\n", JULY) == (0, 1)
    assert values(anywhere)["2026-03-01"] == 3.5
    again = "series_id,ds,value,known_at\nmine,2026-02-01,2,2026-07-01\n"
    assert result(tmp_path, anywhere, again, JULY) == (0, 1)
    assert values(anywhere) == {"2026-01-01": 1.0, "2026-02-01": 2.0, "2026-03-01": 3.5}
    assert values(anywhere, date(2026, 6, 30)) == {"2026-01-01": 1.0}


def test_what_cannot_be_withdrawn_is_told_and_nothing_is(anywhere: Catalog) -> None:
    with pytest.raises(InvalidInput, match=r"2025-12-01.*a period of which mine has had a value"):
        anywhere.withdraw({"mine": [MAR, date(2025, 12, 1)]}, now=JUNE)
    with pytest.raises(NotFound, match="nearest: mine"):
        anywhere.withdraw({"mine": [MAR], "mines": [MAR]}, now=JUNE)
    assert len(values(anywhere)) == 3


def test_reading_the_bundled_data_in_again_brings_nothing_back(catalog: Catalog, settings: Settings) -> None:
    june = date(2026, 6, 1)
    catalog.withdraw({COPPER: [june]}, now=datetime.now(UTC))
    with catalog._database.writing() as connection:
        connection.execute(text("DELETE FROM snapshots"))
    again = Catalog.open(settings)
    assert [one.ds for one in again.observations(COPPER, start=date(2026, 5, 1))] == [date(2026, 5, 1)]
    assert june in again.periods(COPPER)
    again.close()


# -- retiring a series -------------------------------------------------------------------------------------------------


def test_a_retired_series_is_nowhere_but_in_what_is_kept(anywhere: Catalog) -> None:
    assert anywhere.retire("mine", now=JUNE) == JUNE
    assert anywhere.retire("mine", now=JULY) == JUNE
    assert "mine" not in anywhere.series()
    assert "mine" not in anywhere.histories()
    assert anywhere.series(retired=True)["mine"] == MINE
    assert anywhere.retired() == {"mine": JUNE}
    for read in (anywhere.get, anywhere.history, anywhere.observations, anywhere.periods, anywhere.fingerprint):
        with pytest.raises(Retired, match=r"'mine' was retired on 2026-06-20 at 09:00 UTC .* retire mine --undo"):
            read("mine")
    anywhere.bring_back("mine", now=JULY)
    assert anywhere.get("mine") == MINE
    assert values(anywhere)["2026-03-01"] == 3.0
    with pytest.raises(NotFound, match="no retired series 'mine'"):
        anywhere.bring_back("mine", now=JULY)
    assert anywhere.retire("mine", now=MAY) == MAY  # a clock that was set back
    assert list(anywhere.retired()) == ["mine"]


def test_what_is_told_of_a_retired_series_is_kept_and_it_stays_retired(anywhere: Catalog, tmp_path: Path) -> None:
    anywhere.retire("mine", now=JUNE)
    rows, series = tmp_path / "rows.csv", tmp_path / "series.csv"
    rows.write_text("series_id,ds,value\nmine,2026-04-01,4\n")
    series.write_text("series_id,mineral,measure,unit,freq\nmine,cobalt,price,USD/t,M\n")
    counts = ingest(anywhere, rows, series, known_at=JULY)
    assert counts.observations == 1
    assert counts.notes[0] == "mine is retired: what is told of it is kept, and it is not served"
    assert list(anywhere.retired()) == ["mine"]
    anywhere.bring_back("mine", now=JULY)
    assert values(anywhere)["2026-04-01"] == 4.0


def test_a_retired_series_teaches_others_nothing(catalog: Catalog) -> None:
    today = date(2026, 7, 15)
    spot = a_series("spot", "copper", "price", "comparison", "world", "WLD", "WLD", "USD/t", "D", 0)
    noted = Observation("spot", date(2026, 7, 1), 9000.0, "reported", MAY)
    copper = replace(catalog.get(COPPER), spot="spot")
    catalog.add(series=[spot, copper], observations=[noted], known_at=JULY - timedelta(days=20))
    peers = PanelSet.of(catalog, today).like(copper)
    assert peers is not None
    assert COPPER in peers.companions
    catalog.retire("spot", now=JULY)
    catalog.retire("price.cotton", now=JULY)
    after = PanelSet.of(catalog, today).like(copper)
    assert after is not None
    assert peers.histories.keys() - after.histories.keys() == {"price.cotton"}
    assert after.companions == {}
    # One that is retired while others are trained is no fault of theirs.
    assert catalog.histories(["price.cotton", COPPER]).keys() == {COPPER}
    assert after.digest != peers.digest


# -- by every door -----------------------------------------------------------------------------------------------------


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    make_home(tmp_path)
    monkeypatch.setenv("ORECAST_HOME", str(tmp_path))
    return tmp_path


@pytest.fixture
def client(home: Path) -> FlaskClient:
    return create_app(settings_in(home), clock=lambda: datetime.now(UTC)).test_client()


def orecast(capsys: pytest.CaptureFixture[str], *arguments: object, code: int = 0) -> str:
    """What a command prints, on both streams."""
    capsys.readouterr()
    assert call([str(argument) for argument in arguments]) == code
    printed = capsys.readouterr()
    return printed.out + printed.err


def rows_of(client: FlaskClient, path: str) -> list[dict[str, object]]:
    response = client.get(path)
    assert response.status_code == 200, response.get_data(as_text=True)
    found: list[dict[str, object]] = response.get_json()["data"]
    return found


def test_retiring_by_command_takes_a_series_off_every_answer(
    home: Path, client: FlaskClient, capsys: pytest.CaptureFixture[str]
) -> None:
    assert {one["series_id"] for one in rows_of(client, "/v1/forecasts")} == set(TRAINED)
    assert NICKEL in json.loads((home / "models" / FILE).read_text())["runs"]
    assert f"{NICKEL} is retired since 20" in orecast(capsys, "series", "retire", NICKEL)
    assert {one["series_id"] for one in rows_of(client, "/v1/forecasts")} == {COPPER, EARTHS}
    assert set(json.loads((home / "models" / FILE).read_text())["runs"]) == {COPPER, EARTHS}
    assert NICKEL not in {one["series_id"] for one in rows_of(client, "/v1/series")}
    (row,) = [one for one in rows_of(client, "/v1/series?retired=true") if one["series_id"] == NICKEL]
    assert row["run"] is None
    assert str(row["retired"]).startswith("20")
    for path in ("series/{}", "series/{}/observations", "series/{}/effects", "series/{}/backtest", "forecasts/{}"):
        gone = client.get(f"/v1/{path.format(NICKEL)}")
        assert (gone.status_code, gone.get_json()["title"]) == (410, "Retired")
        assert f"series '{NICKEL}' was retired on 20" in gone.get_json()["detail"]
    assert client.get("/readyz").get_json()["serving"] == 2
    assert "2 series" in orecast(capsys, "export", "--output", home / "all.csv", code=1)
    assert NICKEL not in (home / "all.csv").read_text()
    assert f"\n{NICKEL} " not in orecast(capsys, "series")
    assert NICKEL not in orecast(capsys, "runs", "list")
    assert NICKEL not in {one["series_id"] for one in rows_of(client, "/v1/runs")}
    assert f"\n{NICKEL} " in orecast(capsys, "series", "--retired")
    assert "--undo" in orecast(capsys, "forecast", NICKEL, code=4)
    assert f"{NICKEL} is back" in orecast(capsys, "series", "retire", NICKEL, "--undo")
    assert client.get(f"/v1/forecasts/{NICKEL}").get_json()["run"] == "2026-06-01-a"
    assert NICKEL in json.loads((home / "models" / FILE).read_text())["runs"]


def test_damage_of_a_retired_run_is_no_fault(
    home: Path, client: FlaskClient, capsys: pytest.CaptureFixture[str]
) -> None:
    (home / "models" / NICKEL / "2026-06-01-a" / "draws.npy").unlink()
    assert client.get("/readyz").get_json()["status"] == "degraded"
    orecast(capsys, "series", "retire", NICKEL)
    assert client.get("/readyz").get_json() == {"status": "ready", "serving": 2, "faults": [], "held": []}


def test_the_nearest_names_are_told(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert "nearest: price.nickel" in orecast(capsys, "series", "retire", "price.nikel", code=4)
    assert "nearest: price.nickel" in orecast(capsys, "series", "price.nikel", code=4)
    asked = "observations", "withdraw", "price.nikel", "--from", "2026-01-01"
    assert "nearest: price.nickel" in orecast(capsys, *asked, code=4)


def test_values_are_withdrawn_by_command(home: Path, client: FlaskClient, capsys: pytest.CaptureFixture[str]) -> None:
    asked = "observations", "withdraw", COPPER, "--from", "2026-05-01"
    message = f"{COPPER}: 2026-05-01 to 2026-06-01, 2 in all\nwithdrawn: 2; withdrawn before: 0"
    message += "; training is due (orecast retrain --due)\n"
    assert orecast(capsys, *asked) == message
    assert orecast(capsys, *asked).endswith("withdrawn: 0; withdrawn before: 2\n")
    today = datetime.now(UTC).date()
    path = f"/v1/series/{COPPER}/observations?as_of={today}&start=2026-04-01"
    assert [one["ds"] for one in rows_of(client, path)] == ["2026-04-01"]
    path = f"/v1/series/{COPPER}/observations?as_of={today - timedelta(days=1)}&start=2026-04-01"
    assert [one["ds"] for one in rows_of(client, path)] == ["2026-04-01", "2026-05-01", "2026-06-01"]
    assert "has values from 1992-01-01 to 2026-06-01" in orecast(capsys, *asked[:4], "2027-01-01", code=2)


def test_values_are_withdrawn_by_file_or_none_is(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    wrong = home / "wrong.csv"
    wrong.write_text(
        "series_id,ds\nprice.coper,2026-06-01\nprice.copper,2026-06-02\nprice.nickel,June\nprice.tin,2026-06\n"
    )
    message = orecast(capsys, "observations", "withdraw", "--file", wrong, code=2)
    assert f"{wrong}:2: series_id = 'price.coper': expected a known series; nearest: price.copper" in message
    assert (
        f"{wrong}:3: ds = '2026-06-02': expected the first day of a period of which price.copper has had a" in message
    )
    assert f"{wrong}:4: ds = 'June': expected a date, YYYY-MM-DD (or YYYY-MM)" in message
    right = home / "right.csv"
    right.write_text("series_id,period\nprice.tin,2026-06\nprice.nickel,2026-06-01\n")
    assert "withdrawn: 2; withdrawn before: 0" in orecast(capsys, "observations", "withdraw", "--file", right)


@pytest.mark.parametrize("asked", [(), (COPPER,), (COPPER, "--file", "right.csv"), ("--from", "2026-01-01")])
def test_a_withdrawal_says_of_what(home: Path, capsys: pytest.CaptureFixture[str], asked: tuple[str, ...]) -> None:
    (home / "right.csv").write_text("series_id,ds\nprice.tin,2026-06-01\n")
    asked = tuple(str(home / word) if word == "right.csv" else word for word in asked)
    orecast(capsys, "observations", "withdraw", *asked, code=2)


def test_a_withdrawn_value_makes_training_due(home: Path) -> None:
    settings = settings_in(home, draws="200")
    catalog, registry = Catalog.open(settings), Registry(settings.models_dir)
    today = datetime.now(UTC).date()
    plan = TrainingPlan(today, families=("random-walk",))
    train(catalog, registry, settings, ["price.tin"], plan)
    assert "price.tin" not in due(catalog, registry, settings, today)
    catalog.withdraw({"price.tin": [catalog.periods("volume.steel.export.cn")[-1]]}, now=datetime.now(UTC))
    assert "price.tin" in due(catalog, registry, settings, today)
    catalog.close()


# -- what older versions took in ---------------------------------------------------------------------------------------

OLD = ("champion", "classes.json", "2024", "My Price", "../x")


@pytest.fixture
def older(home: Path) -> Iterator[Catalog]:
    """A catalogue with ids, a place and a flow that today's rules refuse."""
    settings = settings_in(home)
    database = Database(settings.database_url)
    with database.writing() as connection:
        for series_id in OLD:
            connection.execute(insert(SERIES), series_row(replace(MINE, series_id=series_id)))
            row = {"series_id": series_id, "ds": JAN, "known": datetime(2026, 3, 1), "value": 1.0}
            connection.execute(insert(OBSERVATIONS), row | {"flag": "reported", "assumed": False})
        connection.execute(text("UPDATE series SET partner = 'CN' WHERE series_id = '2024'"))
        connection.execute(text("UPDATE events SET flows = 'CN>US;odd' WHERE event_id = 'cn-7ree-licence-2025'"))
        connection.execute(text("UPDATE changes SET number = number + 1"))
    database.close()
    catalog = Catalog.open(settings)
    yield catalog
    catalog.close()


def test_an_id_that_today_is_refused_takes_nothing_down(
    older: Catalog, home: Path, client: FlaskClient, capsys: pytest.CaptureFixture[str]
) -> None:
    faults = {one["series_id"]: one["fault"] for one in rows_of(client, "/v1/series")}
    assert all(f"no forecast for {name!r}: its id is refused, expected" in str(faults[name]) for name in OLD)
    assert faults[COPPER] is None
    assert {one["series_id"] for one in rows_of(client, "/v1/forecasts")} == set(TRAINED)
    ready = client.get("/readyz").get_json()
    assert (ready["status"], ready["serving"]) == ("degraded", 3)
    assert sorted(ready["faults"]) == sorted(str(faults[name]) for name in OLD)
    registry = Registry(home / "models")
    health = {one.series_id: one.fault for one in monitor(older, registry, date(2026, 7, 15)).data}
    assert all(health[name] == faults[name] for name in OLD)
    lines = orecast(capsys, "monitor", "--as-of", "2026-07-15", code=1).splitlines()
    assert {line.split()[0]: line.split()[-1] for line in lines if line.startswith(("2024 ", "champion ", NICKEL))} == {
        "2024": "none",
        "champion": "none",
        NICKEL: "served",
    }
    assert not set(due(older, registry, settings_in(home), date(2026, 7, 15))) & set(OLD)
    assert older.events()["cn-7ree-licence-2025"].flows == (("CN", "US"), ("odd", ""))
    message = orecast(capsys, "export", "--output", home / "all.csv", code=1)
    assert all(str(faults[name]) in message for name in OLD)
    assert {row["series_id"] for row in csv.DictReader(io.StringIO((home / "all.csv").read_text()))} == set(TRAINED)
    assert "none: its id is refused" in orecast(capsys, "series")
    assert client.get("/v1/events/cn-7ree-licence-2025").status_code == 200


@pytest.mark.parametrize("name", OLD)
def test_an_id_that_today_is_refused_has_a_way_out(
    older: Catalog, client: FlaskClient, capsys: pytest.CaptureFixture[str], name: str
) -> None:
    with pytest.raises(NotTrained, match="its id is refused"):
        train(older, Registry(Path("unused")), settings_in(Path("unused")), [name], TrainingPlan(date(2026, 7, 15)))
    if "/" not in name:
        assert client.get(f"/v1/series/{name}").get_json()["series_id"] == name
        refused = client.get(f"/v1/forecasts/{name}")
        assert (refused.status_code, refused.get_json()["title"]) == (404, "Not trained")
    assert f"{name} is retired since" in orecast(capsys, "series", "retire", name)
    assert name not in {one["series_id"] for one in rows_of(client, "/v1/series")}


def test_numbers_keep_the_unit_that_their_run_was_trained_in(older: Catalog, client: FlaskClient) -> None:
    with older._database.writing() as connection:
        connection.execute(text(f"UPDATE series SET unit = 'USD/lb' WHERE series_id = '{COPPER}'"))
        connection.execute(text("UPDATE changes SET number = number + 1"))
    assert client.get(f"/v1/series/{COPPER}").get_json()["unit"] == "USD/lb"
    assert client.get(f"/v1/forecasts/{COPPER}").get_json()["unit"] == "USD/t"
    assert client.get(f"/v1/series/{COPPER}/effects").get_json()["unit"] == "USD/t"
    asked = client.post("/v1/scenarios", json={"series": [COPPER], "scenarios": []})
    assert [one["unit"] for one in asked.get_json()["data"]] == ["USD/t"]


def test_the_bundled_data_leave_a_unit_alone_that_a_user_has_changed(older: Catalog, home: Path) -> None:
    with older._database.writing() as connection:
        connection.execute(text(f"UPDATE series SET unit = 'USD/lb' WHERE series_id = '{COPPER}'"))
        connection.execute(text("UPDATE series SET unit = 'EUR/t' WHERE series_id = 'price.tin'"))
        connection.execute(text("DELETE FROM observations WHERE series_id = 'price.tin'"))
        connection.execute(text("DELETE FROM snapshots"))
    again = Catalog.open(settings_in(home))
    assert again.get(COPPER).unit == "USD/lb"
    assert again.get("price.tin").unit == "USD/t"
    again.close()


@pytest.mark.parametrize(
    ("role", "why", "effects"),
    [
        ("comparison", "it is a comparison, which is used to estimate effects and is never forecast", 404),
        ("evidence", "it is evidence, which tells what events do and is never forecast", 200),
    ],
)
def test_what_is_a_target_no_more_is_not_forecast(
    home: Path, client: FlaskClient, role: str, why: str, effects: int
) -> None:
    catalog = Catalog.open(settings_in(home))
    catalog.add(series=[replace(catalog.get(NICKEL), role=role)], known_at=JULY)
    catalog.close()
    refused = client.get(f"/v1/forecasts/{NICKEL}")
    assert (refused.status_code, refused.get_json()["title"]) == (404, "Not trained")
    assert why in refused.get_json()["detail"]
    listed = rows_of(client, f"/v1/series?role={role}")
    assert NICKEL in {one["series_id"] for one in listed}
    assert rows_of(client, f"/v1/series/{NICKEL}/observations"), "what is known of it can be read"
    assert {one["series_id"] for one in rows_of(client, "/v1/forecasts")} == {COPPER, EARTHS}
    assert (client.get(f"/v1/series/{NICKEL}").get_json()["run"] is None) == (role == "comparison")
    assert client.get(f"/v1/series/{NICKEL}/effects").status_code == effects
    assert client.get(f"/v1/series/{NICKEL}/backtest").status_code == 404


# -- the catalogue of an older version ---------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
def test_a_catalogue_of_the_first_version_is_brought_up_to_date(
    kind: str, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    url = f"sqlite:///{tmp_path}/old.db" if kind == "sqlite" else request.getfixturevalue("postgres_url")
    database = Database(url)
    if kind == "postgresql":
        with database.writing() as connection:
            connection.execute(text("DROP SCHEMA public CASCADE"))
            connection.execute(text("CREATE SCHEMA public"))
    with database.writing() as connection:
        config = Config()
        config.set_main_option("script_location", str(Path(forecast.catalog.__file__).parent / "migrations"))
        config.set_main_option("path_separator", "os")
        config.attributes["connection"] = connection
        command.upgrade(config, "0001")
        connection.execute(insert(SERIES), {k: v for k, v in series_row(MINE).items() if k != "resolution"})
        kept = event_row(a_ban("mine-stops")), event_row(a_ban("cn-7ree-licence-2025"))
        later = {"own", "probability_source", "probability_date"}
        connection.execute(insert(EVENTS), [{k: v for k, v in one.items() if k not in later} for one in kept])
        row = {"series_id": "mine", "ds": JAN, "known": datetime(2026, 2, 1), "value": 7.0, "flag": "reported"}
        connection.execute(insert(OBSERVATIONS), row | {"assumed": False})
        tables = "SELECT version_num FROM alembic_version"
        assert connection.execute(text(tables)).scalar_one() == "0001"
    database.close()
    catalog = Catalog.open(Settings.from_env({"ORECAST_DATABASE_URL": url}))
    assert values(catalog) == {"2026-01-01": 7.0}
    assert catalog.get("mine") == MINE
    assert {e.event_id for e in catalog.events().values() if e.own} == {"mine-stops"}
    catalog.withdraw({"mine": [JAN]}, now=JUNE)
    assert values(catalog) == {}
    assert values(catalog, date(2026, 6, 19)) == {"2026-01-01": 7.0}
    catalog.retire("mine", now=JUNE)
    assert catalog.retired() == {"mine": JUNE}
    catalog.close()

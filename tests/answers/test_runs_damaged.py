"""A damaged run is told in the same way wherever it is met, and no answer tells where the runs lie."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from flask.testing import FlaskClient

from forecast.answers.event_priors import Evidence, refresh
from forecast.answers.several import each
from forecast.catalog import Catalog
from forecast.catalog.fetches import FetchState
from forecast.cli import call
from forecast.errors import Damaged, Unavailable
from forecast.registry import Registry
from forecast.registry.store import CLASSES_FILE as FILE
from forecast.settings import Settings
from service import create_app
from tests.service.conftest import get
from tests.support.trained_home import COPPER, EARTHS, NICKEL, NOW, clock, make_home

RUN = "2026-06-01-a"
SAYS = f"corrupt artifact {NICKEL}/{RUN}/draws.npy: its bytes are not those its card promises"
NO_FORECAST = f"no forecast for '{NICKEL}': {SAYS}; run: orecast train {NICKEL}"


@pytest.fixture
def home(tmp_path: Path) -> Settings:
    """Three series, of which the only run of one has lost the end of its draws."""
    settings = make_home(tmp_path)
    cut(settings)
    return settings


@pytest.fixture
def client(home: Settings) -> FlaskClient:
    return create_app(home, clock=clock).test_client()


def cut(settings: Settings) -> bytes:
    """Cut the draws of nickel short; what they were."""
    draws = settings.models_dir / NICKEL / RUN / "draws.npy"
    whole = draws.read_bytes()
    draws.write_bytes(whole[:-100])
    return whole


def test_lists_and_single_answers_agree_over_http(client: FlaskClient) -> None:
    (run,) = get(client, f"/v1/runs?series_id={NICKEL}")["data"]
    assert (run["fault"], run["champion"], run["family"]) == (SAYS, True, "random-walk")
    assert [run["fault"] for run in get(client, "/v1/runs")["data"]] == [None, SAYS, None]
    series = {one["series_id"]: one for one in get(client, "/v1/series")["data"]}
    assert (series[NICKEL]["run"], series[NICKEL]["fault"]) == (None, NO_FORECAST)
    assert (series[COPPER]["run"], series[COPPER]["fault"]) == (RUN, None)
    assert (series["price.zinc"]["run"], series["price.zinc"]["fault"]) == (None, None)
    for path in (f"forecasts/{NICKEL}", f"series/{NICKEL}/effects", f"series/{NICKEL}/backtest"):
        problem = get(client, f"/v1/{path}", 503)
        assert (problem["type"], problem["detail"]) == ("urn:orecast:problem:corrupt-artifact", NO_FORECAST)
    assert get(client, "/v1/forecasts?h=1")["left_out"] == [{"series_id": NICKEL, "why": NO_FORECAST, "fault": True}]
    assert get(client, "/readyz")["faults"] == [f"{NICKEL}: {SAYS}; serving nothing"]


def test_a_run_by_its_id_is_told_as_in_the_list(client: FlaskClient, home: Settings) -> None:
    folder = home.models_dir / NICKEL / RUN
    folder.rename(folder.with_name("2026-06-01-z"))
    assert get(client, "/v1/runs/2026-06-01-z", 503)["detail"] == SAYS.replace(RUN, "2026-06-01-z")


def test_no_answer_tells_where_the_runs_lie(client: FlaskClient, home: Settings) -> None:
    (home.models_dir / COPPER / RUN / "card.json").unlink()
    question = {"series": [NICKEL, EARTHS], "scenarios": []}
    answers = [client.get(path) for path in ("/v1/runs", "/v1/series", "/v1/forecasts", "/readyz", "/v1/effects")]
    answers += [client.get(f"/v1/{kind}/{name}") for kind in ("forecasts", "series") for name in (NICKEL, COPPER)]
    for answer in (*answers, client.post("/v1/scenarios", json=question)):
        assert str(home.models_dir) not in answer.get_data(as_text=True)
    assert NICKEL in client.post("/v1/scenarios", json=question).get_json()["left_out"][0]["why"]


def test_on_the_command_line(
    home: Settings, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("ORECAST_HOME", str(home.home))
    for command in (["forecast"], ["runs", "show"], ["effects"], ["backtest"]):
        assert call([*command, NICKEL]) == 5
        assert capsys.readouterr().err == f"orecast: {NO_FORECAST}\n"
    assert call(["series", "--format", "json"]) == 0
    found = {one["series_id"]: one["fault"] for one in json.loads(capsys.readouterr().out)["data"]}
    assert {name for name, fault in found.items() if fault} == {NICKEL}
    assert call(["series"]) == 0
    (line,) = [line for line in capsys.readouterr().out.splitlines() if line.startswith(f"{NICKEL} ")]
    assert line.endswith("none: damaged")


def test_a_database_that_is_away_is_no_fault_of_a_series() -> None:
    def away(_name: str) -> None:
        raise Unavailable("postgresql://host/ore", "it is down")

    with pytest.raises(Unavailable):
        each([("a",), ("b",)], away)


#: What may become of a file: lost, cut, changed, in the way, a link to nowhere, or lists in lists without end.
DAMAGE: dict[str, Callable[[Path], int | None]] = {
    "lost": Path.unlink,
    "empty": lambda file: file.write_bytes(b""),
    "cut": lambda file: file.write_bytes(file.read_bytes()[: file.stat().st_size // 2]),
    "changed": lambda file: file.write_bytes(file.read_bytes()[:-3] + b"???"),
    "a folder": lambda file: file.rename(file.with_name("was")).with_name(file.name).mkdir(),
    "a link to nowhere": lambda file: file.rename(file.with_name("was")).with_name(file.name).symlink_to("nowhere"),
    "deep": lambda file: file.write_text("[" * 100_000),
}
PATHS = (
    f"/v1/forecasts/{COPPER}",
    f"/v1/series/{COPPER}/effects",
    f"/v1/series/{COPPER}/backtest",
    f"/v1/series/{COPPER}",
    f"/v1/runs/{RUN}",
    "/v1/forecasts",
    "/v1/effects",
    "/v1/runs",
    "/readyz?verbose=true",
)
FILES = (
    f"{COPPER}/{RUN}/draws.npy",
    f"{COPPER}/{RUN}/card.json",
    f"{COPPER}/{RUN}/fitted.joblib",
    f"{COPPER}/champion",
)


@pytest.mark.parametrize("damage", DAMAGE)
@pytest.mark.parametrize("name", [*FILES, FILE])
def test_whatever_becomes_of_a_file_of_the_only_run_it_is_told_and_never_not_found(
    tmp_path: Path, name: str, damage: str
) -> None:
    settings = make_home(tmp_path)
    Registry(settings.models_dir).sweep()
    client = create_app(settings, clock=clock).test_client()
    before = {path: client.get(path) for path in PATHS}
    assert {answer.status_code for answer in before.values()} == {200}
    DAMAGE[damage](settings.models_dir / name)
    for path in PATHS:
        answer = client.get(path)
        assert answer.status_code in (200, 503), path
        assert str(tmp_path) not in answer.get_data(as_text=True), path
        if answer.status_code == 503:
            assert answer.get_json()["type"] == "urn:orecast:problem:corrupt-artifact"
        elif path.startswith("/v1/forecasts/"):
            assert answer.data == before[path].data, "what is served is what was served"
    ready = get(client, "/readyz?verbose=true")
    if name != FILE or damage not in ("lost", "a link to nowhere"):  # it is not there before anything has written it
        assert ready["status"] == "degraded"
        assert any(Path(name).name in fault for fault in ready["faults"]), ready["faults"]


def test_a_fault_of_a_source_that_names_a_file_is_told_without_its_folders(tmp_path: Path) -> None:
    settings = make_home(tmp_path)
    catalog = Catalog.open(settings)
    why = f"OSError: [Errno 28] No space left on device: '{tmp_path}/var/spool.csv'; see https://host/a/b"
    catalog.fetches.record(FetchState("worldbank", NOW, NOW, why, NOW))
    client = create_app(settings, catalog=catalog, clock=clock).test_client()
    (source,) = get(client, "/readyz?verbose=true")["sources"]
    assert source["fault"] == "OSError: [Errno 28] No space left on device: 'spool.csv'; see https://host/a/b"
    catalog.close()


def test_the_command_that_verifies_reads_every_run_and_says_what_is_wrong(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    settings = make_home(tmp_path)
    monkeypatch.setenv("ORECAST_HOME", str(settings.home))
    assert call(["runs", "verify"]) == 0
    assert capsys.readouterr().out == "3 runs: every byte is as it was written\n"
    cut(settings)
    (settings.models_dir / FILE).write_text("{}")
    assert call(["runs", "verify"]) == 5
    first, second = capsys.readouterr().out.splitlines()
    assert first == f"{NICKEL}: {SAYS}; serving nothing"
    assert second.startswith("corrupt artifact classes.json: ")


# -- what events of a kind do ------------------------------------------------------------------------------------------


def taught(registry: Registry) -> set[str]:
    return {one.series_id for one in Evidence.of(registry).likelihoods}


def test_what_was_learned_while_a_run_was_damaged_is_forgotten_when_it_is_restored(tmp_path: Path) -> None:
    settings = make_home(tmp_path)
    registry, whole = Registry(settings.models_dir), Evidence.of(Registry(settings.models_dir))
    draws = cut(settings)
    refresh(registry, ())
    assert not (registry.root / FILE).exists()
    assert taught(registry) == {COPPER, EARTHS}
    with pytest.raises(Damaged):
        registry.champion(NICKEL)
    (registry.root / NICKEL / RUN / "draws.npy").write_bytes(draws)
    assert taught(registry) == {COPPER, NICKEL, EARTHS}, "in a process that saw it damaged too"
    assert Evidence.of(registry).digest == whole.digest
    refresh(registry, ())
    assert (registry.root / FILE).is_file()
    assert Evidence.of(registry).digest == whole.digest

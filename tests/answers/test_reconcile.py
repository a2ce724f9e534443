"""What users rely on: coherent draws are not negative and add up, whoever leaves something out, in every answer."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from forecast.answers.champion import futures
from forecast.answers.event_priors import refresh
from forecast.answers.forecast import ForecastQuestion, forecast
from forecast.answers.reconcile import coherent, correlations, members, ordered, project, reconciled, together
from forecast.answers.span import Span
from forecast.catalog import Catalog
from forecast.cli import call
from forecast.errors import InvalidInput, NotTrained
from forecast.jobs.ingest import ingest
from forecast.registry import Payload, Registry
from forecast.settings import Settings, SpanOrigin
from forecast.timeseries.hierarchy import Group, groups, sums
from forecast.timeseries.series import Series
from service import create_app
from tests.support.records import a_series
from tests.support.trained_home import HORIZON, NOW, add_run, clock, settings_in

DAY = NOW.date()
MONTHS = np.arange("2018-01", "2026-06", dtype="datetime64[M]").astype("datetime64[D]")
#: world = europe + asia + what nobody names; europe = north + south.
PARENTS = {"m.world": "", "m.europe": "m.world", "m.asia": "m.world", "m.north": "m.europe", "m.south": "m.europe"}
NAMES = tuple(PARENTS)


def values(rest: float = 0.25) -> dict[str, np.ndarray]:
    """A history in which the two parts of europe move together, and asia by itself."""
    rng = np.random.default_rng(4)
    common, own = rng.normal(0, 0.3, len(MONTHS)), rng.normal(0, 0.1, (3, len(MONTHS)))
    north, south = 1000 * np.exp(common + own[0]), 300 * np.exp(common + own[1])
    asia = 2000 * np.exp(3 * own[2])
    europe = north + south
    return {
        "m.world": (europe + asia) / (1 - rest),
        "m.europe": europe,
        "m.asia": asia,
        "m.north": north,
        "m.south": south,
    }


def write(folder: Path, history: dict[str, np.ndarray], short: dict[str, int] | None = None) -> tuple[Path, Path]:
    """Files of series and observations; ``short``: how many of the last months a series lacks."""
    lacks = {name: (short or {}).get(name, 0) for name in history}
    series, observations = folder / "series.csv", folder / "observations.csv"
    lines = [f"{name},volume,t,M,{parent}" for name, parent in PARENTS.items()]
    series.write_text("\n".join(["series_id,measure,unit,freq,parent", *lines]) + "\n")
    rows = [
        f"{name},{ds},{y:.6g}"
        for name, ys in history.items()
        for ds, y in list(zip(MONTHS, ys, strict=True))[: len(ys) - lacks[name]]
    ]
    observations.write_text("\n".join(["series_id,ds,value", *rows]) + "\n")
    return observations, series


@pytest.fixture
def home(settings: Settings, tmp_path: Path) -> Settings:
    """A catalogue with the group, and a run of each member."""
    train(settings, tmp_path)
    return settings


def train(
    settings: Settings, folder: Path, rest: float = 0.25, without: str = "", short: dict[str, int] | None = None
) -> None:
    catalog, registry = Catalog.open(settings), Registry(settings.models_dir)
    ingest(catalog, *write(folder, values(rest), short), known_at=NOW)
    for i, name in enumerate(NAMES):
        if name != without:
            registry.promote(name, add_run(registry, catalog, name, level=1.0 + 0.1 * i))
    catalog.close()


def base_of(settings: Settings):  # type: ignore[no-untyped-def]
    catalog = Catalog.open(settings)
    (group,) = groups(catalog.series(), ["m.asia"])
    each = tuple(futures(catalog, Registry(settings.models_dir), group.members, DAY))
    whole = together(catalog, group, each)
    return whole.base, whole.draws, whole.notes


# -- the sums ----------------------------------------------------------------------------------------------------------


def test_every_draw_adds_up_and_none_is_negative(home: Settings) -> None:
    base, draws, _ = base_of(home)
    of = dict(zip(base.group.members, draws, strict=True))
    assert draws.min() >= 0
    assert np.allclose(of["m.north"] + of["m.south"], of["m.europe"], rtol=1e-9)
    left = of["m.world"] - of["m.europe"] - of["m.asia"]
    assert left.min() > -1e-6
    assert np.median(left / of["m.world"]) == pytest.approx(0.25, abs=0.08)


def test_parts_that_are_the_whole_leave_nothing_out(settings: Settings, tmp_path: Path) -> None:
    train(settings, tmp_path, rest=0.0)
    base, draws, message = base_of(settings)
    of = dict(zip(base.group.members, draws, strict=True))
    assert np.allclose(of["m.europe"] + of["m.asia"], of["m.world"], rtol=1e-9)
    assert len(message) == 1


def test_parts_that_overlap_are_refused(settings: Settings, tmp_path: Path) -> None:
    train(settings, tmp_path, rest=-0.2)
    with pytest.raises(InvalidInput, match=r"parts that do not overlap: those of m.world are 120% of it"):
        base_of(settings)


@given(arrays.arrays(float, (3, 20), elements=st.floats(-1e6, 1e6)))
def test_what_is_coherent_already_is_left_as_it_is(leaves: np.ndarray) -> None:
    group = Group("a", ("a", "b", "c", "d"), {"a": ("b", "c", "d")})
    names, S = sums(group, [])
    assert names == ("b", "c", "d")
    assert np.allclose(project(S, S @ leaves), leaves, atol=0.1)


def test_the_projection_is_weighted_least_squares() -> None:
    rng = np.random.default_rng(0)
    S = np.array([[1.0, 1.0], [1.0, 0.0], [0.0, 1.0]])
    draws = rng.normal([[30.0], [10.0], [15.0]], [[2.0], [1.0], [3.0]], (3, 5000))
    low, high = np.quantile(draws, [1 / 6, 5 / 6], axis=1)
    W = np.diag(1 / (high - low) ** 2)
    expected = np.linalg.solve(S.T @ W @ S, S.T @ W @ draws)
    assert np.allclose(project(S, draws), expected)


def test_sums_with_and_without_a_rest() -> None:
    group = Group("w", ("w", "e", "n", "s", "a"), {"w": ("e", "a"), "e": ("n", "s")})
    leaves, S = sums(group, ["w"])
    assert leaves == ("n", "s", "a", "w")
    assert S.tolist() == [[1, 1, 1, 1], [1, 1, 0, 0], [1, 0, 0, 0], [0, 1, 0, 0], [0, 0, 1, 0]]


# -- moving together ---------------------------------------------------------------------------------------------------


def test_series_move_together_as_they_did(home: Settings) -> None:
    base, _, _ = base_of(home)
    at = {name: i for i, name in enumerate(base.group.members)}
    R, own = correlations(base), ordered(base)
    assert np.allclose(np.diag(R), 1)
    assert R[at["m.north"], at["m.south"]] > 0.5 > abs(R[at["m.north"], at["m.asia"]])
    ranks = np.argsort(np.argsort(np.log(own).mean(axis=1), axis=1), axis=1)
    drawn = np.asarray(np.corrcoef(ranks))
    assert drawn[at["m.north"], at["m.south"]] == pytest.approx(R[at["m.north"], at["m.south"]], abs=0.12)


def test_order_changes_no_margin(home: Settings) -> None:
    base, _, _ = base_of(home)
    for name, drawn in zip(base.group.members, ordered(base), strict=True):
        alone = base.futures[name].draws
        assert np.allclose(np.sort(drawn[0]), np.sort(alone[0]), rtol=1e-4)
        assert np.allclose(np.sort(drawn[-1]), np.sort(alone[-1]), rtol=1e-4)


def test_same_seed_same_digits(home: Settings) -> None:
    base, draws, _ = base_of(home)
    again, same, _ = base_of(home)
    assert base is not again
    assert (draws == same).all()
    assert not (reconciled(base, {}) == draws).all()


# -- answers -----------------------------------------------------------------------------------------------------------


def test_an_answer_is_in_the_order_asked_and_does_not_depend_on_what_else_is_asked(home: Settings) -> None:
    catalog, registry = Catalog.open(home), Registry(home.models_dir)
    asia, event_scenario = coherent(
        catalog, registry, ["m.asia", "m.world"], ForecastQuestion(DAY, Span(6, SpanOrigin.LAST))
    )
    (alone,) = coherent(catalog, registry, ["m.world"], ForecastQuestion(DAY, Span(2, SpanOrigin.LAST)))
    assert [made.series_id for made in (asia, event_scenario)] == ["m.asia", "m.world"]
    assert event_scenario.data[:2] == alone.data
    assert [row.ds for row in event_scenario.data[:2]] == [dt.date(2026, 6, 1), dt.date(2026, 7, 1)]
    assert any("add up" in note for note in event_scenario.notes)
    assert any("the parts of m.world leave out 25%" in note for note in event_scenario.notes)


def test_a_series_without_a_group_is_forecast_as_ever(home: Settings) -> None:
    catalog, registry = Catalog.open(home), Registry(home.models_dir)
    registry.promote("price.copper", add_run(registry, catalog, "price.copper"))
    (made,) = coherent(catalog, registry, ["price.copper"], ForecastQuestion(DAY))
    assert made == forecast(catalog, registry, "price.copper", ForecastQuestion(DAY))
    assert set(members(catalog, ["price.copper", "m.north"])) == {"price.copper", *NAMES}


def test_a_part_that_was_not_trained_is_named(settings: Settings, tmp_path: Path) -> None:
    train(settings, tmp_path, without="m.south")
    catalog, registry = Catalog.open(settings), Registry(settings.models_dir)
    with pytest.raises(NotTrained, match=r"m\.south"):
        coherent(catalog, registry, ["m.world"], ForecastQuestion(DAY))


def test_command_service_and_export_say_the_same_digits(
    home: Settings, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ORECAST_HOME", str(tmp_path))
    asked = ["m.world", "m.europe", "m.asia"]
    arguments = ["--as-of", str(DAY), "--h", "3", "--coherent", "--origin", "last"]
    assert call(["forecast", *asked, *arguments, "--format", "csv"]) == 0
    printed = capsys.readouterr().out
    client = create_app(settings_in(tmp_path), clock=clock).test_client()
    url = f"/v1/forecasts?series_id={','.join(asked)}&h=3&origin=last&format=csv"
    served = client.get(f"{url}&coherent=true")
    assert served.text.splitlines() == printed.splitlines()
    assert call(["export", *asked, *arguments, "--output", str(tmp_path / "all.csv")]) == 0
    assert (tmp_path / "all.csv").read_text().splitlines() == printed.splitlines()
    loose = client.get(url)
    assert loose.text != served.text
    assert loose.headers["ETag"] != served.headers["ETag"]
    assert client.get(f"{url}&coherent=perhaps").status_code == 422
    catalog = Catalog.open(home)
    rows = [
        row
        for one in coherent(catalog, Registry(home.models_dir), asked, ForecastQuestion(DAY, Span(3, SpanOrigin.LAST)))
        for row in one.lines()
    ]
    assert len(printed.splitlines()) == len(rows) + 1


# -- ends that differ, and the horizon ---------------------------------------------------------------------------------


@pytest.fixture
def ragged(settings: Settings, tmp_path: Path) -> Settings:
    """The same group where asia is known to March and north to April, others to May; of each 24 months are drawn."""
    train(settings, tmp_path, short={"m.asia": 2, "m.north": 1})
    return settings


def test_with_ragged_ends_all_speak_of_the_periods_that_all_forecast(ragged: Settings) -> None:
    catalog, registry = Catalog.open(ragged), Registry(ragged.models_dir)
    made = coherent(catalog, registry, NAMES, ForecastQuestion(DAY, Span(3, SpanOrigin.LAST)))
    for one in made:
        assert [row.ds.isoformat() for row in one.data] == ["2026-06-01", "2026-07-01", "2026-08-01"]
    first = {one.series_id: [row.h for row in one.data] for one in made}
    assert first == {
        "m.world": [1, 2, 3],
        "m.europe": [1, 2, 3],
        "m.asia": [3, 4, 5],
        "m.north": [2, 3, 4],
        "m.south": [1, 2, 3],
    }


def test_with_ragged_ends_each_period_has_its_own_draws_and_they_add_up(ragged: Settings) -> None:
    base, draws, _ = base_of(ragged)
    assert (str(base.ds[0]), str(base.ds[-1]), len(base.ds)) == ("2026-06-01", "2028-03-01", 22)
    for name, drawn in zip(base.group.members, ordered(base), strict=True):
        late = {"m.asia": 2, "m.north": 1}.get(name, 0)
        alone = base.futures[name].draws
        for period in (0, 21):
            np.testing.assert_allclose(np.sort(drawn[period]), np.sort(alone[period + late]), rtol=1e-4)
    of = dict(zip(base.group.members, draws, strict=True))
    assert np.allclose(of["m.north"] + of["m.south"], of["m.europe"], rtol=1e-9)


def test_with_ragged_ends_the_horizon_is_that_of_the_common_periods(ragged: Settings) -> None:
    catalog, registry = Catalog.open(ragged), Registry(ragged.models_dir)
    (event_scenario,) = coherent(catalog, registry, ["m.world"], ForecastQuestion(DAY, Span(22, SpanOrigin.LAST)))
    assert event_scenario.data[-1].ds == dt.date(2028, 3, 1)
    (longer,) = coherent(catalog, registry, ["m.world"], ForecastQuestion(DAY, Span(23, SpanOrigin.LAST)))
    assert longer.data == event_scenario.data
    assert "22 of 23 months: the run reaches to March 2028; training anew reaches further (orecast train m.world)" in (
        longer.notes
    )


def test_a_parent_that_is_late_waits_for_its_parts(settings: Settings, tmp_path: Path) -> None:
    train(settings, tmp_path, short={"m.world": 2})
    catalog, registry = Catalog.open(settings), Registry(settings.models_dir)
    event_scenario, asia = coherent(
        catalog, registry, ["m.world", "m.asia"], ForecastQuestion(DAY, Span(22, SpanOrigin.LAST))
    )
    assert [(str(row.ds), row.h) for row in (event_scenario.data[0], event_scenario.data[-1])] == [
        ("2026-06-01", 3),
        ("2028-03-01", 24),
    ]
    assert [(str(row.ds), row.h) for row in (asia.data[0], asia.data[-1])] == [("2026-06-01", 1), ("2028-03-01", 22)]


def test_the_whole_trained_horizon_can_be_asked_for_and_no_more(home: Settings) -> None:
    catalog, registry = Catalog.open(home), Registry(home.models_dir)
    (asia,) = coherent(catalog, registry, ["m.asia"], ForecastQuestion(DAY, Span(HORIZON, SpanOrigin.LAST)))
    assert [row.h for row in asia.data] == list(range(1, 25))
    assert asia.data[-1].ds == dt.date(2028, 5, 1)
    with pytest.raises(InvalidInput, match="a whole number from 1 to 24"):
        coherent(catalog, registry, ["m.asia"], ForecastQuestion(DAY, Span(HORIZON + 1, SpanOrigin.LAST)))


def test_a_member_that_was_trained_for_fewer_periods_bounds_the_horizon_and_what_its_card_notes_is_said(
    home: Settings,
) -> None:
    catalog, registry = Catalog.open(home), Registry(home.models_dir)
    run = registry.champion("m.asia")
    card, shorter = replace(run.card, notes=("of short notice",)), np.array(run.draws[:, :12])
    registry.save("m.asia", "2026-05-01-b", card, Payload(shorter, run.record, None))
    registry.promote("m.asia", "2026-05-01-b")
    event_scenario, asia = coherent(
        catalog, registry, ["m.world", "m.asia"], ForecastQuestion(DAY, Span(12, SpanOrigin.LAST))
    )
    assert "of short notice" in asia.notes
    assert "of short notice" not in event_scenario.notes
    with pytest.raises(InvalidInput, match="h = 13: expected a whole number from 1 to 12"):
        coherent(catalog, registry, ["m.world"], ForecastQuestion(DAY, Span(13, SpanOrigin.LAST)))


def test_an_answer_is_of_the_day_it_is_asked_about(home: Settings) -> None:
    catalog, registry = Catalog.open(home), Registry(home.models_dir)
    for day in (DAY, DAY + dt.timedelta(days=1)):
        (event_scenario,) = coherent(catalog, registry, ["m.world"], ForecastQuestion(day, Span(1, SpanOrigin.LAST)))
        assert event_scenario.as_of == day


def test_the_tag_of_a_coherent_answer_hangs_on_every_run_of_the_group_and_on_what_was_asked(home: Settings) -> None:
    client = create_app(settings_in(home.home), clock=clock).test_client()

    def tag(asked: str) -> str:
        return str(client.get(f"/v1/forecasts?series_id={asked}").headers["ETag"])

    catalog, registry = Catalog.open(home), Registry(home.models_dir)
    refresh(registry, ())
    group = ",".join(members(catalog, ["m.world"]))
    questions = ["m.world&coherent=true", "m.asia&coherent=true", f"{group}&coherent=true", group, "m.world"]
    before = [tag(asked) for asked in questions]
    assert len(set(before)) == len(questions)
    registry.promote("m.north", add_run(registry, catalog, "m.north", level=2.0, name="b"))
    after = [tag(asked) for asked in questions]
    assert [one != other for one, other in zip(before, after, strict=True)] == [True, True, True, True, False]


# -- which groups there may be -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("row", "expected"),
    [
        ("m.new,volume,kg,M,m.world", "a parent with the same unit: kg, not tonne as m.world"),
        ("m.new,volume,t,Q,m.world", "a parent with the same freq: Q, not M as m.world"),
        ("m.new,value,t,M,m.world", "a parent with the same measure: value, not volume as m.world"),
        ("m.new,index,t,M,m.world", "only series of a volume or value add up, not of a index"),
        ("m.new,price,t,M,m.world", "only series of a volume or value add up"),
        ("m.world,volume,t,M,m.north", "no part of the series itself: m.world < m.north < m.europe < m.world"),
        ("m.world,volume,kg,M,", "what m.europe, whose parent it is, needs: a parent with the same unit"),
        ("m.new,volume,t,M,m.wordl", "nearest: m.world"),
    ],
)
def test_a_group_that_cannot_add_up_is_refused(home: Settings, tmp_path: Path, row: str, expected: str) -> None:
    catalog, path = Catalog.open(home), tmp_path / "wrong.csv"
    path.write_text(f"series_id,measure,unit,freq,parent\n{row}\n")
    with pytest.raises(InvalidInput) as caught:
        ingest(catalog, series=path, known_at=NOW)
    assert expected in str(caught.value)
    assert "m.new" not in catalog.series()


def test_groups_are_found_from_any_member_and_comparisons_are_left_out() -> None:
    def series(name: str, parent: str, role: str = "target") -> Series:
        return a_series(name, "", "volume", role, "world", "WLD", "WLD", "tonne", "M", 0, parent=parent)

    known = {s.series_id: s for s in (series("w", ""), series("a", "w"), series("b", "w", "comparison"))}
    assert list(groups(known, ["a", "w"])) == [Group("w", ("w", "a"), {"w": ("a",)})]


def test_a_group_with_a_member_that_cannot_be_served_is_left_out_whole(
    settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    train(settings, tmp_path, without="m.south")
    catalog, registry = Catalog.open(settings), Registry(settings.models_dir)
    registry.promote("price.copper", add_run(registry, catalog, "price.copper"))
    catalog.close()
    client = create_app(settings_in(settings.home), clock=clock).test_client()
    answer = client.get("/v1/forecasts?coherent=true&h=2")
    assert answer.status_code == 200
    assert [made["series_id"] for made in answer.get_json()["data"]] == ["price.copper"]
    assert [left["series_id"] for left in answer.get_json()["left_out"]] == ["m.asia", "m.europe", "m.north", "m.world"]
    assert all("'m.south'" in left["why"] for left in answer.get_json()["left_out"])
    monkeypatch.setenv("ORECAST_HOME", str(settings.home))
    arguments = ["m.north", "price.copper", "m.asia", "--coherent", "--h", "2", "--as-of", str(DAY)]
    assert call(["export", *arguments, "--output", str(tmp_path / "made.csv")]) == 1
    out, err = capsys.readouterr()
    assert "3 rows of 1 series" in out
    assert [line.split(": left out")[0] for line in err.splitlines()] == ["orecast: m.north", "orecast: m.asia"]
    with pytest.raises(NotTrained, match=r"m\.south"):
        coherent(Catalog.open(settings), registry, ["m.north"], ForecastQuestion(DAY))

"""Forecasts follow the data, nest, and know what past and coming events change of the future."""

from __future__ import annotations

import dataclasses
import datetime as dt
import shutil
import subprocess
import sys
from collections.abc import Iterator
from decimal import ROUND_HALF_EVEN, Context, Decimal
from pathlib import Path

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from forecast.answers.cache import Cache
from forecast.answers.champion import futures
from forecast.answers.event_versions import Assumption, EventScenario
from forecast.answers.forecast import Forecast, ForecastQuestion, at_levels, checked_levels, forecast, points, quantiles
from forecast.answers.future import Future
from forecast.answers.span import Span
from forecast.catalog import Catalog, Observation
from forecast.effects import EpisodeEffect
from forecast.errors import InvalidInput, NotFound, NotTrained
from forecast.events import Act, Event, state
from forecast.metrics import rounded
from forecast.registry import Payload, Registry
from forecast.registry.sealed import sealed
from forecast.settings import SpanOrigin
from forecast.timeseries.frequency import Freq
from tests.support import ROOT
from tests.support.trained_home import COPPER, EARTHS, NICKEL, make_home, settings_in

TRAINED_ON = dt.date(2026, 7, 15)
KNOWN = dt.datetime(2026, 7, 15, 12, tzinfo=dt.UTC)


@pytest.fixture(scope="session")
def trained_home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    home = tmp_path_factory.mktemp("trained")
    make_home(home)
    return home


@pytest.fixture(scope="session")
def shared(trained_home: Path) -> Iterator[tuple[Catalog, Registry]]:
    """For tests that only read."""
    settings = settings_in(trained_home)
    catalog = Catalog.open(settings)
    yield catalog, Registry(settings.models_dir)
    catalog.close()


@pytest.fixture
def own(trained_home: Path, tmp_path: Path) -> Iterator[tuple[Catalog, Registry]]:
    """For tests that add events."""
    shutil.copytree(trained_home, tmp_path / "home")
    settings = settings_in(tmp_path / "home")
    catalog = Catalog.open(settings)
    yield catalog, Registry(settings.models_dir)
    catalog.close()


def event(catalog: Catalog, event_id: str, **changes: object) -> Event:
    """A licence on rare earths, by default, announced on the day of the training and effective two months later."""
    model = catalog.events()["cn-7ree-licence-2025"]
    facts: dict[str, object] = {
        "event_id": event_id,
        "minerals": ("rare-earths",),
        "announced": TRAINED_ON,
        "effective": dt.date(2026, 9, 10),
        "status_as_of": None,
        "status_note": "",
    }
    return dataclasses.replace(model, **(facts | changes))  # type: ignore[arg-type]


def future(stores: tuple[Catalog, Registry], series_id: str, as_of: dt.date = TRAINED_ON) -> Future:
    return futures(*stores, [series_id], as_of)[0]


def widths(made: Forecast, level: int = 80) -> list[float]:
    return [np.log(row.interval(level)[1] / row.interval(level)[0]) for row in made.data]


@pytest.mark.parametrize("series_id", [COPPER, NICKEL, EARTHS])
def test_periods_follow_the_last_observation_and_intervals_nest(
    shared: tuple[Catalog, Registry], series_id: str
) -> None:
    catalog, registry = shared
    made = forecast(
        catalog, registry, series_id, ForecastQuestion(TRAINED_ON, Span(24, SpanOrigin.LAST), levels=[95, 80, 50])
    )
    assert made.levels == (50, 80, 95)
    last = catalog.history(series_id).last.astype("datetime64[M]")
    assert [row.ds for row in made.data] == [(last + h).astype("datetime64[D]").item() for h in range(1, 25)]
    assert [row.h for row in made.data] == list(range(1, 25))
    for row in made.data:
        bounds = [*(row.interval(level)[0] for level in (95, 80, 50)), row.yhat]
        bounds += [row.interval(level)[1] for level in (50, 80, 95)]
        assert bounds == sorted(bounds)
        assert bounds[0] > 0
        assert all(value == float(f"{value:.6g}") for value in bounds)


def test_a_shorter_forecast_is_the_start_of_a_longer_one(shared: tuple[Catalog, Registry]) -> None:
    long = forecast(*shared, COPPER, ForecastQuestion(TRAINED_ON, Span(24, SpanOrigin.LAST)))
    short = forecast(*shared, COPPER, ForecastQuestion(TRAINED_ON, Span(3, SpanOrigin.LAST)))
    assert short.data == long.data[:3]


def test_the_same_question_has_the_same_digits_in_another_process_and_order(
    shared: tuple[Catalog, Registry], trained_home: Path
) -> None:
    script = (
        "import sys, datetime as dt; sys.path.insert(0, sys.argv[1]);"
        "from tests.support.trained_home import settings_in; from pathlib import Path;"
        "from forecast.catalog import Catalog; from forecast.registry import Registry;"
        "from forecast.answers.forecast import ForecastQuestion, forecast;"
        "s = settings_in(Path(sys.argv[2]));"
        "f = forecast(Catalog.open(s), Registry(s.models_dir), sys.argv[3], ForecastQuestion(dt.date(2026, 11, 24)));"
        "print([row.cells() for row in f.data]);"
        "print(*{'pandas','scipy','statsmodels','prophet','matplotlib','joblib'} & set(sys.modules))"
    )
    command = [sys.executable, "-c", script, str(ROOT), str(trained_home), EARTHS]
    out = subprocess.run(command, check=True, capture_output=True, text=True).stdout.splitlines()
    made = forecast(*shared, EARTHS, ForecastQuestion(dt.date(2026, 11, 24)))
    assert out[0] == str([row.cells() for row in made.data])
    assert out[1].split() == []


@pytest.mark.parametrize("horizon", [0, -1, 25, True, 1.5, "x"])
def test_a_horizon_that_was_not_trained_is_refused(shared: tuple[Catalog, Registry], horizon: int) -> None:
    with pytest.raises(InvalidInput, match="from 1 to 24") as refused:
        forecast(*shared, COPPER, ForecastQuestion(TRAINED_ON, Span(horizon, SpanOrigin.LAST)))
    assert refused.value.faults[0].where == "h"


@pytest.mark.parametrize("levels", [[0], [100], [101], [99.5], [float("nan")], [80, -3], [True], []])
def test_a_level_that_is_no_whole_percent_is_refused(shared: tuple[Catalog, Registry], levels: list[float]) -> None:
    with pytest.raises(InvalidInput, match="from 1 to 99") as refused:
        forecast(*shared, COPPER, ForecastQuestion(TRAINED_ON, levels=levels))
    assert refused.value.faults[0].where == "level"


def test_unknown_and_untrained_series_are_told_apart(shared: tuple[Catalog, Registry]) -> None:
    with pytest.raises(NotFound, match=r"nearest: price\.copper"):
        forecast(*shared, "price.coper", ForecastQuestion(TRAINED_ON))
    with pytest.raises(NotTrained, match=r"orecast train price\.tin"):
        forecast(*shared, "price.tin", ForecastQuestion(TRAINED_ON))


def test_open_branches_that_touch_the_series_are_listed(shared: tuple[Catalog, Registry]) -> None:
    made = forecast(*shared, EARTHS, ForecastQuestion(dt.date(2026, 11, 24)))
    (controls,) = [branch for branch in made.branches if branch.event_id == "cn-suspension-no70-2025"]
    assert controls.unconfirmed
    assert controls.probability == pytest.approx(0.26)
    assert "that day has passed, and nothing later is known" in controls.says
    assert "cn-mofcom-62-2025" in controls.event_ids
    copper = forecast(*shared, COPPER, ForecastQuestion(dt.date(2026, 11, 24)))
    assert "cn-suspension-no70-2025" not in {branch.event_id for branch in copper.branches}


def test_levels_are_whole_percents_in_order_and_each_has_its_two_quantiles() -> None:
    assert checked_levels([99, 1, 50.0]) == (1, 50, 99)
    with pytest.raises(InvalidInput, match=r"level = \[1, 1, 50\]: expected each level once"):
        checked_levels([1, 50, 1.0])
    assert at_levels((50, 80, 95)) == pytest.approx([0.5, 0.25, 0.75, 0.1, 0.9, 0.025, 0.975])


def test_a_table_has_a_row_a_period() -> None:
    values = np.array([[10.0, 20.0], [9.0, 18.0000049], [11.0, 22.0], [8.0, 16.0], [12.0, 24.0]])
    days = np.array(["2030-07-01", "2030-08-01", "2030-09-01"], dtype="datetime64[D]")
    periods = Span(origin=SpanOrigin.LAST).periods(days, Freq("M"), dt.date(2030, 7, 31), before=2)
    first, second = points(values, periods, (50, 80))
    assert first.json_object() == {
        "ds": dt.date(2030, 7, 1),
        "h": 3,
        "nowcast": True,
        "yhat": 10.0,
        "lo-50": 9.0,
        "hi-50": 11.0,
        "lo-80": 8.0,
        "hi-80": 12.0,
    }
    assert (second.ds, second.h, second.nowcast, second.yhat) == (dt.date(2030, 8, 1), 4, False, 20.0)
    assert (second.interval(50), second.interval(80)) == ((18.0, 22.0), (16.0, 24.0))


def test_the_last_trained_period_other_levels_and_another_day_have_their_own_answer(
    shared: tuple[Catalog, Registry],
) -> None:
    made = forecast(*shared, COPPER, ForecastQuestion(TRAINED_ON, Span(24, SpanOrigin.LAST), levels=[80]))
    wide = forecast(*shared, COPPER, ForecastQuestion(TRAINED_ON, Span(24, SpanOrigin.LAST), levels=[95]))
    draws = future(shared, COPPER).draws
    for one, (low, high) in ((made, (0.1, 0.9)), (wide, (0.025, 0.975))):
        bounds = one.data[-1].interval(*one.levels)
        assert (one.data[-1].yhat, *bounds) == pytest.approx(
            np.quantile(draws[-1], [0.5, low, high], method="hazen"), rel=1e-5
        )
    november = forecast(*shared, COPPER, ForecastQuestion(dt.date(2026, 11, 24)))
    assert (made.as_of, november.as_of) == (TRAINED_ON, dt.date(2026, 11, 24))
    for one in (made, november):
        assert one.events_known_to == shared[0].events_known_to(one.as_of)
    assert made.events_known_to != november.events_known_to
    assert (
        forecast(*shared, COPPER, ForecastQuestion(TRAINED_ON, Span(24, SpanOrigin.LAST), levels=[80])).data
        == made.data
    )


def test_the_notes_of_the_run_come_before_those_of_its_future(own: tuple[Catalog, Registry]) -> None:
    _, registry = own
    run, notes = registry.champion(EARTHS), future(own, EARTHS).notes
    assert notes
    registry.save(
        EARTHS,
        "2026-06-01-told",
        dataclasses.replace(run.card, notes=("told",)),
        Payload(run.draws, run.record, {}),
    )
    registry.promote(EARTHS, "2026-06-01-told")
    assert forecast(*own, EARTHS, ForecastQuestion(TRAINED_ON)).notes == ("told", *notes)


def test_a_future_is_made_anew_with_new_evidence_or_a_series_that_changed(own: tuple[Catalog, Registry]) -> None:
    catalog, registry = own
    cache = Cache(8)

    def kept() -> Future:
        return futures(catalog, registry, [COPPER], TRAINED_ON, cache)[0]

    before = kept()
    assert kept() is before
    (registry.root / "classes.json").write_bytes(sealed({"runs": {}, "likelihoods": []}))
    assert kept().evidence.likelihoods == ()
    catalog.add(series=[dataclasses.replace(before.series, notes="read again")], known_at=KNOWN)
    assert kept().series.notes == "read again"


# -- coming events -----------------------------------------------------------------------------------------------------


def test_a_coming_event_widens_from_its_start_and_not_before(own: tuple[Catalog, Registry]) -> None:
    catalog, _ = own
    before = forecast(*own, EARTHS, ForecastQuestion(TRAINED_ON))
    catalog.add(events=[event(catalog, "new-licence")], known_at=KNOWN)
    after = forecast(*own, EARTHS, ForecastQuestion(TRAINED_ON))
    start = [row.ds for row in after.data].index(dt.date(2026, 9, 1))
    assert after.data[:start] == before.data[:start]
    assert all(now > then for now, then in zip(widths(after)[start:], widths(before)[start:], strict=True))


def test_an_event_is_unknown_before_it_is_announced(own: tuple[Catalog, Registry]) -> None:
    catalog, _ = own
    before = forecast(*own, EARTHS, ForecastQuestion(dt.date(2026, 7, 14)))
    catalog.add(events=[event(catalog, "new-licence")], known_at=KNOWN)
    assert forecast(*own, EARTHS, ForecastQuestion(dt.date(2026, 7, 14))).data == before.data
    assert forecast(*own, EARTHS, ForecastQuestion(TRAINED_ON)).data != before.data


def test_threats_without_a_probability_move_nothing(own: tuple[Catalog, Registry]) -> None:
    catalog, _ = own
    before = forecast(*own, EARTHS, ForecastQuestion(TRAINED_ON))
    threat = event(catalog, "threat", kind="threat", status="threatened")
    catalog.add(events=[threat], known_at=KNOWN)
    after = forecast(*own, EARTHS, ForecastQuestion(TRAINED_ON))
    assert after.data == before.data
    assert "threat" in {branch.event_id for branch in after.branches}


def test_a_threat_with_a_probability_is_drawn_with_it(own: tuple[Catalog, Registry]) -> None:
    catalog, _ = own
    before = future(own, EARTHS).added
    sourced = {"probability": 0.3, "probability_source": "A. Forecaster", "probability_date": TRAINED_ON}
    threat = event(catalog, "threat", kind="threat", status="threatened", **sourced)
    catalog.add(events=[threat], known_at=KNOWN)
    moved = (future(own, EARTHS).added != before).any(axis=0)
    assert moved.mean() == pytest.approx(0.3, abs=0.08)


def test_events_of_one_day_and_direction_are_one_episode(own: tuple[Catalog, Registry]) -> None:
    catalog, _ = own
    catalog.add(events=[event(catalog, "new-licence")], known_at=KNOWN)
    one = forecast(*own, EARTHS, ForecastQuestion(TRAINED_ON))
    twin = event(catalog, "twin-licence", minerals=("rare-earths-heavy",))
    catalog.add(events=[twin], known_at=KNOWN)
    assert forecast(*own, EARTHS, ForecastQuestion(TRAINED_ON)).data == one.data


# -- events of the record ----------------------------------------------------------------------------------------------


def in_force(made: Future) -> EpisodeEffect:
    """A clear effect whose measures are all in force."""
    return next(
        effect
        for effect in reversed(made.run.record.effects)
        if effect.episode.episode_id in made.run.record.clear
        and all(state(made.known.events, e, TRAINED_ON, TRAINED_ON).status == "in_force" for e in effect.episode.events)
    )


def path(made: Future, effect: EpisodeEffect) -> np.ndarray:
    """(H, n) what an effect is in the future, as the run sees it."""
    held = effect.held(made.ds, made.series.calendar, made.run.last)
    return np.asarray((effect.size[0][:, None] * held[effect.choice[0]]).T)


def test_removing_an_event_takes_its_path_out_of_the_future(shared: tuple[Catalog, Registry]) -> None:
    made = future(shared, EARTHS)
    effect = in_force(made)
    without = EventScenario(made.known.edited(removed=effect.episode.events))
    np.testing.assert_allclose(made.given(without).change, -path(made, effect), atol=1e-9)
    record = made.run.record
    forward = record.forward(made.ds, made.series.calendar, made.run.last, without={effect.episode.episode_id})
    as_trained = record.forward(made.ds, made.series.calendar, made.run.last)
    np.testing.assert_allclose(made.given(without).change, (forward - as_trained).T, atol=1e-6)


def test_an_end_that_became_known_after_the_training_acts_from_its_day(own: tuple[Catalog, Registry]) -> None:
    catalog, _ = own
    before = future(own, EARTHS)
    effect = in_force(before)
    repeals = [
        event(
            catalog,
            f"repeal-{i}",
            kind="truce",
            announced=dt.date(2026, 8, 1),
            effective=dt.date(2026, 10, 1),
            acts=(Act("terminates", member),),
        )
        for i, member in enumerate(effect.episode.events)
    ]
    catalog.add(events=repeals, known_at=KNOWN)
    change = future(own, EARTHS, dt.date(2026, 8, 2)).added - before.added
    end = [str(day) for day in before.ds].index("2026-10-01")
    np.testing.assert_allclose(change[:end], 0.0, atol=1e-6)
    np.testing.assert_allclose(change[end:], -path(before, effect)[end:], atol=2e-6)
    assert (
        forecast(*own, EARTHS, ForecastQuestion(TRAINED_ON)).data
        == forecast(*own, EARTHS, ForecastQuestion(dt.date(2026, 7, 30))).data
    )


def test_a_lower_rate_leaves_so_much_less_of_the_effect(shared: tuple[Catalog, Registry]) -> None:
    made = future(shared, EARTHS)
    effect = in_force(made)
    halved = Assumption(levels=((np.datetime64("2026-01-01"), 0.5),))
    change = made.given(EventScenario(made.known, dict.fromkeys(effect.episode.events, halved))).change
    np.testing.assert_allclose(change, -0.5 * path(made, effect), atol=1e-9)


def test_a_stated_effect_is_what_is_drawn(own: tuple[Catalog, Registry]) -> None:
    catalog, _ = own
    made = future(own, EARTHS)
    version = made.known.edited([event(catalog, "stated")])
    change = made.given(EventScenario(version, {"stated": Assumption(sizes=(("volume", -0.5, 0.0),))})).change
    start = [str(day) for day in made.ds].index("2026-09-01")
    for k, size in ((start - 1, 0.0), (start, -0.25), (start + 1, -0.5), (-1, -0.5)):
        np.testing.assert_allclose(change[k], size, atol=1e-9)


# -- numbers -----------------------------------------------------------------------------------------------------------


@given(
    hnp.arrays(float, st.tuples(st.integers(1, 5), st.integers(1, 60)), elements=st.floats(-1e6, 1e6)),
    st.lists(st.floats(0, 1), min_size=1, max_size=5),
)
def test_quantiles_are_those_of_numpy_and_never_cross(draws: np.ndarray, at: list[float]) -> None:
    at = sorted(at)
    found = quantiles(draws, at)
    np.testing.assert_allclose(found, np.quantile(draws, at, axis=1, method="hazen"), rtol=1e-9, atol=1e-6)
    assert (np.diff(found, axis=0) >= -1e-9).all()


SIX = Context(prec=6, rounding=ROUND_HALF_EVEN, Emin=-400, Emax=400)


@settings(max_examples=500)
@example(5e-324)
@example(-2.2250738585072e-308)
@example(1.23456789e-20)
@example(1.7976931348623157e308)
@example(0.1234565)  # no tie: the double lies below the middle, its product with a million on it
@example(1234565.0)  # a tie
@given(st.floats(allow_nan=False, allow_infinity=False))
def test_six_significant_digits_are_those_of_decimal_arithmetic_at_every_magnitude(value: float) -> None:
    expected = float(SIX.create_decimal(Decimal(value)))
    short, beside = rounded(np.array([value, 1.5])).tolist()
    assert (short, beside) == (expected, 1.5)
    assert rounded(np.array([short])).tolist() == [short]


@given(st.integers(-999_999, 999_999), st.integers(-30, 30))
def test_the_middle_between_two_numbers_goes_to_the_nearer_double(digits: int, exponent: int) -> None:
    value = float(f"{digits}5e{exponent}")
    assert rounded(np.array([value])).tolist() == [float(SIX.create_decimal(Decimal(value)))]


def test_what_is_no_number_stays_what_it_is() -> None:
    np.testing.assert_array_equal(rounded(np.array([np.nan, np.inf, -np.inf, 0.0])), [np.nan, np.inf, -np.inf, 0.0])


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (1234564.9, 1234560.0),
        (1234565.1, 1234570.0),
        (-1234567.0, -1234570.0),
        (0.123456499, 0.123456),
        (0.123456501, 0.123457),
        (2 / 3, 0.666667),
        (999999.4, 999999.0),
        (999999.6, 1000000.0),
        (1.23456789e20, 1.23457e20),
        (1.23456789e-17, 1.23457e-17),
        (0.0, 0.0),
    ],
)
def test_a_number_is_rounded_to_the_nearest_of_six_digits(value: float, shown: float) -> None:
    assert rounded(np.array([value])).tolist() == [shown]


def test_values_that_the_run_has_not_seen_are_told_and_no_nowcast(own: tuple[Catalog, Registry]) -> None:
    catalog, registry = own
    came = dt.datetime(2026, 9, 4, tzinfo=dt.UTC)
    news = [Observation(COPPER, dt.date(2026, m, 1), 13_500.0, "reported", came) for m in (7, 8)]
    catalog.add(observations=news, known_at=came)
    before = forecast(catalog, registry, COPPER, ForecastQuestion(dt.date(2026, 9, 3)))
    made = forecast(catalog, registry, COPPER, ForecastQuestion(dt.date(2026, 10, 20)))
    assert [(one.ds.month, one.nowcast) for one in made.data[:4]] == [(7, False), (8, False), (9, True), (10, False)]
    assert "last price August 2026 (the run saw June 2026; the next is 15 days late)" in made.provenance
    assert (made.data_to, made.overdue) == (dt.date(2026, 6, 1), 15)
    assert made.notes[0].startswith("values up to August 2026 are there, which the run has not seen: training is due")
    assert [one.nowcast for one in before.data[:2]] == [True, True], "on a day on which nobody had published them"
    assert "the run saw" not in before.provenance

"""What is known is told by the moment that was recorded; the usual delay counts only where nobody recorded one."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, date, datetime

import numpy as np
import pytest

from forecast.answers.forecast import ForecastQuestion, forecast
from forecast.answers.span import Span
from forecast.catalog import Catalog, Observation
from forecast.catalog.vintages import Vintages
from forecast.errors import InvalidInput
from forecast.jobs.train import TrainingPlan, train_one
from forecast.registry import Registry
from forecast.settings import Settings, SpanOrigin
from forecast.training.information import RealTimeData
from forecast.training.origins import known_at
from forecast.training.panel import PanelSet
from tests.support.records import a_series

EARLY = a_series("price.early", "copper", "price", "target", "world", "WLD", "WLD", "USD/t", "M", 5)
FAMILIES = ("random-walk",)
OCTOBER, NOVEMBER = np.datetime64("2026-10-01"), np.datetime64("2026-11-01")


def moment(month: int, day: int, hour: int = 9) -> datetime:
    return datetime(2026, month, day, hour, tzinfo=UTC)


def observation(ds: date, value: float, known: datetime, *, assumed: bool = False) -> Observation:
    return Observation(EARLY.series_id, ds, value, "reported", known, assumed)


@pytest.fixture
def small(settings: Settings) -> Settings:
    return settings.model_copy(update={"draws": 200, "horizon": 6, "jobs": 1})


@pytest.fixture
def own(small: Settings) -> Iterator[Catalog]:
    """Two years up to September 2026, their moments assumed: five days after the end of each month."""
    catalog = Catalog.open(small)
    months = EARLY.calendar.range("2024-10-01", 24)
    y = 9000 * np.exp(np.cumsum(np.random.default_rng(7).normal(0, 0.04, 24)))
    seen = [
        observation(ds, float(value), datetime(out.year, out.month, out.day, tzinfo=UTC), assumed=True)
        for ds, out, value in zip(months.tolist(), EARLY.due(months).tolist(), y, strict=True)
    ]
    catalog.add(series=[EARLY], observations=seen, known_at=moment(10, 6))
    yield catalog
    catalog.close()


def trained(own: Catalog, small: Settings, as_of: date) -> Registry:
    registry = Registry(small.models_dir)
    outcome = train_one(own, registry, small, EARLY.series_id, TrainingPlan(as_of, FAMILIES), PanelSet(as_of, {}))
    assert outcome.status == "trained", outcome.detail
    return registry


# -- serving -----------------------------------------------------------------------------------------------------------


def test_a_value_that_came_early_is_forecast_from_at_once(own: Catalog, small: Settings) -> None:
    own.add(observations=[observation(date(2026, 10, 1), 9900.0, moment(11, 3))], known_at=moment(11, 3))
    registry = trained(own, small, date(2026, 11, 3))
    assert registry.champion(EARLY.series_id).card.known_on == date(2026, 11, 3)
    made = forecast(own, registry, EARLY.series_id, ForecastQuestion(date(2026, 11, 3), Span(2, SpanOrigin.LAST)))
    assert [row.ds for row in made.data] == [date(2026, 11, 1), date(2026, 12, 1)]
    with pytest.raises(InvalidInput, match=r"2026-11-03 or later: so late is what run .* of price\.early knows"):
        forecast(own, registry, EARLY.series_id, ForecastQuestion(date(2026, 11, 2), Span(2, SpanOrigin.LAST)))


def test_a_value_of_the_running_month_is_forecast_from_at_once(own: Catalog, small: Settings) -> None:
    news = [
        observation(date(2026, 10, 1), 9900.0, moment(11, 3)),
        observation(date(2026, 11, 1), 9950.0, moment(11, 20)),
    ]
    own.add(observations=news, known_at=moment(11, 20))
    registry = trained(own, small, date(2026, 11, 20))
    made = forecast(own, registry, EARLY.series_id, ForecastQuestion(date(2026, 11, 20), Span(1, SpanOrigin.LAST)))
    assert made.data[0].ds == date(2026, 12, 1)


def test_a_release_lag_that_is_raised_silences_no_run_and_no_new_one(own: Catalog, small: Settings) -> None:
    day = date(2026, 10, 8)
    registry = trained(own, small, day)
    own.add(series=[replace(EARLY, release_lag_days=60)], known_at=moment(10, 8))
    assert forecast(own, registry, EARLY.series_id, ForecastQuestion(day, Span(1, SpanOrigin.LAST))).data[0].ds == date(
        2026, 10, 1
    )
    again = trained(own, small, day)
    assert again.champion(EARLY.series_id).card.known_on == date(2026, 10, 8), "events are known to then"
    assert forecast(own, again, EARLY.series_id, ForecastQuestion(day, Span(1, SpanOrigin.LAST))).data[0].ds == date(
        2026, 10, 1
    )


def test_a_card_that_did_not_record_it_goes_by_the_lag_but_not_beyond_its_own_day(
    own: Catalog, small: Settings
) -> None:
    own.add(observations=[observation(date(2026, 10, 1), 9900.0, moment(11, 3))], known_at=moment(11, 3))
    card = replace(trained(own, small, date(2026, 11, 3)).champion(EARLY.series_id).card, known_on=None)
    assert card.known_by == date(2026, 11, 3), "not the 5th"
    assert replace(card, as_of=date(2026, 11, 9)).known_by == date(2026, 11, 5)


def test_the_newest_input_counts_that_of_a_teacher_too(own: Catalog, small: Settings) -> None:
    real_time = RealTimeData(own, small, EARLY.series_id, PanelSet(date(2026, 10, 7), {}))
    assert real_time.known_on == max(date(2026, 10, 5), real_time.events_known_to)
    gold = own.observations("price.gold")[-1]
    own.add(observations=[replace(gold, value=1.0, known=moment(11, 1), assumed=False)], known_at=moment(11, 1))
    taught = RealTimeData(own, small, EARLY.series_id, PanelSet.of(own, date(2026, 11, 2)))
    assert taught.known_on == date(2026, 11, 1)
    assert own.known_on(["price.gold"], date(2026, 10, 31)) < date(2026, 8, 1)


# -- looking back ------------------------------------------------------------------------------------------------------


def test_an_origin_looks_from_the_day_its_value_came_and_not_from_later(own: Catalog, small: Settings) -> None:
    seen = own.observations(EARLY.series_id)[-1]
    corrected = replace(seen, value=seen.value * 2, known=moment(11, 4), assumed=False)
    own.add(observations=[observation(date(2026, 10, 1), 9900.0, moment(11, 3))], known_at=moment(11, 3))
    own.add(observations=[corrected], known_at=moment(11, 4))
    day = date(2026, 11, 20)
    information = RealTimeData(own, small, EARLY.series_id, PanelSet(day, {})).information(OCTOBER)
    assert information.cutoff == OCTOBER
    assert np.exp(information.sample.x[-2:]) == pytest.approx([seen.value, 9900.0]), "the correction came a day later"
    (known,) = known_at(own, own.history(EARLY.series_id, day), np.array([OCTOBER]), day)
    assert known is not None
    assert known.y[-2:] == pytest.approx([seen.value, 9900.0])


@pytest.mark.parametrize("lag", [0, 60])
def test_a_lag_that_is_changed_later_moves_no_origin_of_the_past(own: Catalog, small: Settings, lag: int) -> None:
    own.add(series=[replace(EARLY, release_lag_days=lag)], known_at=moment(10, 8))
    real_time = RealTimeData(own, small, EARLY.series_id, PanelSet(date(2026, 10, 8), {}))
    assert real_time.information(np.datetime64("2026-06-01")).cutoff == np.datetime64("2026-06-01")
    days = real_time.history.published(np.array(["2026-06-01", "2026-09-01"], dtype="datetime64[D]"))
    assert days.tolist() == [date(2026, 7, 5), date(2026, 10, 5)]


def test_a_value_counts_as_out_from_its_recorded_day_within_its_period_and_its_usual_lag() -> None:
    rows = [
        ("x", date(2026, 7, 1), datetime(2026, 7, 20), 1.0, "reported", False),  # of the running month
        ("x", date(2026, 8, 1), datetime(2026, 9, 2), 1.0, "reported", False),  # early
        ("x", date(2026, 8, 1), datetime(2026, 9, 4), 2.0, "reported", False),  # and corrected
        ("x", date(2026, 10, 1), datetime(2026, 11, 25), 1.0, "reported", False),  # late; September never came
        ("x", date(2026, 11, 1), datetime(2026, 12, 9), 1.0, "reported", True),  # by another lag
    ]
    history = Vintages.of(rows).history(EARLY, None)
    assert history.published(history.ds).tolist() == [
        date(2026, 7, 31),
        date(2026, 9, 2),
        date(2026, 10, 5),
        date(2026, 11, 5),
        date(2026, 12, 9),
    ]
    assert history.until(OCTOBER).published(np.array([OCTOBER, NOVEMBER])).tolist() == [
        date(2026, 11, 5),
        date(2026, 12, 5),
    ]


def test_when_a_value_came_is_part_of_what_a_forecast_rests_on(own: Catalog) -> None:
    day = date(2026, 11, 20)
    own.add(observations=[observation(date(2026, 10, 1), 9900.0, moment(11, 3))], known_at=moment(11, 3))
    before = own.fingerprint(EARLY.series_id, day)
    own.add(observations=[observation(date(2026, 10, 1), 9900.0, moment(11, 2))], known_at=moment(11, 20))
    assert own.fingerprint(EARLY.series_id, day) != before

"""A history: what a model may see of it, what it may be judged by, and where it ends."""

import json
from dataclasses import asdict, replace

import numpy as np
import pytest

from forecast.errors import TooShort
from forecast.names import Measure
from forecast.timeseries.frequency import Freq
from forecast.timeseries.sample import Sample
from forecast.timeseries.series import FLAGS, History, Series
from tests.support.records import a_series

SERIES = a_series("price.x", "x", "price", "target", "world", "WLD", "WLD", "USD/t", "M", 5)


def history(*seen: tuple[float, str]) -> History:
    y, flag = zip(*seen, strict=True)
    return History(SERIES, Freq("M").range("2024-01-01", len(seen)), np.array(y, dtype=float), np.array(flag))


@pytest.mark.parametrize(
    ("flag", "used", "scored"),
    [
        ("reported", True, True),
        ("annual_contract", True, True),
        ("derived", True, True),
        ("derived_approx", True, True),
        ("suspect_publisher", True, False),
        ("imputed", False, False),
        ("", False, False),
    ],
)
def test_a_flag_says_what_a_value_is_good_for(flag: str, used: bool, scored: bool) -> None:
    seen = history((3.0, flag), (np.nan, "reported"))
    assert seen.used.tolist() == [used, False]
    assert seen.scored.tolist() == [scored, False]
    assert set(FLAGS) == {"reported", "annual_contract", "derived", "derived_approx", "suspect_publisher", "imputed"}


def test_a_zero_has_no_log_and_no_value_stands_for_it() -> None:
    seen = history((8.0, "reported"), (0.0, "reported"), (4.0, "reported"), (1.0, "imputed"), (np.nan, ""))
    seen = replace(seen, series=replace(SERIES, measure=Measure.VOLUME))
    np.testing.assert_allclose(np.exp(seen.x), [8, np.nan, 4, np.nan, np.nan])


def test_a_zero_is_less_than_what_the_series_says_it_can_report() -> None:
    flow = replace(SERIES, measure=Measure.VOLUME, resolution=20.0)
    seen = replace(history((1200.0, "reported"), (0.0, "reported"), (700.0, "reported")), series=flow)
    assert seen.resolution == 20.0  # its digits would say 50
    assert Sample.of(seen).limit == pytest.approx(np.log(20.0))


@pytest.mark.parametrize(
    ("y", "resolution"),
    [
        ([1200, 700, 0], 50),
        ([1200, 705], 0.5),
        ([3.25, 1.5], 0.005),
        ([0.1, 0.2], 0.05),
        ([1 / 3], 0.5e-9),
        ([0, 0], 0.5),
    ],
)
def test_a_series_reports_in_steps_of_its_last_digit_and_a_zero_is_less_than_half_a_step(
    y: list[float], resolution: float
) -> None:
    seen = replace(history(*((value, "reported") for value in y)), series=replace(SERIES, measure=Measure.VOLUME))
    assert seen.resolution == pytest.approx(resolution)


def test_it_ends_with_the_last_value_that_a_model_may_see() -> None:
    seen = history((8.0, "reported"), (4.0, "suspect_publisher"), (1.0, "imputed"), (np.nan, ""))
    assert seen.last == np.datetime64("2024-02-01")
    assert seen.until(seen.last).y.tolist() == [8.0, 4.0]
    assert seen.until(seen.last).flag.tolist() == ["reported", "suspect_publisher"]
    with pytest.raises(TooShort, match=r"price\.x has no value"):
        _ = history((1.0, "imputed"), (np.nan, "")).last


def test_prices_and_indices_are_prices() -> None:
    measures = (Measure.PRICE, Measure.INDEX, Measure.VOLUME, Measure.VALUE)
    assert [replace(SERIES, measure=measure).is_price for measure in measures] == [True, True, False, False]


def test_a_measure_is_read_from_its_text_and_written_as_it() -> None:
    series = Series(**json.loads(json.dumps(asdict(SERIES))))
    assert series == SERIES
    assert series.measure is Measure.PRICE
    with pytest.raises(ValueError, match="weight"):
        Series(**{**json.loads(json.dumps(asdict(SERIES))), "measure": "weight"})

"""Shapes on dates: one definition for the past and for the future."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from forecast.calendars import Freq, parse_freq
from forecast.errors import InvalidInput, MissingDesign
from forecast.interventions import (
    Decay,
    Design,
    Forestalled,
    Intervention,
    Pulse,
    Ramp,
    Shape,
    Step,
    Temporary,
    mean_intensity,
    parse_shape,
    shape_word,
)

MONTHLY = Freq("M")
DS = MONTHLY.range("2025-01-01", 8)
SHAPES = st.one_of(
    st.just(Pulse()),
    st.just(Step()),
    st.integers(1, 60).map(Temporary),
    st.integers(1, 60).map(Ramp),
    st.floats(0.05, 0.95).map(lambda rate: Decay(round(rate, 3))),
    st.builds(Forestalled, st.integers(1, 60), st.sampled_from([1.0, 0.8, 0.75])),
)


def day(text: str) -> np.datetime64:
    return np.datetime64(text, "D")


@pytest.mark.parametrize(
    ("shape", "expected"),
    [
        (Pulse(), [0, 0, 1, 0, 0, 0, 0, 0]),
        (Step(), [0, 0, 1, 1, 1, 1, 1, 1]),
        (Temporary(3), [0, 0, 1, 1, 1, 0, 0, 0]),
        (Ramp(4), [0, 0, 0.25, 0.5, 0.75, 1, 1, 1]),
        (Decay(0.5), [0, 0, 1, 0.5, 0.25, 0.125, 0.0625, 0.03125]),
        (Forestalled(1), [0, -1, 1, 1, 1, 1, 1, 1]),
        (Forestalled(3, 0.5), [-1, -1, 1, 0.5, 0.25, 0.125, 0.0625, 0.03125]),
    ],
)
def test_a_shape_begins_in_the_period_that_contains_its_day(shape: Shape, expected: list[float]) -> None:
    assert Intervention(shape, day("2025-03-31")).column(DS, MONTHLY) == pytest.approx(expected)


def test_a_lead_brings_it_forward_and_an_end_stops_it_after_its_period() -> None:
    column = Intervention(Step(), day("2025-04-04"), end=day("2025-06-01"), lead=2).column(DS, MONTHLY)
    assert column.tolist() == [0, 1, 1, 1, 1, 1, 0, 0]


def test_a_rate_acts_with_its_day_weighted_mean() -> None:
    steps = ((day("2025-03-04"), 1.0), (day("2025-04-16"), 3.0), (day("2025-06-01"), 0.0))
    column = Intervention(Step(), steps[0][0], intensity=steps).column(DS, MONTHLY)
    assert column == pytest.approx([0, 0, 1, 2, 3, 0, 0, 0])
    assert mean_intensity(steps, DS, MONTHLY)[0] == 1.0


@given(SHAPES, st.integers(0, 6), st.sampled_from(["M", "Q", "W", "D", "B"]))
def test_sample_and_future_come_from_one_definition(shape: Shape, lead: int, alias: str) -> None:
    freq = parse_freq(alias)
    ds = freq.range("2024-01-01", 40)
    acting = Intervention(shape, np.datetime64(ds[20], "D"), lead=lead)
    whole = acting.column(ds, freq)
    assert np.array_equal(np.concatenate([acting.column(ds[:25], freq), acting.column(ds[25:], freq)]), whole)
    assert whole[: 20 - lead].max(initial=0.0) == 0.0
    assert whole.max() <= 1.0
    assert whole[20 - lead] > 0


@given(SHAPES)
def test_a_shape_is_read_back_as_it_is_written(shape: Shape) -> None:
    assert parse_shape(shape_word(shape)) == shape


@pytest.mark.parametrize("text", ["", "steps", "ramp", "ramp-0", "decay-1", "decay-nan", "temporary-2.5", "pulse-3"])
def test_an_unknown_shape_is_refused_with_what_is_right(text: str) -> None:
    with pytest.raises(InvalidInput, match="temporary-N"):
        parse_shape(text)


def test_a_missing_column_is_named() -> None:
    with pytest.raises(MissingDesign, match="cn-x"):
        Design.empty(DS).select(["cn-x"])

"""Shapes on dates: one definition for the past and for the future."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from forecast.effects.episodes import licence
from forecast.errors import InvalidInput, MissingDesign
from forecast.events import Events
from forecast.interventions import (
    Decay,
    Design,
    Forestalled,
    Hump,
    Intervention,
    Licence,
    Pulse,
    Ramp,
    Shape,
    Step,
    Temporary,
    mean_intensity,
    parse_shape,
    returned,
    shape_word,
)
from forecast.timeseries.frequency import Freq, parse_freq
from tests.support.records import EventFacts
from tests.support.small_world import a_ban

MONTHLY = Freq("M")
DS = MONTHLY.range("2025-01-01", 8)
SHAPES = st.one_of(
    st.just(Pulse()),
    st.just(Step()),
    st.integers(1, 60).map(Temporary),
    st.integers(1, 60).map(Ramp),
    st.floats(0.05, 0.95).map(lambda rate: Decay(round(rate, 3))),
    st.builds(Forestalled, st.integers(1, 60), st.sampled_from([1.0, 0.8, 0.75])),
    st.builds(Licence, st.integers(1, 60), st.floats(0, 1)),
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
        (Licence(2, 0.75), [0, 0, 1, 1, 0.25, 0.25, 0.25, 0.25]),
        (Licence(1, 1.0), [0, 0, 1, 0, 0, 0, 0, 0]),
    ],
)
def test_a_shape_begins_in_the_period_that_contains_its_day(shape: Shape, expected: list[float]) -> None:
    assert Intervention(shape, day("2025-03-31")).column(DS, MONTHLY) == pytest.approx(expected)


def test_a_lead_brings_it_forward_and_an_end_stops_it_after_its_period() -> None:
    column = Intervention(Step(), day("2025-04-04"), end=day("2025-06-01"), lead=2).column(DS, MONTHLY)
    assert column.tolist() == [0, 1, 1, 1, 1, 1, 0, 0]


@pytest.mark.parametrize(
    ("lead", "expected"),
    [
        (0, [0, 0, 0, 0, 1, 1, 1, 0.4]),
        (1, [0, 0, 0, 1, 1, 1, 1, 0.4]),
        (2, [0, 0, 1, 1, 1, 1, 1, 0.4]),
    ],
)
def test_a_lead_does_not_bring_the_grants_of_licences_forward(lead: int, expected: list[float]) -> None:
    """In force since May, the first are granted three months later."""
    acting = Intervention(Licence(3, 0.6), day("2025-05-10"), lead=lead)
    assert acting.column(DS, MONTHLY) == pytest.approx(expected)


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


@pytest.mark.parametrize(
    ("code", "periods"), [("D", 1826), ("B", 1304), ("W-SUN", 261), ("M", 60), ("Q", 20), ("Y", 5)]
)
def test_the_longest_terms_of_a_licence_are_read_back_at_every_frequency(code: str, periods: int) -> None:
    terms: EventFacts = {"kind": "licence", "value_after": 60.0, "value_unit": "% approved", "value_text": "60 months"}
    shape = licence(Events([a_ban("slow", terms)]), "slow", Freq(code))
    assert shape == Licence(periods, 0.6)
    assert parse_shape(shape_word(shape)) == shape


def test_what_was_to_be_granted_before_the_periods_ahead_is_in_the_data() -> None:
    k = np.arange(2.0, 6.0)
    assert Licence(4, 0.75).approved(k).tolist() == [0, 0, 0.75, 0.75]
    assert Licence(4, 0.75).approved_ahead(k).tolist() == [0, 0, 0.75, 0.75]
    assert Licence(4, 0.75).approved_ahead(k, 0.5).tolist() == [0.5, 0.5, 0.75, 0.75]
    assert Licence(2, 0.75).approved_ahead(k).tolist() == [0.75, 0.75, 0.75, 0.75]
    assert Licence(1, 0.75).approved_ahead(k, 0.5).tolist() == [0.5, 0.5, 0.5, 0.5]


@pytest.mark.parametrize(
    ("effect", "approved", "level"),
    [
        (np.log(0.05), 0.6, 0.62),  # 1 − 0.4 × 0.95
        (np.log(0.5), 0.9, 0.95),
        (np.log(2.0), 0.75, 1.25),  # of a rise by 1 a quarter stays
        (np.log(0.5), 0.0, 0.5),
        (np.log(0.5), 1.0, 1.0),
        (0.0, 0.3, 1.0),
        (-800.0, 0.9, 0.9),  # e^800 is no number
        (-800.0, 1.0, 1.0),
    ],
)
def test_the_approved_share_of_what_a_measure_takes_comes_back(effect: float, approved: float, level: float) -> None:
    back = returned(np.array([effect]), approved).item()
    assert np.exp(effect + back) == pytest.approx(level, abs=1e-12)
    assert approved > 0 or back == 0.0


def test_a_missing_column_is_named() -> None:
    with pytest.raises(MissingDesign, match="cn-x"):
        Design.empty(DS).select(["cn-x"])


@pytest.mark.parametrize(
    ("shape", "expected"),
    [
        (Hump(3), [0, 0.5, 1, 0.5, 0, 0]),
        (Hump(4), [0, 0.4, 0.8, 0.8, 0.4, 0]),
        (Hump(1), [0, 1, 0, 0, 0, 0]),
        (Ramp(1), [0, 1, 1, 1, 1, 1]),
        (Temporary(1), [0, 1, 0, 0, 0, 0]),
        (Decay(0.8), [0, 1, 0.8, 0.64, 0.512, 0.4096]),
    ],
)
def test_a_response_is_full_strength_at_one(shape: Shape, expected: list[float]) -> None:
    assert shape.response(np.arange(-1.0, 5.0)) == pytest.approx(expected)


def test_it_may_be_felt_as_early_as_its_lead_and_what_is_forestalled() -> None:
    assert Intervention(Step(), day("2025-04-04")).reach == 0
    assert Intervention(Step(), day("2025-04-04"), lead=2).reach == 2
    early = Intervention(Forestalled(3), day("2025-06-04"), lead=1)
    assert early.reach == 4
    assert early.column(DS, MONTHLY).tolist() == [0, -1, -1, -1, 1, 1, 1, 1]


@pytest.mark.parametrize(
    ("code", "ds", "steps", "mean"),
    [
        # 34 to the 8th, 84 on the 9th and 125 from the 10th of April on; the first counts before its day
        ("M", "2025-04-01", (("2025-04-02", 34.0), ("2025-04-09", 84.0), ("2025-04-10", 125.0)),
         (8 * 34 + 84 + 21 * 125) / 30),
        ("M", "2024-02-01", (("2023-01-01", 1.0), ("2024-02-15", 3.0)), (14 * 1 + 15 * 3) / 29),
        ("M", "2023-02-01", (("2023-01-01", 1.0), ("2023-02-15", 3.0)), (14 * 1 + 14 * 3) / 28),
        ("M", "2024-12-01", (("2024-01-01", 1.0), ("2024-12-31", 0.0)), 30 / 31),
        ("M", "2025-01-01", (("2024-01-01", 1.0), ("2024-12-31", 0.0)), 0.0),
        ("M", "2024-11-01", (("2024-01-01", 1.0), ("2024-12-01", 0.0)), 1.0),
        ("M", "2024-12-01", (("2024-01-01", 1.0), ("2024-12-01", 0.0)), 0.0),
        ("M", "2024-12-01", (("2025-03-20", 2.5), ("2025-06-01", 0.0)), 2.5),
        ("M", "2024-12-01", (("2024-01-01", 2.5),), 2.5),
        ("Q", "2024-01-01", (("2023-01-01", 1.0), ("2024-03-01", 2.0)), (60 * 1 + 31 * 2) / 91),
        ("Y", "2024-01-01", (("2023-01-01", 1.0), ("2024-12-31", 2.0)), (365 * 1 + 2) / 366),
        ("W-SUN", "2024-12-30", (("2024-01-01", 1.0), ("2025-01-01", 8.0)), (2 * 1 + 5 * 8) / 7),
        ("B", "2024-12-27", (("2024-01-01", 1.0), ("2024-12-28", 0.0)), 1.0),
        ("B", "2024-12-30", (("2024-01-01", 1.0), ("2024-12-28", 0.0)), 0.0),
        ("D", "2024-02-29", (("2024-01-01", 1.0), ("2024-02-29", 0.0)), 0.0),
    ],
)  # fmt: skip
def test_the_intensity_of_a_period_is_the_mean_of_its_days(
    code: str, ds: str, steps: tuple[tuple[str, float], ...], mean: float
) -> None:
    read = [(day(when), level) for when, level in steps]
    assert mean_intensity(read, np.array([ds], dtype="datetime64[D]"), Freq(code)) == pytest.approx([mean])


def test_the_longest_shapes_that_are_understood() -> None:
    assert parse_shape("ramp-36525") == Ramp(36_525)
    assert parse_shape("temporary-36525") == Temporary(36_525)  # a century of days
    assert parse_shape("forestalled-36525") == Forestalled(36_525, 1.0)
    assert parse_shape("forestalled-3-1") == Forestalled(3, 1.0)
    assert shape_word(Forestalled(3)) == "forestalled-3"
    assert shape_word(Forestalled(3, 0.8)) == "forestalled-3-0.8"
    assert parse_shape("licence-36525-1") == Licence(36_525, 1.0)
    assert shape_word(Licence(3, 0.6)) == "licence-3-0.6"
    beyond = ("licence-36526-0.5", "licence-0-0.5", "licence-3", "licence-3-1.1", "licence-3--0.1", "licence-3-nan")
    for text in ("ramp-36526", "forestalled-36526", "forestalled-0", "forestalled-3-1.1", "forestalled-3-0.0", *beyond):
        with pytest.raises(InvalidInput):
            parse_shape(text)


def test_columns_are_chosen_by_name_in_the_order_asked_for() -> None:
    X = np.arange(24.0).reshape(8, 3)
    chosen = Design(DS, ("a", "b", "c"), X).select(["c", "a"])
    assert chosen.names == ("c", "a")
    assert np.array_equal(chosen.X, X[:, [2, 0]])

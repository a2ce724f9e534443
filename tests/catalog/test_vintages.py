"""Vintages: the last word on each period by the end of a day, and no word later."""

import datetime as dt
from dataclasses import replace

import numpy as np
import pytest

from forecast.catalog import Catalog, Observation
from forecast.catalog.vintages import Vintages
from forecast.errors import TooShort
from tests.support.records import a_series

SERIES = a_series("price.x", "x", "price", "target", "world", "WLD", "WLD", "USD/t", "M", 10)
ROWS = [
    ("price.x", "2025-01-01", "2025-02-10T00:00:00", 1.0, "reported", False),
    ("price.x", "2025-01-01", "2025-03-10T23:59:59.999999", 1.5, "derived", False),
    ("price.x", "2025-01-01", "2025-03-11T00:00:00", 9.0, "reported", False),
    ("price.x", "2025-03-01", "2025-04-10T12:00:00", 3.0, "imputed", False),
]
VINTAGES = Vintages.of(ROWS)


@pytest.mark.parametrize(
    ("as_of", "y"),
    [
        ("2025-02-10", [1.0]),
        ("2025-03-09", [1.0]),
        ("2025-03-10", [1.5]),  # to the last microsecond of the day
        ("2025-03-11", [9.0]),
        ("2025-04-09", [9.0]),
        ("2025-04-10", [9.0, np.nan, 3.0]),
    ],
)
def test_a_day_knows_what_came_by_its_end(as_of: str, y: list[float]) -> None:
    history = VINTAGES.history(SERIES, dt.date.fromisoformat(as_of))
    np.testing.assert_array_equal(history.y, y)
    assert [str(day) for day in history.ds] == ["2025-01-01", "2025-02-01", "2025-03-01"][: len(y)]


def test_a_period_has_the_flag_of_its_last_vintage_and_a_gap_has_none() -> None:
    assert VINTAGES.history(SERIES, dt.date(2025, 3, 10)).flag.tolist() == ["derived"]
    assert VINTAGES.history(SERIES, None).flag.tolist() == ["reported", "", "imputed"]
    assert VINTAGES.known_by(dt.date(2025, 3, 10)).tolist() == [0, 1]


def test_before_the_first_of_them_nothing_is_known() -> None:
    with pytest.raises(TooShort, match="no observation that was known on 2025-02-09"):
        VINTAGES.history(SERIES, dt.date(2025, 2, 9))


def test_the_calendar_is_that_of_the_series() -> None:
    days = (("2024-12-27", 1.0), ("2024-12-31", 2.0))
    rows = [("s", day, "2025-01-01", value, "reported", False) for day, value in days]
    business = Vintages.of(rows).history(replace(SERIES, freq="B"), None)
    np.testing.assert_array_equal(business.y, [1.0, np.nan, 2.0])
    assert str(business.ds[1]) == "2024-12-30"


@pytest.mark.parametrize(("as_of", "values"), [("2025-03-09", [1.0]), ("2025-03-10", [1.5]), ("2025-03-11", [9.0])])
def test_observations_are_read_by_the_same_end_of_the_day(catalog: Catalog, as_of: str, values: list[float]) -> None:
    result = [
        Observation(
            name, dt.date.fromisoformat(ds), value, flag, dt.datetime.fromisoformat(known).replace(tzinfo=dt.UTC)
        )
        for name, ds, known, value, flag, _ in ROWS
    ]
    catalog.add(series=[SERIES], observations=result, known_at=dt.datetime(2025, 6, 1, tzinfo=dt.UTC))
    day = dt.date.fromisoformat(as_of)
    assert [one.value for one in catalog.observations("price.x", day)] == values
    assert catalog.history("price.x", day).y.tolist() == values

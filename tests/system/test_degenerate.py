"""What users rely on: odd data end in an error that names what is wrong, or in a wide forecast that says why."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pytest

from forecast.timeseries.quality import remarks
from forecast.timeseries.series import History
from tests.support.command import Orecast, Said
from tests.support.documents import Json
from tests.support.records import a_series

MONTHS = [str(month) for month in np.arange("2014-01", "2024-01", dtype="datetime64[M]")]


@pytest.fixture
def ingest(orecast: Orecast, tmp_path: Path) -> Callable[..., Said]:
    """Take in a series of one's own: lines ``period,value[,flag]``."""

    def take(lines: Sequence[str], measure: str = "volume", freq: str = "M", flags: bool = False) -> Said:
        series, values = tmp_path / "series.csv", tmp_path / "values.csv"
        series.write_text(f"series_id,measure,unit,freq\nmine.odd,{measure},t,{freq}\n")
        header = "series_id,ds,value" + (",flag" if flags else "")
        values.write_text("\n".join([header, *(f"mine.odd,{line}" for line in lines)]) + "\n")
        return orecast("ingest", values, "--series", series)

    return take


def usual(n: int = len(MONTHS)) -> np.ndarray:
    rng = np.random.default_rng(8)
    return np.exp(6 + 0.3 * np.cos(2 * np.pi * np.arange(n) / 12) + rng.normal(0, 0.15, n)).round(3)


def lines(values: Sequence[float] | np.ndarray, months: Sequence[str] = MONTHS) -> list[str]:
    return [f"{month},{value}" for month, value in zip(months, values, strict=False)]


def made(orecast: Orecast) -> dict[str, Json]:
    """The forecast after training; two families beside the baseline are enough to try."""
    code, _, errors = orecast("train", "mine.odd", "--family", "ets", "--family", "grid")
    assert (code, errors) == (0, "")
    code, printed, _ = orecast("forecast", "mine.odd", "--format", "json", "--origin", "last", "--insufficient")
    assert code == 0
    document: dict[str, Json] = json.loads(printed)
    for row in document["data"]:
        assert 0 <= row["lo-95"] <= row["lo-80"] <= row["yhat"] <= row["hi-80"] <= row["hi-95"] < float("inf")
    return document


def width(document: dict[str, Json], at: int) -> float:
    """Upper over lower bound of the 95 % interval."""
    row = document["data"][at]
    return float(row["hi-95"] / row["lo-95"])


def message(document: dict[str, Json], words: str) -> bool:
    return any(words in note for note in document["notes"])


# -- what is refused when it is read -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("extra", "expected"),
    [
        ("2024-01,", "values.csv:122: value = '': expected a number"),
        ("2024-01,nan", "values.csv:122: value = 'nan': expected a number"),
        ("2024-01,inf", "values.csv:122: value = 'inf': expected a number"),
        ("2024-01,-3", "values.csv:122: value = '-3': expected a number, zero or more"),
        ("2024-01,1e99", "values.csv:122: value = '1e99': expected a number, zero or more (1e-20 to 1e20)"),
        ("2014-03,5", "values.csv:122: ds = '2014-03-01': expected each period once; 2014-03-01 is on line 4"),
        ("2199-01,5", "values.csv:122: ds = '2199-01': expected a period that has begun by"),
        ("2024-01-15,5", "values.csv:122: ds = '2024-01-15': expected the first day of a period of frequency M: 2024-"),
        ("2024-W03,5", "values.csv:122: ds = '2024-W03': expected a month, such as"),
    ],
)
def test_a_bad_row_is_named_and_nothing_is_written(
    ingest: Orecast, orecast: Orecast, extra: str, expected: str
) -> None:
    code, _, errors = ingest([*lines(usual()), extra])
    assert code == 2
    assert expected in errors
    assert orecast("series", "mine.odd")[0] == 4


def test_a_file_of_nothing(ingest: Orecast) -> None:
    code, _, errors = ingest([])
    assert (code, "expected a header line and at least one row" in errors) == (2, True)
    assert "None" not in errors


# -- what cannot be forecast -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("measure", ["price", "volume"])
@pytest.mark.parametrize(
    ("values", "flag", "why"),
    [
        ([5.0], "", "1 observations where at least 3 are needed"),
        ([5.0, 6.0], "", "2 observations where at least 3 are needed"),
        ([5.0] * 60, "imputed", "no value that a model may use: nothing is published, or all of it is imputed"),
    ],
)
def test_too_little_is_a_failure_with_its_reason(
    ingest: Orecast, orecast: Orecast, measure: str, values: list[float], flag: str, why: str
) -> None:
    assert ingest([f"{line},{flag}" for line in lines(values)], measure, flags=True)[0] == 0
    code, _, errors = orecast("train", "mine.odd")
    assert (code, errors) == (1, f"orecast: mine.odd: failed ({why})\n")
    code, _, errors = orecast("forecast", "mine.odd")
    assert code == 3
    assert "it has not been trained" in errors


# -- what is forecast with a word about it -----------------------------------------------------------------------------


@pytest.mark.parametrize("measure", ["price", "volume"])
@pytest.mark.parametrize("blip", [0.0, 0.01])
def test_a_constant_history_does_not_promise_a_constant_future(
    ingest: Orecast, orecast: Orecast, measure: str, blip: float
) -> None:
    ingest(lines([100.0 + blip * (i == 60) for i in range(120)]), measure)
    document = made(orecast)
    assert message(document, "the series never moved")
    assert 90 < document["data"][0]["yhat"] < 110
    assert width(document, 0) > 1.04
    assert width(document, 11) > 1.1


def test_nobody_can_force_a_family_to_be_sure_of_a_constant(ingest: Orecast, orecast: Orecast) -> None:
    ingest(lines([100.0] * 60), "price")
    assert orecast("train", "mine.odd", "--family", "grid")[0] == 0
    document = json.loads(orecast("forecast", "mine.odd", "--format", "json", "--origin", "last", "--insufficient")[1])
    assert width(document, 0) > 1.04


@pytest.mark.parametrize("measure", ["price", "volume"])
@pytest.mark.parametrize("n", [3, 10, 20])
def test_a_short_history_is_forecast_wide_and_untested(ingest: Orecast, orecast: Orecast, measure: str, n: int) -> None:
    ingest(lines(usual(n)), measure)
    document = made(orecast)
    assert message(document, f"serves, untested: {n} observations are too few to test a model on")
    assert width(document, 0) > 1.2
    assert width(document, 11) > 2


def test_imputed_months_at_the_end_are_forecast_too(ingest: Orecast, orecast: Orecast) -> None:
    values = lines(usual())
    ingest([f"{line},{'imputed' if i >= 114 else ''}" for i, line in enumerate(values)], flags=True)
    document = made(orecast)
    assert document["data"][0]["ds"] == "2023-07-01"
    assert message(document, "the last 6 months have no usable value: the forecast begins after June 2023")


@pytest.mark.parametrize(("imputed", "words"), [(1, "the last month has"), (2, "the last 2 months have"), (0, None)])
def test_what_is_imputed_at_the_end_is_counted(imputed: int, words: str | None) -> None:
    series = a_series("price.x", "x", "price", "target", "world", "WLD", "WLD", "USD/t", "M", 5)
    ds, flag = series.calendar.range("2023-01-01", 12), np.array(["reported"] * (12 - imputed) + ["imputed"] * imputed)
    message = remarks(History(series, ds, np.arange(1.0, 13.0), flag))
    rest = f"no usable value: the forecast begins after {ds[-1 - imputed].item():%B %Y}"
    assert message == ([f"{words} {rest}"] if words else [])


def test_a_gap_of_five_years_is_told(ingest: Orecast, orecast: Orecast) -> None:
    ingest([line for i, line in enumerate(lines(usual())) if not 50 <= i < 110])
    document = made(orecast)
    assert message(document, "no usable value between February 2018 and March 2023")
    assert width(document, 0) > 1.5


def test_zeros_are_counted_and_told(ingest: Orecast, orecast: Orecast) -> None:
    values = usual()
    values[::7] = 0
    ingest(lines(values))
    document = made(orecast)
    assert message(
        document, "18 values are zero (the last: December 2023): a forecast period may be 0, too, as often as before"
    )
    assert all(row["lo-95"] == 0 and row["yhat"] > 200 for row in document["data"])


def test_months_in_a_daily_series_are_asked_about(ingest: Orecast, orecast: Orecast) -> None:
    days = [str(dt.date(2024, 1, 1) + dt.timedelta(days=i)) for i in range(30)]
    _, _, errors = ingest(
        [*lines(usual(), [f"{month}-01" for month in MONTHS[-24:]]), *lines(usual(30), days)], freq="D"
    )
    assert "mine.odd: 54 of 760 periods have a value; is D its frequency?" in " ".join(errors.split())
    document = made(orecast)
    assert message(document, "only 54 of 760 days have a value: is its frequency really D?")


def test_slips_cost_little(ingest: Orecast, orecast: Orecast) -> None:
    clean = usual()
    ingest(lines(clean))
    expected = made(orecast)
    spoiled = clean.copy()
    spoiled[[20, 55, 90]] *= 10
    spoiled[[33, 70]] = 0
    code, _, _ = ingest([line for i, line in enumerate(lines(spoiled)) if i not in (12, 40, 64, 101)])
    assert code == 0
    found = made(orecast)
    ratio = np.array([a["yhat"] / b["yhat"] for a, b in zip(found["data"], expected["data"], strict=True)])
    assert np.abs(np.log(ratio)).mean() < 0.25

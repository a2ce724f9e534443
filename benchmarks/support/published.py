"""Published estimates of what events did, each with its source and the series of ours that it is compared on."""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Annotated

import numpy as np
import numpy.typing as npt
from pydantic import Field, PlainValidator

from forecast.catalog.csv_reader import Reading, Row, items, read_rows, word
from forecast.names import SeriesId
from forecast.timeseries.frequency import Days
from forecast.timeseries.series import Floats

#: The published numbers, and the series that are not bundled, in the bring-your-own format.
FOLDER = Path(__file__).parent.parent / "published"

_SPAN = re.compile(r"(\d{4}-\d{2})/(\d{4}-\d{2})")


@dataclass(frozen=True)
class Span:
    """Months, the first and the last included."""

    text: str

    @classmethod
    def parse(cls, text: str) -> Span:
        """``2022-08/2024-07``. Raises ``ValueError``."""
        match = _SPAN.fullmatch(text)
        if match is None or np.datetime64(match[1], "M") > np.datetime64(match[2], "M"):
            raise ValueError(text)
        return cls(text)

    def holds(self, ds: Days) -> npt.NDArray[np.bool_]:
        """(T,) which periods begin in it."""
        first, last = (np.datetime64(month, "M") for month in self.text.split("/"))
        months = ds.astype("datetime64[M]")
        return np.asarray((first <= months) & (months <= last))


_Span = Annotated[Span, PlainValidator(Span.parse)]
_MONTHS = "first and last month, such as 2022-08/2024-07"
_TEXT = "what a reader needs to judge the comparison"


class PublishedEstimate(Row):
    """A published number on what ``events`` did between two spans, and where ours is read: ``series_id`` (empty where
    there is none), ``before`` and ``after``.

    ``published``, ``low``, ``high``: as they stand in the source, in percent or on the log (``scale``), the interval
    of 95 % where one is given; ``published_raw``: the change in percent without any comparison, where one is given;
    ``statistic``: whether periods are averaged as they are or on the log; ``differs``: why ours is not the same number.
    """

    estimate_id: str = Field(description="an id", min_length=1)
    finding: str = Field(description=_TEXT, min_length=1)
    events: Annotated[tuple[str, ...], PlainValidator(items)] = Field(description="ids of events, joined by ';'")
    series_id: SeriesId | str = ""
    statistic: Annotated[str, word(("means", "logs"))]
    scale: Annotated[str, word(("percent", "log"))]
    published: float = Field(description="a number", allow_inf_nan=False)
    low: float | None = Field(None, description="a number")
    high: float | None = Field(None, description="a number")
    published_before: _Span = Field(description=_MONTHS)
    published_after: _Span = Field(description=_MONTHS)
    published_raw: float | None = Field(None, description="percent")
    before: _Span = Field(description=_MONTHS)
    after: _Span = Field(description=_MONTHS)
    definition: str = Field(description=_TEXT, min_length=1)
    differs: str = Field(description=_TEXT, min_length=1)
    source: str = Field(description=_TEXT, min_length=1)
    source_url: str = Field(description="an address of the web", pattern="^https?://")
    licence: str = Field(description=_TEXT, min_length=1)
    retrieved: date = Field(description="a day")

    def percent(self, number: float | None) -> float | None:
        """A number of the source in percent."""
        return number if number is None or self.scale == "percent" else float(100 * np.expm1(number))

    def raw(self, ds: Days, y: Floats) -> float | None:
        """Percent by which a series (T,) changed between the spans; None where it has no value in one of them."""
        spans = [y[span.holds(ds) & np.isfinite(y)] for span in (self.before, self.after)]
        if not all(len(values) for values in spans):
            return None
        if self.statistic == "logs":
            before, after = (np.log(values[values > 0]).mean() for values in spans)
            return float(100 * np.expm1(after - before))
        before, after = (values.mean() for values in spans)
        return float(100 * (after / before - 1))


def read_estimates(path: Path, series: Collection[str], events: Collection[str]) -> list[PublishedEstimate]:
    """The published estimates of a file; their series and events must be known. Raises ``InvalidInput``."""
    reading, found = Reading(), []
    for row, estimate in read_rows(path, PublishedEstimate, reading):
        if estimate.series_id and estimate.series_id not in series:
            reading.note(row, "series_id", "a series of the bundle or of the folder of the published numbers")
        if not estimate.events or not set(estimate.events) <= set(events):
            reading.note(row, "events", "ids of events.csv")
        if any(estimate.estimate_id == other.estimate_id for other in found):
            reading.note(row, "estimate_id", "an id that no other line has")
        found.append(estimate)
    reading.finish()
    return found

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


_Span = Annotated[
    Span,
    PlainValidator(Span.parse),
    Field(description="first and last month, such as 2022-08/2024-07", examples=["2022-08/2024-07"]),
]
_Text = Annotated[str, Field(description="what a reader needs to judge the comparison", min_length=1, examples=["?"])]
_Number = Annotated[float, Field(description="a number", allow_inf_nan=False, examples=[0.0])]
_Events = Annotated[
    tuple[str, ...], PlainValidator(items), Field(description="ids of events, joined by ';'", examples=["?"])
]


class PublishedEstimate(Row):
    """A published number on what ``events`` did between two spans, and where ours is read: ``series_id`` (empty where
    there is none), ``before`` and ``after``.

    ``published``, ``low``, ``high``: as they stand in the source, in percent or on the log (``scale``), the interval
    of 95 % where one is given; ``published_raw``: the change in percent without any comparison, where one is given;
    ``statistic``: whether periods are averaged as they are or on the log; ``differs``: why ours is not the same number.
    """

    estimate_id: _Text
    finding: _Text
    events: _Events
    series_id: str = ""
    statistic: Annotated[str, word(("means", "logs"))]
    scale: Annotated[str, word(("percent", "log"))]
    published: _Number
    low: _Number | None = None
    high: _Number | None = None
    published_before: _Span
    published_after: _Span
    published_raw: _Number | None = None
    before: _Span
    after: _Span
    definition: _Text
    differs: _Text
    source: _Text
    source_url: str = Field(description="an address of the web", pattern="^https?://", examples=["https://example.org"])
    licence: _Text
    retrieved: date = Field(description="a day", examples=["2026-01-01"])

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
    reading = Reading()
    found: list[PublishedEstimate] = []
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

"""Health as an answer: is each series fresh, and did the forecasts that were served hold?"""

from __future__ import annotations

import datetime as dt
from typing import ClassVar

from pydantic import Field

from forecast.answers.model import Coverage, Listing, Part, SeriesKey, in_unit


class Inside(Coverage):
    """Which share of the judged forecasts was inside its central interval; null where none is judged."""

    levels_if_unsaid: ClassVar[tuple[int, ...]] = (80, 95)


class Health(Part):
    """How one series stands."""

    series_id: SeriesKey
    run: str | None = Field(description="id of the run that serves; null where nothing was promoted")
    last: dt.date | None = Field(title="data to", description="first day of the last period with a value")
    overdue: int = Field(
        title="late",
        description="since the value of the next period should have been there; 0 if it is not late",
        json_schema_extra=in_unit("days"),
    )
    judged: int = Field(
        description="forecasts of stored runs whose outcome is known", json_schema_extra=in_unit("periods")
    )
    inside: Inside = Field(description="of what is judged")
    held: tuple[str, ...] = Field(description="values that were delivered and do not count, and why")
    fault: str | None = Field(description="why the champion does not answer; null if it does")
    state: str = Field(
        description="served; damaged: an earlier run answers for it; silent: none can; none: nothing was promoted"
    )


class HealthList(Listing):
    """How every series stands."""

    data: tuple[Health, ...]

"""What may be asked: one pydantic model for each query, path and body."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Annotated, Any, Literal, Self

from flask import has_request_context, request
from pydantic import Field

from forecast.answers.backtests import KEPT_LEVELS
from forecast.answers.calendar import MOST_DAYS
from forecast.answers.distribution import USUAL_QUANTILES
from forecast.answers.series_filter import SeriesFilter
from forecast.errors import Fault, InvalidInput, one_of
from forecast.events import KINDS
from forecast.names import PLACE_RULE
from forecast.settings import FORECAST_HORIZON, FORECAST_LEVELS, YEARS_AHEAD
from service.parameters import MOST_WHOLE, WHOLE, Asked, Day, Days, KeptLevels, Levels, Name, Names, Quantiles, optional

#: Parameters that browsers, proxies and newsletters add, and that mean nothing here.
_CACHE_BUSTER = re.compile(r"_|utm_.*")
_ADDED = re.compile(r"(?:^|&)(?:_|utm_[^=&]*)(?:=[^&]*)?(?=&|$)")
#: The most lines of a page.
MOST_LINES = 10_000

AS_OF = "a day, YYYY-MM-DD, not after today: answer with what was known at the end of it (UTC); today if left out"
LEVEL = "whole percentages from 1 to 99, each once, at most ten: level=80,95 or level=80&level=95"
KEPT_LEVEL = f"central intervals in percent, each once, {one_of(map(str, KEPT_LEVELS))}"
MINERAL = "slug of a mineral, such as rare-earths; its parents and children count"
EVENT_MINERAL = f"{MINERAL}, and baskets of goods on its flows"
COHERENT = "true: in agreement with their groups; in each draw the parts of a parent add up to it"
ORIGIN = "today: h counts from the first period after the day as_of (if left out); last: after the last value"
QUANTILE = "numbers between 0 and 1, each once: quantile=0.1,0.5,0.9; these quantiles, a line each, instead"
DRAWS = "a whole number: so many of the run's joint draws, the first, a line a draw and period, instead"
FORMAT = "json or csv; without it the Accept header decides"

Format = Literal["json", "csv"]


def without_cache_busters(query: str) -> str:
    """A query string without what browsers, proxies and newsletters add."""
    return _ADDED.sub("", query).removeprefix("&")


class SeriesPath(Asked):
    """The path of one series."""

    place = "path"
    series_id: str = Field(description="id of a series, such as price.copper", examples=["price.copper"])


class EventPath(Asked):
    """The path of one event."""

    place = "path"
    event_id: str = Field(description="id of an event", examples=["cn-7ree-licence-2025"])


class RunPath(Asked):
    """The path of one run."""

    place = "path"
    run_id: str = Field(description="id of a run, as in the list of runs")


class JobPath(Asked):
    """The path of one job."""

    place = "path"
    job_id: str = Field(description="id of a job, as the answer to the request for it says")


class NoQuery(Asked):
    """No parameters at all; the root of all queries."""

    place = "query"

    @classmethod
    def model_validate(cls, obj: Any, **options: Any) -> Self:
        """Raises ``InvalidInput`` too for a parameter that is given twice and may have one value only."""
        obj = {name: value for name, value in obj.items() if not _CACHE_BUSTER.fullmatch(name)}
        given = request.args.lists() if has_request_context() else []
        once = [(name, values) for name, values in given if name in obj and not isinstance(obj[name], list)]
        twice = [(name, values) for name, values in once if len(values) > 1]
        if twice:
            raise InvalidInput([Fault(f"query.{name}", values, "one value") for name, values in twice])
        return super().model_validate(obj, **options)

    @classmethod
    def parameters(cls) -> frozenset[str]:
        """The names of its parameters, as they are sent."""
        return frozenset(field.alias or name for name, field in cls.model_fields.items())


class Query(NoQuery):
    """A format only."""

    format: Format | None = optional(FORMAT)


class ReadyQuery(NoQuery):
    """How much is told."""

    verbose: Literal["true", "false"] | None = optional("true: also how the public sources do, and since when")


class AsOfQuery(Query):
    """A format, and the day whose knowledge counts."""

    as_of: Day | None = optional(AS_OF)


class AsOfOnlyQuery(NoQuery):
    """The day whose knowledge counts."""

    as_of: Day | None = optional(AS_OF)


class PagedQuery(Query):
    """A format, and which page of a list."""

    limit: Annotated[int, Field(ge=1, le=MOST_LINES), WHOLE] | None = optional(
        f"a whole number from 1 to {MOST_LINES}: so many lines a page; without it the list comes whole"
    )
    cursor: Annotated[str, Field(min_length=1, max_length=1000)] | None = optional(
        "`next` of the page before, or what its header Link says, with the same question: the page after it"
    )


#: Parameters that tell only how an answer comes.
PAGING = frozenset({"limit", "cursor", "format"})


class SeriesChoice(NoQuery):
    """Which of the series."""

    mineral: Name | None = optional(MINERAL)
    measure: Literal["price", "volume", "value", "index"] | None = optional("price, volume, value or index")
    flow: Literal["world", "import", "export"] | None = optional("world, import or export")
    country: Name | None = optional(f"whose trade it is, or where the price is paid: {PLACE_RULE}")
    partner: Name | None = optional(f"with whom: {PLACE_RULE}")
    at: Name | None = optional(f"whose trade it is or with whom: {PLACE_RULE}", alias="place")

    def chosen(self, role: str | None = None) -> SeriesFilter:
        """What is asked of a series."""
        return SeriesFilter(self.mineral, self.measure, role, self.flow, self.country, self.partner, self.at)


class SeriesQuery(PagedQuery, SeriesChoice):
    """Which series are listed."""

    role: Literal["target", "comparison", "evidence"] | None = optional("target, comparison or evidence")
    retired: Literal["true", "false"] | None = optional("true: also those that were retired, and since when")


class ObservationsChoice(AsOfQuery):
    """Which of the observations."""

    start: Day | None = optional("a day, YYYY-MM-DD: periods that start on it or later")
    end: Day | None = optional("a day, YYYY-MM-DD: periods that start on it or earlier")
    since: Day | None = optional(
        "a day, YYYY-MM-DD: only values, new or revised, that became known on it or later (UTC); a day that is assumed "
        "is that of the usual delay"
    )


class ObservationsQuery(ObservationsChoice, PagedQuery):
    """Which observations of a series are listed."""


class EventsChoice(AsOfQuery):
    """Which of the events."""

    mineral: Name | None = optional(EVENT_MINERAL)
    actor: Name | None = optional("who acts, as the events say it: an ISO 3166 alpha-3 code, EU, UN or WLD")
    kind: Literal[*KINDS] | None = optional(one_of(KINDS))  # type: ignore[valid-type]
    series_id: Name | None = optional("id of a series: the events that touch it")


class ToldEventsChoice(EventsChoice):
    """Which of the events, by when something became known of them too."""

    since: Day | None = optional(
        "a day, YYYY-MM-DD: only events of which something became known on it or later (UTC), those that were retired "
        "since among them; each change once: /v1/changes"
    )


class EventsQuery(ToldEventsChoice, PagedQuery):
    """Which events are listed."""


class CalendarQuery(EventsChoice):
    """Which dated changes of events are listed."""

    start: Day | None = optional(
        "a day, YYYY-MM-DD, also to come: the first of the window; without it from as_of on, and what is unconfirmed "
        "from before",
        alias="from",
    )
    until: Day | None = optional("a day, YYYY-MM-DD, also to come: the last of the window")
    expiring: Days | None = optional(
        f"a whole number of days from 0 to {MOST_DAYS}: what ends, or whose suspension ends, so soon after as_of"
    )


class TradeQuery(AsOfQuery):
    """Of which trade the duty is asked."""

    mineral: Name = Field(
        description="slug of a mineral, or a word of it that is in no other: magnets", examples=["ndfeb-magnets"]
    )
    origin: Name = Field(description=PLACE_RULE, examples=["CHN"])
    destination: Name = Field(description=PLACE_RULE, examples=["USA"])


class DutiesQuery(TradeQuery):
    """On which day a duty is asked."""

    day: Day | None = optional("a day, YYYY-MM-DD, past or to come: when it crosses the border; as_of if left out")


class DutyStepsQuery(TradeQuery):
    """Over which days a duty is asked."""

    start: Day | None = optional(
        "a day, YYYY-MM-DD: the first; that of the first change on record if left out", alias="from"
    )
    until: Day | None = optional("a day, YYYY-MM-DD, also to come: the last; as_of if left out")


class EffectsQuery(Query):
    """Which effects on a series, and how finely."""

    event: Name | None = optional("id of an event: the episode that it is part of, or why its effect was not estimated")
    detail: Literal["episodes", "path"] | None = optional("episodes (the default), or path: every period of each")


class BacktestQuery(Query):
    """How finely a backtest is told."""

    detail: Literal["scores", "path"] | None = optional("scores (the default), or path: every period of each forecast")
    level: KeptLevels = Field(list(FORECAST_LEVELS), description=f"of a path: {KEPT_LEVEL}")


class DiversionQuery(Query):
    """To which group of flows, with which other events, and how finely."""

    group: Name | None = optional("id of a total, or of any series of its group: that group only")
    event: Names = Field([], description="ids of other events, whose effect is added: the rounds of one measure")
    detail: Literal["partners", "path"] | None = optional("partners (the default), or path: every period of each")


class RunsQuery(PagedQuery, SeriesChoice):
    """Which runs are listed."""

    series_id: Name | None = optional("id of a series: its runs only")
    since: Day | None = optional("a day, YYYY-MM-DD: only runs that were trained on it or later (UTC)")


class ChangesQuery(Query):
    """After which change, and how many."""

    since: Annotated[int, Field(ge=0, le=MOST_WHOLE), WHOLE] = Field(
        0, description="a whole number, `last` of the answer before: changes after that; from the first on if left out"
    )
    limit: Annotated[int, Field(ge=1, le=MOST_LINES), WHOLE] = Field(
        1000, description=f"a whole number from 1 to {MOST_LINES}: so many changes at most; 1000 if left out"
    )


def ahead(horizon: int) -> tuple[Any, Any]:
    """The type and the field of ``h`` where ``horizon`` periods are trained."""
    usual = f"{min(FORECAST_HORIZON, horizon)} if left out (of years {min(YEARS_AHEAD, horizon)})"
    described = f"a whole number of periods from 1 to {horizon}; {usual}, or all up to `until`"
    return Annotated[int, Field(ge=1, le=horizon), WHOLE], optional(described)


class ForecastQuery(AsOfQuery):
    """``h`` is bounded where the trained horizon is known."""

    h: Annotated[int, WHOLE] | None = None
    level: Levels = Field(list(FORECAST_LEVELS), description=LEVEL)
    origin: Literal["today", "last"] | None = optional(ORIGIN)
    start: Day | None = optional("a day, YYYY-MM-DD: periods that start on it or later", alias="from")
    until: Day | None = optional("a day, YYYY-MM-DD: periods that start on it or earlier")
    insufficient: Literal["true", "false"] | None = optional("true: also of what has too few values for a forecast")


class OneForecastQuery(ForecastQuery):
    """Of one series: its median and intervals, or the distribution that they come from."""

    quantile: Quantiles | None = optional(QUANTILE)
    quantiles: Literal["true", "false"] | None = optional("true: the quantiles by which backtests are scored instead")
    draws: Annotated[int, Field(ge=1), WHOLE] | None = optional(DRAWS)

    def check(self) -> None:
        """Raise ``InvalidInput`` where more than one of them is asked for."""
        asked = [name for name in ("quantile", "quantiles", "draws") if getattr(self, name) not in (None, "false")]
        if len(asked) > 1:
            expected = "one of quantile, quantiles and draws"
            raise InvalidInput([Fault(f"query.{name}", getattr(self, name), expected) for name in asked])

    @property
    def probabilities(self) -> Sequence[float]:
        """The quantiles that are asked for; none where it is not they."""
        return self.quantile or (USUAL_QUANTILES if self.quantiles == "true" else ())


class SeveralSeries(SeriesChoice):
    """Which of the series, by their ids too."""

    series_id: Names = Field(
        [],
        description="ids of series, comma-separated or repeated; without it all that have what is asked for and are as "
        "the other parameters say",
    )


class BulkQuery(ForecastQuery, SeveralSeries):
    """Which series are forecast, and whether groups agree."""

    coherent: Literal["true", "false"] | None = optional(COHERENT)


class ExportQuery(Query):
    """How a table is written."""

    format: Literal["csv"] | None = optional("csv, which it is without it too")
    shape: Literal["long", "wide"] | None = optional(
        "long (the default): a line a period of each series; wide: a line a period, with a column a series"
    )
    bom: Literal["true", "false"] | None = optional(
        "true: with a byte order mark, by which older spreadsheets know UTF-8"
    )


class ForecastsExport(ExportQuery, BulkQuery):
    """Which forecasts are exported."""

    history: Literal["true", "false"] | None = optional("true: after the observations of each series")


class ObservationsExport(ExportQuery, ObservationsChoice, SeveralSeries):
    """Which observations are exported."""


class EffectsExport(ExportQuery, SeveralSeries):
    """Of which series effects are exported."""


class EventsExport(ExportQuery, ToldEventsChoice):
    """Which events are exported."""

    shape: Literal["long"] | None = optional("long; wide there are forecasts, observations, effects and backtests")


class BacktestsExport(EffectsExport):
    """Of which series past forecasts are exported."""

    level: KeptLevels = Field(list(FORECAST_LEVELS), description=KEPT_LEVEL)

"""Arguments and options that several commands share, said once."""

from __future__ import annotations

import datetime as dt
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from forecast.errors import Fault, InvalidInput
from forecast.settings import FORECAST_LEVELS, SpanOrigin


class ListingCommands(TyperGroup):
    """A group whose first word may also be what its command ``show`` is asked for."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        named = bool(args) and (args[0] in self.commands or args[0] == "--help")
        return super().parse_args(ctx, args if named else ["show", *args])


def day(text: str) -> dt.date:
    """``YYYY-MM-DD``. Raises ``ValueError`` for anything else."""
    try:
        return dt.datetime.strptime(text, "%Y-%m-%d").date()
    except ValueError:
        raise typer.BadParameter(f"{text!r} is no day; expected YYYY-MM-DD") from None


def levels(texts: list[str] | None) -> list[int]:
    """``--level 80,95`` and ``--level 80 --level 95`` are the same; 80 and 95 by default."""
    if not texts:
        return list(FORECAST_LEVELS)
    chosen = [part.strip() for text in texts for part in text.split(",")]
    faults = [
        Fault("--level", part, "a whole percentage from 1 to 99")
        for part in chosen
        if not part.isdecimal() or not 1 <= int(part) <= 99
    ]
    if faults:
        raise InvalidInput(faults)
    found = [int(part) for part in chosen]
    if len(set(found)) < len(found):
        raise InvalidInput(Fault("--level", ",".join(chosen), "each level once"))
    return found


def quantiles(texts: list[str] | None) -> list[float]:
    """``--quantile 0.1,0.9`` and ``--quantile 0.1 --quantile 0.9`` are the same; none without it."""
    chosen = [part.strip() for text in texts or () for part in text.split(",")]
    try:
        return [float(part) for part in chosen]
    except ValueError:
        raise InvalidInput(Fault("--quantile", ",".join(chosen), "numbers between 0 and 1, each once")) from None


def person(by: str | None) -> str:
    """Who does it: the name that was given, else that of the user of the operating system."""
    from forecast.catalog.audit import operator

    return by or operator()


SeriesArgument = Annotated[str, typer.Argument(metavar="SERIES", help="id of a series, such as price.copper")]
SomeSeries = Annotated[
    list[str] | None, typer.Argument(metavar="[SERIES]...", help="ids of series; all targets if left out")
]
AsOf = Annotated[
    dt.date | None,
    typer.Option(
        "--as-of", parser=day, metavar="DAY", help="what was known at the end of this UTC day; today by default"
    ),
]
Horizon = Annotated[
    int | None,
    typer.Option(
        "--horizon",
        "--h",
        min=1,
        metavar="N",
        help="periods ahead, at most ORECAST_HORIZON; 12 (of years 5), or all up to --until",
    ),
]
From = Annotated[
    dt.date | None, typer.Option("--from", parser=day, metavar="DAY", help="periods that start on it or later")
]
Until = Annotated[
    dt.date | None, typer.Option("--until", parser=day, metavar="DAY", help="periods that start on it or earlier")
]
OriginOption = Annotated[
    SpanOrigin, typer.Option("--origin", help="count periods ahead from today, or from the last value")
]
TooFew = Annotated[bool, typer.Option("--insufficient", help="also of series with too few values for a forecast")]
Coherent = Annotated[
    bool,
    typer.Option("--coherent", help="in agreement with their groups: in each draw the parts of a parent add up to it"),
]
Level = Annotated[
    list[str] | None, typer.Option("--level", metavar="PERCENT", help="central intervals, such as 80,95 (the default)")
]
Quantile = Annotated[
    list[str] | None,
    typer.Option("--quantile", metavar="P", help="these quantiles instead, such as 0.1,0.5,0.9, a line each"),
]
DrawsOption = Annotated[
    int | None, typer.Option("--draws", metavar="N", help="the first N joint draws instead, a line a draw and period")
]
By = Annotated[str | None, typer.Option("--by", metavar="NAME", help="whose decision it is; your user name by default")]

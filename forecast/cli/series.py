"""``orecast series``: what can be asked about."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, fields
from typing import TYPE_CHECKING, Annotated, Any

import typer

from forecast.cli.output import Column, Format, FormatOption, Out, OutputOption
from forecast.cli.session import session
from forecast.errors import Fault, InvalidInput, NotFound

if TYPE_CHECKING:
    from forecast.timeseries.series import Series

COLUMNS = (
    Column("series_id", "series"),
    Column("unit"),
    Column("freq"),
    Column("serves", "serving run"),
)


def series(
    series_id: Annotated[str | None, typer.Argument(metavar="[SERIES]", help="one series, with all its facts")] = None,
    mineral: Annotated[str | None, typer.Option(help="of this mineral, its parents and its children")] = None,
    measure: Annotated[str | None, typer.Option(help="price, volume, value or index")] = None,
    role: Annotated[str | None, typer.Option(help="target: forecast; comparison: used to estimate effects")] = None,
    format: FormatOption = None,
    output: OutputOption = None,
) -> None:
    """List the series, or show one.

    \b
    Examples:
      orecast series --measure price
      orecast series price.copper
      orecast series --mineral rare-earths --format csv
    """
    from forecast.timeseries.series import MEASURES, ROLES, Series

    _require("--measure", measure, MEASURES)
    _require("--role", role, ROLES)
    out = Out(format, output)
    with session() as s:

        def row(one: Series) -> dict[str, Any]:
            return {**asdict(one), "run": s.registry.champion_id(one.series_id)}

        if series_id is not None:
            out.facts(row(s.catalog.get(series_id)))
            return
        found = [one for one in s.catalog.series().values() if measure in (None, one.measure)]
        found = [one for one in found if role in (None, one.role)]
        if mineral:
            minerals = s.catalog.minerals()
            if mineral not in minerals.parents:
                raise NotFound("mineral", mineral, minerals.parents)
            found = [one for one in found if minerals.related(one.mineral, mineral)]
        rows = [row(one) for one in found]
    header = [*(f.name for f in fields(Series)), "run"]
    if out.chosen is Format.TABLE:
        rows = [
            {**each, "serves": each["run"] or ("none" if each["role"] == "target" else "comparison")} for each in rows
        ]
    out.rows(rows, COLUMNS, header=header)


def _require(option: str, value: str | None, words: Sequence[str]) -> None:
    if value is not None and value not in words:
        raise InvalidInput(Fault(option, value, f"one of {', '.join(words)}"))

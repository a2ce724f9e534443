"""``orecast series``: what can be asked about."""

from __future__ import annotations

from dataclasses import asdict, fields
from enum import StrEnum
from typing import Annotated, Any

import typer

from forecast.cli.output import Column, FormatOption, Out, OutputOption
from forecast.cli.session import session
from forecast.errors import NotFound
from forecast.series import MEASURES, ROLES, Series

Measure = StrEnum("Measure", list(MEASURES))
Role = StrEnum("Role", list(ROLES))

COLUMNS = (
    Column("series_id", "series"),
    Column("unit"),
    Column("freq"),
    Column("role"),
    Column("run", "serving run"),
)


def series(
    series_id: Annotated[str | None, typer.Argument(metavar="[SERIES]", help="one series, with all its facts")] = None,
    mineral: Annotated[str | None, typer.Option(help="of this mineral, its parents and its children")] = None,
    measure: Annotated[Measure | None, typer.Option(help="of this measure")] = None,
    role: Annotated[Role | None, typer.Option(help="target: forecast; comparison: used to estimate effects")] = None,
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
    out = Out(format, output)
    with session() as s:

        def row(one: Series) -> dict[str, Any]:
            return {**asdict(one), "run": s.registry.champion_id(one.series_id)}

        if series_id is not None:
            out.facts(row(s.catalog.get(series_id)))
            return
        found = [one for one in s.catalog.series().values() if (not measure or one.measure == measure)]
        found = [one for one in found if not role or one.role == role]
        if mineral:
            minerals = s.catalog.minerals()
            if mineral not in minerals.parents:
                raise NotFound("mineral", mineral, minerals.parents)
            found = [one for one in found if minerals.related(one.mineral, mineral)]
        out.rows([row(one) for one in found], COLUMNS, header=[*(f.name for f in fields(Series)), "run"])

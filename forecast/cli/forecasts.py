"""``orecast forecast``: the periods ahead, of one series or of many."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from forecast.cli.options import (
    AsOf,
    Coherent,
    DrawsOption,
    From,
    Horizon,
    Level,
    OriginOption,
    Quantile,
    TooFew,
    Until,
    levels,
    quantiles,
)
from forecast.cli.output import (
    Format,
    FormatOption,
    Out,
    OutputOption,
    TableColumn,
    lines,
    table,
    warn_left_out,
)
from forecast.cli.session import session
from forecast.settings import SpanOrigin

if TYPE_CHECKING:
    from forecast.answers.forecast import Forecast


_PERIOD = ("ds", "h", "nowcast")


def forecast(
    series_ids: Annotated[list[str], typer.Argument(metavar="SERIES", help="ids, such as price.copper")],
    horizon: Horizon = None,
    level: Level = None,
    as_of: AsOf = None,
    start: From = None,
    until: Until = None,
    origin: OriginOption = SpanOrigin.TODAY,
    coherent: Coherent = False,
    insufficient: TooFew = False,
    quantile: Quantile = None,
    draws: DrawsOption = None,
    format: FormatOption = None,
    output: OutputOption = None,
) -> None:
    """Forecast series: median and intervals of the periods ahead.

    Periods ahead are counted from today: 1 is the first that starts after it.
    Those between the last value and today come first; what is over and not
    published is marked as nowcast. Answers at once from the run that serves;
    nothing is fitted. Futures that are not in the numbers, because nobody has
    given them a probability, are listed below the table. Of several series,
    those that cannot be served are named and left out (exit code 1), as are
    those with too few values for a forecast (exit code 0). Of one series,
    --quantile and --draws show the distribution that all of it comes from.

    \b
    Examples:
      orecast forecast price.copper
      orecast forecast price.copper price.nickel --horizon 6 --level 50,90
      orecast forecast price.copper --from 2027-01-01 --until 2027-12-31
      orecast forecast price.copper --format csv > copper.csv
      orecast forecast price.copper --quantile 0.05,0.5,0.95
      orecast forecast price.copper --draws 200 --output draws.csv
      orecast forecast mine.imports mine.imports.chl --coherent
    """
    from forecast.answers.distribution import forecast_draws, forecast_quantiles
    from forecast.answers.forecast import ForecastQuestion
    from forecast.answers.several import forecasts
    from forecast.answers.span import Span

    out, percents, at = Out(format, output), levels(level), quantiles(quantile)
    if (at or draws is not None) and (len(series_ids) != 1 or coherent or (at and draws is not None)):
        raise typer.BadParameter("--quantile and --draws are of one series by itself, and one of the two at a time")
    with session() as s:
        span = Span(horizon, origin, start, until)
        question = ForecastQuestion(s.day(as_of), span, percents, coherent, insufficient)
        if at or draws is not None:
            stores = s.catalog, s.registry, s.known(series_ids)[0], question
            if draws is None:
                out.answer(forecast_quantiles(*stores, at), (*_PERIOD, "quantile", "y"))
            else:
                out.answer(forecast_draws(*stores, draws), ("draw", *_PERIOD, "y"))
            return
        found = forecasts(s.catalog, s.registry, s.known(series_ids), question)
    if out.chosen is Format.TABLE:
        out.text("\n".join(_page(each) for each in found.data))
    else:
        out.answer(found.data[0] if len(series_ids) == 1 else found)
    raise typer.Exit(warn_left_out(found.left_out))


def _page(made: Forecast) -> str:
    # From the lowest bound to the highest, as the numbers are ordered.
    percents = sorted(made.levels, reverse=True)
    names = [*(f"lo-{p}" for p in percents), "yhat", *(f"hi-{p}" for p in reversed(percents))]
    columns = [TableColumn("ds", "period from"), *(TableColumn(name, number=True) for name in names)]
    if any(point.nowcast for point in made.data):
        columns.append(TableColumn("nowcast"))
    title = f"{made.series_id}, {made.unit}; quality of the data: {made.quality}"
    drawn = [branch for branch in made.branches if branch.probability is not None]
    undrawn = [branch for branch in made.branches if branch.probability is None]
    facts = [
        made.provenance,
        *made.notes,
        *(["In these numbers, in the share of the draws that is said:"] if drawn else []),
        *(f"- {branch.probability:.0%}: {branch.says} ({branch.event_id})" for branch in drawn),
        *(["Not in these numbers, since nobody has given a probability:"] if undrawn else []),
        *(f"- {branch.says} ({branch.event_id})" for branch in undrawn),
    ]
    return f"{title}\n\n{table([point.cells() for point in made.data], columns)}{lines(facts)}"

"""``orecast scenario``: what if events come, stay away, or come otherwise."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from forecast.cli.output import Column, Format, FormatOption, Out, OutputOption, lines, table, warn_left_out
from forecast.cli.session import Session, session

if TYPE_CHECKING:
    from forecast.answers.scenarios import Answer, Outcome

ScenarioFile = Annotated[Path, typer.Argument(metavar="FILE", exists=True, dir_okay=False, help="YAML or JSON")]
COLUMNS = (
    Column("ds", "period from"),
    Column("baseline", number=True),
    Column("yhat", "scenario", number=True),
    Column("difference", number=True),
    Column("low", number=True),
    Column("high", number=True),
)


def scenario(file: ScenarioFile, format: FormatOption = None, output: OutputOption = None) -> None:
    """Ask what would be if events came, stayed away, or came otherwise.

    The file names series and scenarios: events to add, remove or amend,
    branches to take, with a probability if there is one. Every scenario is
    compared with the baseline draw by draw. Nothing is kept.

    \b
    Examples:
      orecast scenario controls-return.yaml
      orecast scenario tariff.yaml --format csv --output tariff.csv
    """
    from forecast.export.forecasts import scenario_document, scenario_names, scenario_rows

    out = Out(format, output)
    with session() as s:
        answered = ask(s, file)
    if out.chosen is Format.CSV:
        out.csv(scenario_names(answered.levels), scenario_rows(answered))
    elif out.chosen is Format.JSON:
        out.document(scenario_document(answered))
    else:
        series_ids = dict.fromkeys(outcome.forecast.series.series_id for outcome in answered.outcomes)
        out.text("\n".join(_page(answered.of(series_id)) for series_id in series_ids))
    raise typer.Exit(warn_left_out(answered.left_out))


def ask(s: Session, file: Path) -> Answer:
    """The answer to the question in a file. Raises ``InvalidInput`` with the place of each fault."""
    from forecast.answers.scenarios import Question, answer

    return answer(s.catalog, s.registry, Question.read_file(file), today=s.today)


def _page(outcomes: Sequence[Outcome]) -> str:
    """One series: each scenario beside the baseline, with the widest interval of the difference."""
    baseline, *others = outcomes
    series, level = baseline.forecast.series, max(baseline.forecast.levels)
    text = ""
    for outcome in others:
        chance = f", probability {outcome.probability:g}" if outcome.probability is not None else ""
        rows = [
            {
                "ds": there.ds,
                "baseline": here.yhat,
                "yhat": there.yhat,
                "difference": change.yhat,
                "low": change.intervals[level][0],
                "high": change.intervals[level][1],
            }
            for here, there, change in zip(
                baseline.forecast.rows, outcome.forecast.rows, outcome.difference, strict=True
            )
        ]
        title = f"{series.series_id}, {series.unit}: {outcome.forecast.scenario}{chance}"
        own = [note for note in outcome.notes if note not in baseline.notes]
        text += f"{title}\n\n{table(rows, COLUMNS)}{lines(own)}\n"
    made = baseline.forecast
    known = f"run {made.run_id}; as of {made.as_of}, events known to {made.events_known_to or 'no day'}"
    told = f"difference: the median of the differences of the draws; low, high: their {level} % interval"
    return text.rstrip("\n") + "\n" + lines([told, known, *baseline.notes])

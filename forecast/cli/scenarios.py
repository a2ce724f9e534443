"""``orecast scenario``: what if events come, stay away, or come otherwise."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from forecast.cli.output import Column, Format, FormatOption, Out, OutputOption, lines, table
from forecast.cli.session import Session, session

if TYPE_CHECKING:
    from forecast.scenarios import Answer, Outcome

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
    out = Out(format, output)
    with session() as s:
        answered = ask(s, file)
    if out.chosen is Format.CSV:
        from forecast.export import point_names

        names = ["series_id", "what", *point_names(answered.levels), "unit", "scenario", "run"]
        out.csv(names, [row for outcome in answered.outcomes for row in _rows(outcome)])
    elif out.chosen is Format.JSON:
        data = [_document(outcome) for outcome in answered.outcomes]
        out.document({"as_of": answered.as_of, "events_known_to": answered.events_known_to, "data": data, "next": None})
    else:
        series_ids = dict.fromkeys(outcome.forecast.series.series_id for outcome in answered.outcomes)
        out.text("\n".join(_page(answered.of(series_id)) for series_id in series_ids))


def ask(s: Session, file: Path) -> Answer:
    """The answer to the question in a file. Raises ``InvalidInput`` with the place of each fault."""
    from forecast.scenarios import Question, answer

    text = file.read_text(encoding="utf-8")
    question = Question.read(text) if file.suffix == ".json" else Question.read_yaml(text)
    return answer(s.catalog, s.registry, question, today=s.today)


def _parts(outcome: Outcome) -> dict[str, list[dict[str, Any]]]:
    """The periods of the forecast itself, of its difference from the baseline, and of that summed up."""
    from forecast.export import points

    rows = {"data": outcome.forecast.rows, "difference": outcome.difference, "cumulated": outcome.cumulated}
    return {name: points(replace(outcome.forecast, rows=part)) for name, part in rows.items()}


def _rows(outcome: Outcome) -> list[dict[str, Any]]:
    made = outcome.forecast
    names = {
        "series_id": made.series.series_id,
        "unit": made.series.unit,
        "scenario": made.scenario,
        "run": made.run_id,
    }
    return [
        {**names, "what": "forecast" if what == "data" else what, **point}
        for what, points in _parts(outcome).items()
        for point in points
    ]


def _document(outcome: Outcome) -> dict[str, Any]:
    made = outcome.forecast
    return {
        "series_id": made.series.series_id,
        "unit": made.series.unit,
        "freq": made.series.freq,
        "run": made.run_id,
        "scenario": made.scenario,
        "probability": outcome.probability,
        **_parts(outcome),
    }


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
        text += f"{title}\n\n{table(rows, COLUMNS)}\n"
    made = baseline.forecast
    known = f"run {made.run_id}; as of {made.as_of}, events known to {made.events_known_to or 'no day'}"
    return text.rstrip("\n") + "\n" + lines([f"low, high: {level} % interval of the difference; {known}"])

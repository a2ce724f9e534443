"""``orecast scenario``: what if events come, stay away, or come otherwise."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from forecast.cli.output import Format, FormatOption, Out, OutputOption, TableColumn, lines, table, warn_left_out
from forecast.cli.session import Session, session

if TYPE_CHECKING:
    from forecast.answers.scenarios import Outcome, ScenarioAnswer

ScenarioFile = Annotated[Path, typer.Argument(metavar="FILE", exists=True, dir_okay=False, help="YAML or JSON")]
_COLUMNS = (
    TableColumn("ds", "period from"),
    TableColumn("baseline", number=True),
    TableColumn("yhat", "scenario", number=True),
    TableColumn("difference", number=True),
    TableColumn("low", number=True),
    TableColumn("high", number=True),
    TableColumn("nowcast"),
)


def scenario(file: ScenarioFile, format: FormatOption = None, output: OutputOption = None) -> None:
    """Ask what would be if events came, stayed away, or came otherwise.

    The file names series and scenarios: events to add, remove or amend,
    branches to take, with a probability if there is one. Every scenario is
    compared with the baseline, simulated path by simulated path. Nothing is
    kept.

    \b
    Examples:
      orecast scenario controls-return.yaml
      orecast scenario tariff.yaml --format csv --output tariff.csv
    """
    out = Out(format, output)
    with session() as s:
        answered = ask(s, file)
    if out.chosen is Format.TABLE:
        series_ids = dict.fromkeys(outcome.series_id for outcome in answered.data)
        out.text("\n".join(_page(answered, series_id) for series_id in series_ids))
    else:
        out.answer(answered)
    raise typer.Exit(warn_left_out(answered.left_out))


def ask(s: Session, file: Path) -> ScenarioAnswer:
    """The answer to the question in a file. Raises ``InvalidInput`` with the place of each fault."""
    from forecast.answers.scenarios import Question, answer

    return answer(s.catalog, s.registry, Question.read_file(file), today=s.today)


def _page(answered: ScenarioAnswer, series_id: str) -> str:
    """One series: each scenario beside the baseline, with the widest interval of the difference; else that alone."""
    baseline, *others = answered.of_series(series_id)
    level = max(answered.levels)
    text = ""
    for outcome in others:
        chance = f", probability {outcome.probability:g}" if outcome.probability is not None else ""
        own = [note for note in outcome.notes if note not in baseline.notes]
        rows = list(_rows(baseline, outcome, level))
        text += f"{series_id}, {baseline.unit}: {outcome.scenario}{chance}\n\n{table(rows, _COLUMNS)}{lines(own)}\n"
    if not others:
        names = (f"lo-{level}", "yhat", f"hi-{level}")
        columns = (_COLUMNS[0], *(TableColumn(name, number=True) for name in names), _COLUMNS[-1])
        shown = table([point.cells() for point in baseline.data], columns)
        text = f"{series_id}, {baseline.unit}: {baseline.scenario}\n\n{shown}"
    legend = [f"difference: median difference from the baseline; low, high: its {level} % interval"] if others else []
    return text.rstrip("\n") + "\n" + lines([*legend, baseline.provenance, *baseline.notes])


def _rows(baseline: Outcome, outcome: Outcome, level: int) -> Iterator[dict[str, object]]:
    for here, there in zip(baseline.data, outcome.data, strict=True):
        row: dict[str, object] = {"ds": there.ds, "baseline": here.yhat, "yhat": there.yhat, "nowcast": there.nowcast}
        if change := there.difference:
            low, high = change.interval(level)
            row |= {"difference": change.median, "low": low, "high": high}
        yield row

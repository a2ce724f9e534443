"""``orecast scenario``: what if events come, stay away, or come otherwise."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from forecast.cli.output import (
    Format,
    FormatOption,
    Out,
    OutputOption,
    TableColumn,
    lines,
    signed,
    table,
    warn_left_out,
)
from forecast.cli.session import Session, session

if TYPE_CHECKING:
    from forecast.answers.scenarios import Outcome, ScenarioAnswer

ScenarioFile = Annotated[Path, typer.Argument(metavar="FILE", exists=True, dir_okay=False, help="YAML or JSON")]
PeriodsOption = Annotated[bool, typer.Option("--periods", help="every period of each scenario in the table")]
CoherentOption = Annotated[
    bool, typer.Option("--coherent", help="parts and wholes add up in each simulated path, whatever the file says")
]
#: The level of the interval that the summary tells, where it was asked for.
_TOLD = 80
_COLUMNS = (
    TableColumn("ds", "period from"),
    TableColumn("baseline", number=True),
    TableColumn("yhat", "scenario", number=True),
    TableColumn("difference", number=True),
    TableColumn("low", number=True),
    TableColumn("high", number=True),
    TableColumn("nowcast"),
)
_SUMMARY = (
    TableColumn("scenario"),
    TableColumn("chance", number=True),
    TableColumn("yhat", "median", number=True),
    TableColumn("mean", "mean +/-", number=True),
    TableColumn("difference", "median +/-", number=True),
    TableColumn("low", number=True),
    TableColumn("high", number=True),
)


def scenario(
    file: ScenarioFile,
    periods: PeriodsOption = False,
    coherent: CoherentOption = False,
    format: FormatOption = None,
    output: OutputOption = None,
) -> None:
    """Ask what would be if events came, stayed away, or came otherwise.

    The file names series and scenarios: events to add, remove or amend,
    branches to take, with a probability if there is one; an event may be
    `like` one of the past. Every scenario is compared with the baseline,
    simulated path by simulated path. Nothing is kept.

    The table tells the first year ahead: of a flow its sum, of a price where
    it ends. JSON and CSV have every period.

    \b
    Examples:
      orecast scenario controls-return.yaml
      orecast scenario tariff.yaml --format csv --output tariff.csv
    """
    out = Out(format, output)
    with session() as s:
        answered = ask(s, file, coherent)
    if out.chosen is Format.TABLE:
        series_ids = dict.fromkeys(outcome.series_id for outcome in answered.data)
        page = _page if periods else _summary
        out.text("\n".join(page(answered, series_id) for series_id in series_ids))
    else:
        out.answer(answered)
    raise typer.Exit(warn_left_out(answered.left_out))


def ask(s: Session, file: Path, coherent: bool = False) -> ScenarioAnswer:
    """The answer to the question in a file. Raises ``InvalidInput`` with the place of each fault."""
    from forecast.answers.scenarios import Question, answer

    question = Question.read_file(file)
    if coherent:
        question = question.model_copy(update={"coherent": True})
    return answer(s.catalog, s.registry, question, today=s.today)


# -- the first year ----------------------------------------------------------------------------------------------------


def _summary(answered: ScenarioAnswer, series_id: str) -> str:
    """One series: a line a scenario, what each rests on below; every period where no year is whole."""
    outcomes = answered.of_series(series_id)
    baseline, *others = outcomes
    if baseline.year is None or not others:
        return _page(answered, series_id)
    level = _TOLD if _TOLD in answered.levels else max(answered.levels)
    first, last = baseline.year.first, baseline.year.last
    what = f"sum of the year from {first}" if first != last else f"value of the period from {last}, a year ahead"
    shown = table([_line(outcome, level) for outcome in outcomes], _SUMMARY)
    text = f"{series_id}, {baseline.unit}: {what}\n\n{shown}"
    text += "".join(lines(_rests(outcome)) for outcome in others)
    legend = (
        "mean +/-: expected difference from the baseline, above the median where rises can be larger than falls; "
        f"median +/-, low, high: median and {level} % interval of the differences; --periods shows every period"
    )
    return text + lines([legend, baseline.provenance, *baseline.notes])


def _line(outcome: Outcome, level: int) -> dict[str, object]:
    """One scenario of the summary: of a difference three digits, as more are another seed's."""
    year = outcome.year
    assert year is not None, "all outcomes of a series tell the same periods"
    chance = "" if outcome.probability is None else f"{100 * outcome.probability:.0f} %"
    median = f"{year.yhat:,.0f}" if year.yhat >= 1e3 else year.yhat
    row: dict[str, object] = dict.fromkeys(column.key for column in _SUMMARY)
    row |= {"scenario": outcome.scenario, "chance": chance, "yhat": median}
    if change := year.difference:
        low, high = change.interval(level)
        told = {"mean": change.mean, "difference": change.median, "low": low, "high": high}
        row |= {name: signed(value) if value else "0" for name, value in told.items()}
    return row


def _rests(outcome: Outcome) -> Sequence[str]:
    """From when on a scenario differs and what it rests on, the nearest precedents below each event."""
    if not outcome.rests_on:
        return outcome.notes
    changes = ((point.ds, point.difference) for point in outcome.data)
    since = next((ds for ds, one in changes if one and any(one.model_dump().values())), None)
    told = [f"{outcome.scenario}: differs from the period {since} on, and rests on"]
    for one in outcome.rests_on:
        told += [f"- {one.says}", *(f"    beside it {near}" for near in one.nearest)]
    return told


# -- every period ------------------------------------------------------------------------------------------------------


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

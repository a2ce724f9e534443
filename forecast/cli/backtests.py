"""``orecast backtest``: how every family did when a run was chosen, or how one does from chosen periods."""

from __future__ import annotations

import datetime as dt
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from enum import StrEnum
from math import inf
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from forecast.cli.options import AsOf, Level, SomeSeries, levels
from forecast.cli.output import (
    Format,
    FormatOption,
    Out,
    OutputOption,
    TableColumn,
    lines,
    percent,
    table,
    warn,
    warn_left_out,
)
from forecast.cli.session import Session, session
from forecast.errors import Fault, InvalidInput, TooShort
from forecast.extras import require
from forecast.names import MeasureClass
from forecast.settings import FORECAST_HORIZON
from forecast.wording import counted

if TYPE_CHECKING:
    from forecast.jobs.backtest import BacktestAnswer, BacktestQuestion
    from forecast.registry import Run
    from forecast.registry.card import Card, FamilyScores
    from forecast.training.origins import Origins, OriginsLeftOut

HORIZONS = (1, 3, 6, 12)
COVERAGE = tuple(TableColumn(f"coverage_{level}", f"{level} %", number=True) for level in (50, 80, 95))
_COLUMNS = (
    TableColumn("family"),
    TableColumn("mark", " "),
    TableColumn("origins", number=True),
    *(TableColumn(f"h{h}", f"h={h}", number=True) for h in HORIZONS),
    TableColumn("score", "all", number=True),
    *COVERAGE,
)
SCORES = (
    *(
        TableColumn("h", number=True),
        TableColumn("rel_crps", "CRPS", number=True),
        TableColumn("mase", "MASE", number=True),
    ),
    *COVERAGE,
)


class Calibrate(StrEnum):
    """How wide the intervals of a backtest are."""

    PANEL = "panel"
    NONE = "none"


@dataclass(frozen=True)
class Chosen:
    """The options of a backtest of one's own that were given; None for those that were not."""

    horizon: int | None = None
    family: str | None = None
    calibrate: Calibrate | None = None
    as_of: dt.date | None = None


def backtest(
    series_ids: SomeSeries = None,
    origins: Annotated[
        str | None,
        typer.Option(metavar="N|FILE", help="forecast from the last N periods, or from series_id,cutoff of a CSV file"),
    ] = None,
    horizon: Annotated[
        int | None, typer.Option("--horizon", "--h", min=1, metavar="N", help="periods ahead; 12 by default")
    ] = None,
    family: Annotated[str | None, typer.Option(help="what forecasts; the engine, grid, by default")] = None,
    calibrate: Annotated[
        Calibrate | None, typer.Option(help="intervals of the grid: learned from the panel (default), or Student-t")
    ] = None,
    as_of: AsOf = None,
    paths: Annotated[
        bool, typer.Option("--paths", help="what the serving run forecast from past periods, and what came")
    ] = False,
    level: Level = None,
    format: FormatOption = None,
    output: OutputOption = None,
) -> None:
    """Show how good forecasts of a series were.

    As the serving run was chosen: for each family the continuous ranked
    probability score (CRPS) as a ratio to the baseline's (below 1 is better)
    by horizon, and the share of outcomes that fell into the intervals; with
    --paths the forecasts themselves, with what came, a line a period ahead.

    With --origins any series with observations is forecast anew, trained or
    not, as of periods that have passed; `cutoff` is the last period seen. grid
    needs one pass for all of them, and like ensemble looks at observations
    only; other families are given the effects of the events known then. The
    scores are shown; --output or --format gets the forecasts, with the columns
    of --paths, and a file gets a manifest beside it, as with `orecast export`.
    What cannot be forecast from is named and left out (exit code 1).

    \b
    Examples:
      orecast backtest price.copper
      orecast backtest price.copper --paths --format csv
      orecast backtest price.copper --origins 24 --h 6
      orecast backtest --origins origins.csv --output past.csv --level 50,80,95
    """
    out, percents = Out(format, output), levels(level)
    if paths and origins is not None:
        raise typer.BadParameter("--paths is of serving runs; --origins forecasts anew")
    with session() as s:
        if origins is not None:
            chosen = Chosen(horizon, family, calibrate, as_of)
            raise typer.Exit(_computed(s, series_ids, chosen, origins, percents, out))
        if Chosen(horizon, family, calibrate, as_of) != Chosen():
            raise typer.BadParameter("--horizon, --family, --calibrate and --as-of are for --origins")
        if not series_ids:
            raise typer.BadParameter("name a series, or --origins")
        if paths:
            raise typer.Exit(_paths(s, series_ids, percents, out))
        _kept(s, series_ids, out)


# -- what serving runs forecast from past periods ----------------------------------------------------------------------


def _paths(s: Session, series_ids: list[str], percents: list[int], out: Out) -> int:
    from forecast.answers.backtests import backtest_paths

    found = backtest_paths(s.catalog, s.registry, s.known(series_ids), percents)
    if out.chosen is not Format.TABLE:
        out.answer(found.data[0] if len(series_ids) == 1 else found)
    else:
        columns = ("cutoff", "ds", "h", "y", "yhat", *(f"{side}-{p}" for p in found.levels for side in ("lo", "hi")))
        for one in found.data:
            out.answer(one, columns, below=[f"{one.series_id}, {one.unit}: {one.family}, in run {one.run}"])
    return warn_left_out(found.left_out)


# -- scores of serving runs --------------------------------------------------------------------------------------------


def _kept(s: Session, series_ids: list[str], out: Out) -> None:
    from forecast.answers.backtests import ScoresList, run_scores
    from forecast.answers.champion import champion_of
    from forecast.answers.several import each

    def serving_run(series_id: str) -> Run:
        return champion_of(s.catalog.get(series_id), s.registry)

    runs, left_out = each([(name,) for name in s.known(series_ids)], serving_run)
    if out.chosen is not Format.TABLE:
        scores = tuple(run_scores(run) for run in runs)
        out.answer(scores[0] if len(series_ids) == 1 else ScoresList(data=scores, left_out=left_out))
    else:
        titles = [f"{run.series_id}\n\n" if len(runs) > 1 else "" for run in runs]
        pages = [_page(run.card) for run in runs]
        out.text("\n".join(title + page for title, page in zip(titles, pages, strict=True)))
    raise typer.Exit(warn_left_out(left_out))


def _page(card: Card) -> str:
    serves = card.champion_family
    wide = [
        {"family": family, "mark": "*" if family == serves else "", "origins": scores.origins}
        | {f"h{h}": _digits(scores.rel_crps[h - 1], ".3f") if h <= len(scores.rel_crps) else "" for h in HORIZONS}
        | {"score": _digits(scores.score, ".3f")}
        | {f"coverage_{level}": percent(share) for level, share in scores.coverage.items()}
        for family, scores in sorted(card.backtest.items(), key=lambda item: _score(item[1]))
    ]
    return (table(wide, _COLUMNS) if wide else "") + lines([f"* serves, in run {card.run}: {card.why}"])


def _score(scores: FamilyScores) -> float:
    return inf if scores.score is None else scores.score


# -- a backtest of one's own -------------------------------------------------------------------------------------------


def _computed(
    s: Session, series_ids: list[str] | None, chosen: Chosen, origins: str, percents: list[int], out: Out
) -> int:
    require("train", "orecast backtest --origins")
    from forecast.answers.backtests import BacktestPaths, BacktestPathsList, kept_levels
    from forecast.jobs.backtest import past_forecasts, run
    from forecast.jobs.processes import workplace

    wanted_levels = kept_levels(percents)
    to_file, shown = out.path is not None, out.chosen is Format.TABLE
    question = replace(_question(s, chosen), compared=to_file or shown)
    wanted, without = _origins(s, series_ids, origins, question)
    with workplace(), _progress(len(wanted)) as progress:
        answer = run(s.catalog, s.settings, wanted, question, progress)
    without = [*without, *answer.left_out]
    if not answer.tested:
        raise TooShort(str(without[0]) if without else "no origin is named")
    names = [column.name for column in BacktestPaths.columns(wanted_levels)]
    found = past_forecasts(answer, wanted_levels)
    ahead = (line for one in found for line in one.lines())
    if out.chosen is Format.JSON:
        out.answer(BacktestPathsList(levels=wanted_levels, data=tuple(found)))
    elif out.path is not None:
        from forecast.export.csv_writer import csv_export

        finished = csv_export(names, ahead)
        finished.write(out.path)
        print(f"{out.path}: {finished.rows} rows of {len(answer.tested)} series, sha256 {finished.sha256}\n")
    elif out.chosen is Format.CSV:
        out.csv(names, ahead)
    if question.compared:
        print(_summary(answer, question), end="")
    for left_out in without:
        warn(str(left_out))
    return 1 if without else 0


def _question(s: Session, chosen: Chosen) -> BacktestQuestion:
    from forecast.forecasters.grid.engine import Grid
    from forecast.jobs.backtest import BacktestQuestion

    if (chosen.horizon or 1) > s.settings.horizon:
        raise InvalidInput(Fault("h", chosen.horizon, f"a whole number from 1 to {s.settings.horizon}"))
    if chosen.calibrate is not None and chosen.family not in (None, Grid.family):
        raise typer.BadParameter(f"--calibrate is for {Grid.family}")
    ahead, family = chosen.horizon or min(FORECAST_HORIZON, s.settings.horizon), chosen.family or Grid.family
    return BacktestQuestion(s.day(chosen.as_of), ahead, family, chosen.calibrate is not Calibrate.NONE)


def _origins(
    s: Session, series_ids: list[str] | None, origins: str, question: BacktestQuestion
) -> tuple[Origins, list[OriginsLeftOut]]:
    from forecast.training.origins import last, read

    names = s.known(series_ids)
    if origins.isdecimal():
        if not 1 <= int(origins) <= 10_000:
            raise InvalidInput(Fault("--origins", origins, "a whole number from 1 to 10000, or a CSV file"))
        return last(s.catalog, names, int(origins), question.as_of, question.horizon)
    path = Path(origins)
    if not path.is_file():
        raise InvalidInput(Fault("--origins", origins, "how many of the last periods, or a CSV file that is there"))
    found = read(path, s.catalog, question.as_of)
    faults = [
        Fault("series_id", name, f"a series with a row in {path}") for name in series_ids or () if name not in found
    ]
    if faults:
        raise InvalidInput(faults)
    return {name: cutoffs for name, cutoffs in found.items() if name in names}, []


def _summary(answer: BacktestAnswer, question: BacktestQuestion) -> str:
    """A table for prices and one for the rest: a line a horizon, and one for all."""
    from forecast.jobs.backtest import summary
    from forecast.training.selection import BASELINE_FAMILIES

    parts = []
    found = summary(answer)
    for measure_class, words in ((MeasureClass.PRICES, "prices"), (MeasureClass.FLOWS, "volumes and values")):
        tested = [one for one in answer.tested if one.series.measure_class is measure_class]
        if not tested:
            continue
        names = tested[0].series.series_id if len(tested) == 1 else f"{len(tested)} {words}"
        count = sum(len(one.test.cutoffs) for one in tested)
        rows = [
            {"h": line.h or "all", "rel_crps": _digits(line.rel_crps, ".3f"), "mase": _digits(line.mase, ".2f")}
            | {f"coverage_{level}": percent(share) for level, share in line.coverage.items()}
            for line in found
            if line.measure_class is measure_class
        ]
        title = f"{question.family} on {names}, {counted(count, 'origin')}"
        if any(row["rel_crps"] for row in rows):
            parts.append(f"{title}; CRPS as a ratio to {BASELINE_FAMILIES[measure_class]}'s\n\n{table(rows, SCORES)}")
        else:
            parts.append(f"{title}; no outcome is known yet\n")
    return "\n".join(parts)


def _digits(value: float | None, form: str) -> str:
    """Nothing for nothing, as where no outcome is known yet."""
    return "" if value is None or value != value else format(value, form)


@contextmanager
def _progress(total: int) -> Iterator[Callable[[int], None]]:
    """A bar on stderr, if that is a terminal."""
    if not sys.stderr.isatty():
        yield lambda done: None
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

    columns = (TextColumn("backtest"), BarColumn(), MofNCompleteColumn(), TextColumn("series"), TimeElapsedColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("", total=total)
        yield lambda done: bar.update(task, advance=done)

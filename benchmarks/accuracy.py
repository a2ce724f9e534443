"""Forecasts and intervals against the tools one would have picked, on the same origins in the same run.

    python benchmarks/accuracy.py [--quick] [--json FILE] [--extra DIR|XLSX]… [--only PANEL] [--keep DIR] [--alone]
        [--origins N|FILE] [--horizon N] [--peer [NAME=]FILE|DIR]… [--write DIR] [--by-horizon] [--by-group]

The engine is asked as ``orecast backtest`` asks it, on a catalogue of its own, and so is the ensemble where ``make
pretrained`` has installed its weights. Every other method gets the log of a series up to each cutoff and gives fifteen
quantiles a horizon; scores are taken in the series' unit. Prices: horizons 1 to 24 against the naive forecast; volumes
and values: 1 to 12 against the seasonal naive one. Imputed and suspect figures are never scored. statsforecast runs
where ``make peers`` has made its environment. ``--quick``: every fourth series, six origins, no statsforecast.

``--peer`` takes the forecasts of any tool, or of another version of this one, from a CSV file with the columns that
``orecast backtest --output`` writes; all methods are judged on the origins that all answered, and the engine is
compared with that version series by series. ``--write`` gives others what they need for that: the origins, the values
as they were known, and the engine's own forecasts. Two versions on the same data:

    python benchmarks/accuracy.py --alone --write before
    python benchmarks/accuracy.py --alone --peer before=before
"""

from __future__ import annotations

import argparse
import datetime as dt
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from support.foreign import FORECASTS, Foreign, read_foreign, write_forecasts
from support.methods import PEERS_PYTHON, backtested, baselines, kept, local_peers, statsforecast_peers
from support.origins import Answer, Task
from support.panel import BUNDLE, KINDS, Kind, Panel, catalogue
from support.report import Report, parser
from support.scores import Scores, against, by_group, by_horizon, groups, methods
from support.task_files import write_task

from forecast.catalog import Catalog
from forecast.errors import Fault, ForecastError, InvalidInput
from forecast.forecasters import FORECASTERS
from forecast.forecasters.ensemble import Ensemble
from forecast.forecasters.grid.engine import Grid
from forecast.training import origins
from forecast.wording import counted

OURS, WITH_PRETRAINED = "orecast grid", "orecast ensemble"


def main() -> None:
    options = arguments().parse_args()
    report = Report("accuracy", options)
    with catalogue(options.extra) as (catalog, settings, added):
        panel = Panel.of(catalog, added)
        foreign = read_foreign(options.peer, catalog.series())
        for kind in KINDS:
            if options.only not in (None, kind.name):
                continue
            wanted = asked(kind, panel, catalog, options)
            ours = backtested(wanted, catalog, settings)
            task = wanted.where(ours)
            if left_out := int(np.count_nonzero(wanted.asked & ~task.asked)):
                report.note(f"{kind.title}: {counted(left_out, 'origin')} left out, whose values came late")
            if not task.origins:
                report.note(f"{kind.title}: nothing to forecast from")
                continue
            if options.write:
                folder = options.write / kind.name
                write_task(folder, task, catalog)
                write_forecasts(folder / FORECASTS, Grid.family, task, ours)
            answers = {OURS: ours}
            if Ensemble.family in FORECASTERS:
                answers[WITH_PRETRAINED] = backtested(task, catalog, settings, Ensemble.family)
            compare(report, kind, task, answers, foreign, added)
    if Ensemble.family not in FORECASTERS:
        report.note("The ensemble was left out: `make pretrained` installs its weights.")
    if not options.alone and not PEERS_PYTHON.exists():
        report.note("statsforecast was left out: `make peers` makes its environment.")
    report.finish()


def arguments() -> argparse.ArgumentParser:
    """The options of the command line."""
    found = parser(__doc__)
    found.add_argument(
        "--origins", metavar="N|FILE", help="cutoffs a panel (47 for prices, 33 for volumes), or series_id,cutoff"
    )
    found.add_argument("--horizon", type=int, metavar="N", help="periods ahead (24 for prices, 12 for volumes)")
    found.add_argument("--only", choices=[kind.name for kind in KINDS], help="one of the two panels")
    found.add_argument("--keep", type=Path, metavar="DIR", help="keep the peers' forecasts in DIR for the next run")
    found.add_argument("--alone", action="store_true", help="no other tools but the baselines and --peer")
    found.add_argument(
        "--peer", metavar="[NAME=]FILE|DIR", action="append", default=[], help="forecasts of another tool"
    )
    found.add_argument("--write", type=Path, metavar="DIR", help="write what is asked, and our answer, as CSV files")
    found.add_argument("--by-horizon", action="store_true", help="the engine and each --peer at every horizon")
    found.add_argument("--by-group", action="store_true", help="the same by source, decade, and half of the data")
    return found


def asked(kind: Kind, panel: Panel, catalog: Catalog, options: argparse.Namespace) -> Task:
    """What is forecast of one panel. Raises ``InvalidInput`` for a file of origins that does not fit."""
    step, most, longest = (4, 6, 12) if options.quick else (1, 10**6, 10**6)
    histories = kind.histories(panel)[::step]
    horizon = options.horizon or min(kind.horizon, longest)
    given = options.origins or str(kind.origins)
    if given.isdecimal():
        return Task.of(histories, min(int(given), most), horizon)
    return Task.at(histories, origins.read(Path(given), catalog, dt.datetime.now(dt.UTC).date()), horizon)


def compare(
    report: Report,
    kind: Kind,
    task: Task,
    ours: Mapping[str, Answer],
    foreign: Sequence[Foreign],
    added: Mapping[str, str],
) -> None:
    """One panel, all methods."""
    options, remarks = report.options, []
    answers = {**ours, **baselines(task)}
    if not options.alone:
        answers |= kept(options.keep, "local", task, lambda: local_peers(task, options.seed))
        if not options.quick and PEERS_PYTHON.exists():
            answers |= kept(options.keep, "statsforecast", task, lambda: statsforecast_peers(task))
    shown = list(ours)
    for one in foreign:
        if one.name in answers:
            raise InvalidInput(Fault("peer", one.name, "a name that no other method has, as in --peer NAME=FILE"))
        answer, remark = one.answer(task)
        remarks.append(remark)
        if np.isfinite(answer.quantiles).any():
            answers[one.name] = answer
            shown.append(one.name)
    scores = Scores.of(task, answers, "naive" if task.season == 1 else "seasonal naive")
    judged = scores.judged()
    used = np.isfinite(scores.by_method[OURS].crps).any(axis=(0, 2))
    first, last = np.datetime_as_string(task.cutoffs[used][[0, -1]], unit="M") if used.any() else ("–", "–")
    what = f"{kind.title}: {judged['series']} series, {judged['origins']} origins from {first} to {last}"
    report.table(f"{what}, h 1 to {task.horizon}, ratios to {scores.baseline}", methods(scores, OURS))
    for remark in remarks:
        report.note(remark)
    for name in shown:
        if options.by_horizon:
            report.table(f"{kind.title} by horizon: {name}", by_horizon(scores, name))
        if options.by_group:
            parts = groups(scores, lambda series_id: added.get(series_id, BUNDLE))
            report.table(f"{kind.title} by group: {name}", by_group(scores, name, parts))
    for name in shown[len(ours) :]:
        summary, ratios = against(scores, OURS, name)
        report.table(f"{kind.title}: {OURS} as a ratio to {name}", [summary])
        apart = [ratio.row for ratio in ratios if abs(ratio.t) > 2]
        report.table(f"{kind.title}: series that differ from {name} by more than two standard errors", apart)


if __name__ == "__main__":
    try:
        main()
    except ForecastError as error:
        sys.exit(f"accuracy.py: {error}")

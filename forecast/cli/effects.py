"""``orecast effects``: what events did to a series."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from forecast.cli.options import SeriesArgument
from forecast.cli.output import Column, Format, FormatOption, Out, OutputOption, flat, lines, table
from forecast.cli.session import session

HEADER = (
    *("series_id", "run", "episode", "events", "family", "announced", "effective", "ended", "shape", "lead", "window"),
    *("average.q05", "average.q10", "average.q25", "average.q50", "average.q75", "average.q90", "average.q95"),
    *("identified", "prior_dominated", "placebo_rank"),
)
COLUMNS = (
    Column("episode", wrap=True),
    Column("effective"),
    Column("shape"),
    Column("effect", number=True),
    Column("interval", "90 %", number=True),
)
#: Marks behind an effect, and what they say.
MARKS = {"*": "the data say little: mostly prior", "†": "not identified: the data say nothing of it"}


def effects(series_id: SeriesArgument, format: FormatOption = None, output: OutputOption = None) -> None:
    """Show what events did to a series, with intervals.

    As the serving run estimated it. The table shows the average effect over
    the window of each episode, in percent of the level without it; JSON and
    CSV give quantiles on the log, as the card does.

    \b
    Examples:
      orecast effects volume.rare-earths.export.cn
      orecast effects price.copper --format csv --output effects.csv
    """
    out = Out(format, output)
    with session() as s:
        s.catalog.get(series_id)
        run = s.registry.champion(series_id)
    record = run.card["effects"]
    names = {"series_id": series_id, "run": run.run_id}
    rows = [flat({**names, **episode}) for episode in record["episodes"]]
    if out.chosen is Format.CSV:
        out.csv(HEADER, rows)
    elif out.chosen is Format.JSON:
        facts = {name: record[name] for name in ("method", "omitted", "notes")}
        out.document({**names, **facts, "data": record["episodes"], "next": None})
    else:
        shown = table([{**row, **_percent(row)} for row in rows], COLUMNS) if rows else ""
        marks = {mark for row in rows for mark in MARKS if mark in _percent(row)["effect"]}
        legend = [f"{mark} {MARKS[mark]}" for mark in sorted(marks)]
        source = f"run {run.run_id}; method: {record['method']}"
        out.text(shown + lines([*legend, source, *record["notes"], *_left_out(record["omitted"])]))


def _left_out(omitted: Sequence[Mapping[str, Any]]) -> list[str]:
    """How many episodes are not in the record, and why; a reason may go on to name another event."""
    counts = Counter(each["reason"].partition(" of ")[0] for each in omitted)
    reasons = "; ".join(f"{count}: {reason}" for reason, count in counts.most_common())
    return [f"left out, by reason ({reasons}); --format json names them"] if counts else []


def _percent(row: Mapping[str, Any]) -> dict[str, str]:
    """The average effect and its interval in percent; marked where the data say little."""
    bounds = [row.get(f"average.q{q}") for q in ("05", "50", "95")]
    if None in bounds:
        return {"effect": "none yet", "interval": ""}
    low, middle, high = (f"{100 * math.expm1(value):+.0f}" for value in bounds if value is not None)
    mark = "" if not row["prior_dominated"] and row["identified"] else "*" if row["identified"] else "†"
    return {"effect": f"{middle} %{mark}", "interval": f"{low} to {high}"}

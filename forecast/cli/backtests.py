"""``orecast backtest``: how every family did on the history of a series."""

from __future__ import annotations

from typing import Any

from forecast.cli.options import SeriesArgument
from forecast.cli.output import Column, Format, FormatOption, Out, OutputOption, flat, lines, table
from forecast.cli.session import session

HEADER = (
    *("series_id", "run", "family", "champion", "origins", "score", "h", "rel_crps"),
    *("coverage.50", "coverage.80", "coverage.95"),
)
HORIZONS = (1, 3, 6, 12)
COLUMNS = (
    Column("family"),
    Column("mark", " "),
    Column("origins", number=True),
    *(Column(f"h{h}", f"h={h}", number=True) for h in HORIZONS),
    Column("score", "all", number=True),
    *(Column(f"coverage.{level}", f"{level} %", number=True) for level in (50, 80, 95)),
)


def backtest(series_id: SeriesArgument, format: FormatOption = None, output: OutputOption = None) -> None:
    """Show how every family did on the history of a series.

    As the serving run was chosen: continuous ranked probability score as a
    ratio to the baseline's (below 1 is better) by horizon, and the share of
    outcomes that fell into the intervals.

    \b
    Examples:
      orecast backtest price.copper
      orecast backtest price.copper --format csv
    """
    out = Out(format, output)
    with session() as s:
        s.catalog.get(series_id)
        run = s.registry.champion(series_id)
    families: dict[str, dict[str, Any]] = run.card["backtest"]
    serves = run.card["champion_family"]
    names = {"series_id": series_id, "run": run.run_id}
    rows = [
        {
            **names,
            "family": family,
            "champion": family == serves,
            "origins": scores["origins"],
            "score": scores["score"],
            "h": h,
            "rel_crps": ratio,
            "coverage": scores["coverage"],
        }
        for family, scores in families.items()
        for h, ratio in enumerate(scores["rel_crps"], start=1)
    ]
    if out.chosen is Format.CSV:
        out.csv(HEADER, [flat(row) for row in rows])
    elif out.chosen is Format.JSON:
        why = run.card.get("why", "")
        out.document({**names, "champion": serves, "why": why, "data": rows, "next": None})
    else:
        wide = [
            {"family": family, "mark": "*" if family == serves else "", "origins": scores["origins"]}
            | {f"h{h}": f"{scores['rel_crps'][h - 1]:.3f}" for h in HORIZONS if h <= len(scores["rel_crps"])}
            | {"score": f"{scores['score']:.3f}"}
            | {f"coverage.{level}": f"{100 * share:.0f} %" for level, share in scores["coverage"].items()}
            for family, scores in sorted(families.items(), key=lambda item: item[1]["score"])
        ]
        out.text(
            (table(wide, COLUMNS) if wide else "")
            + lines([f"* serves, in run {run.run_id}: {run.card.get('why', '')}"])
        )

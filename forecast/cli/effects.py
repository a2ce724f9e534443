"""``orecast effects``: what events did to a series, and what events of a kind do."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, Any

import typer

from forecast.cli.output import Column, Format, FormatOption, Out, OutputOption, flat, lines, table
from forecast.cli.session import session

if TYPE_CHECKING:
    from forecast.answers.effects import Findings
    from forecast.effects.record import EffectRecord

#: Marks behind an effect, and what they say.
MARKS = {
    "*": "the data say little: mostly prior",
    "†": "not identified: the data say nothing of it",
    "‡": "weighed with the others, and not reported unless it is asked for",
}

#: What columns are that do not say it themselves.
COLUMNS = {
    "days": "in force, up to the last observation",
    "before": "the part that came early",
    "rank": "share of dates without events with less",
}


def effects(
    series_id: Annotated[
        str | None, typer.Argument(metavar="[SERIES]", help="id of a series, such as price.copper")
    ] = None,
    classes: Annotated[bool, typer.Option("--class", help="what events of a kind do, over all trained series")] = False,
    event: Annotated[
        str | None, typer.Option(metavar="EVENT", help="the episode that this event is part of, only")
    ] = None,
    paths: Annotated[bool, typer.Option("--paths", help="every period, with the series as it were without it")] = False,
    format: FormatOption = None,
    output: OutputOption = None,
) -> None:
    """Show what events did to a series, with intervals.

    As the serving run estimated it, clear effects first: in percent of the
    level without it, on average over the first year; summed up in the unit of the series where that
    has a meaning; what came before its date apart.

    \b
    Examples:
      orecast effects volume.rare-earths.export.cn
      orecast effects volume.magnets.export.cn --event cn-7ree-licence-2025 --paths
      orecast effects price.copper --format csv --output effects.csv
      orecast effects --class
    """
    if classes == bool(series_id) or (classes and (event or paths)):
        raise typer.BadParameter("a SERIES, or --class alone")
    out = Out(format, output)
    if series_id is None:
        _classes(out)
    else:
        _of_series(out, series_id, event, paths)


def _of_series(out: Out, series_id: str, event: str | None, paths: bool) -> None:
    from forecast.answers.effects import findings
    from forecast.export import effects as export

    with session() as s:
        found = findings(s.catalog, s.registry, series_id, event)
    if out.chosen is Format.CSV:
        rows = export.path_rows(found) if paths else export.effect_rows(found)
        out.csv(export.path_names() if paths else export.effect_names(), [flat(row) for row in rows])
    elif out.chosen is Format.JSON:
        out.document(export.paths_document(found) if paths else export.effects_document(found))
    else:
        out.text(_periods(found) if paths else _episodes(found))


def _episodes(found: Findings) -> str:
    from forecast.export.effects import effect_rows

    rows = effect_rows(found)
    cells = [_cells(row) for row in rows]
    used = {name for row in cells for name, text in row.items() if text}
    columns = [
        Column("episode", wrap=True),
        Column("start"),
        Column("days", number=True),
        Column("effect", number=True),
        Column("interval", "90 %", number=True),
        Column("sum", found.series.unit, number=True),
        Column("before", number=True),
        Column("rank", number=True),
    ]
    shown = table(cells, [column for column in columns if column.key in used]) if rows else ""
    marks = {mark for row in cells for mark in MARKS if mark in row["effect"]}
    record = found.run.record
    notes = [
        *(f"{mark} {MARKS[mark]}" for mark in sorted(marks)),
        *(f"{name}: {what}" for name, what in COLUMNS.items() if name in used),
        f"run {found.run.run_id}; method: {record.method}",
        *_left_out(record),
    ]
    return shown + lines(notes)


def _cells(row: Mapping[str, Any]) -> dict[str, Any]:
    """The average effect and its interval in percent; marked where the data say little."""
    average, early, total, days = row["average"], row["anticipation"], row["cumulated"], row["days_in_force"]
    mark = "" if not row["prior_dominated"] and row["identified"] else "*" if row["identified"] else "†"
    mark += "" if row["apart"] else "‡"
    more = f" and {len(row['events']) - 1} more" if len(row["events"]) > 1 else ""
    return {
        "episode": row["episode"] + more,
        "start": row["start"],
        "days": "" if days is None else str(days or "never"),
        "effect": f"{average['median']:+.0f} %{mark}" if average else "none yet",
        "interval": f"{average['lo-90']:+.0f} to {average['hi-90']:+.0f}" if average else "",
        "sum": f"{total['median']:+.3g}" if total else "",
        "before": f"{early['median']:+.0f} %" if early and round(early["median"]) else "",
        "rank": "" if row["placebo_rank"] is None else f"{row['placebo_rank']:.2f}",
    }


def _periods(found: Findings) -> str:
    from forecast.export.effects import effect_rows, path_rows

    rows, columns, text = path_rows(found), [Column("ds", "period from"), Column("y", "observed", number=True)], ""
    columns += [Column(name, title, number=True) for name, title in _PERIOD.items()]
    for episode in effect_rows(found):
        own = [_short(flat(row)) for row in rows if row["episode"] == episode["episode"]]
        favoured = ", ".join(f"{s['shape']} {100 * s['weight']:.0f} %" for s in episode["shapes"][:3])
        text += lines([f"{episode['episode']}: {episode['title']}"])[1:] + f"\n{table(own, columns)}"
        stands = [f"{name}: {words}" for name, words in _standings(episode)]
        unit = f"without: the series as it were without it, {found.series.unit}; low, high: 90 % interval of that"
        text += lines([*stands, unit, f"the data favour {favoured}"])
        text += "\n"
    return text.rstrip("\n") + "\n"


def _standings(row: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Each event of an episode, and what of it was in force; none where the run is older than to say so."""
    events = [{"event": row["episode"], "standing": row["standing"]}, *row["others"]]
    return [(each["event"], each["standing"]) for each in events if each["standing"]]


def _short(row: Mapping[str, Any]) -> dict[str, Any]:
    """Numbers that fit a line; JSON and CSV have all their digits."""
    numbers = {name: value for name, value in row.items() if isinstance(value, float)}
    short = {name: f"{value:.6g}" if abs(value) < 1e6 else f"{value:.4g}" for name, value in numbers.items()}
    return {**row, **short, "effect.median": f"{row['effect.median']:+.1f} %"}


_PERIOD = {"effect.median": "effect", "without.median": "without", "without.lo-90": "low", "without.hi-90": "high"}


def _classes(out: Out) -> None:
    from forecast.answers.event_priors import Evidence
    from forecast.export import effects as export

    with session() as s:
        evidence = Evidence.of(s.registry, s.catalog.retired())
    if out.chosen is Format.CSV:
        out.csv(export.class_names(), [flat(row) for row in export.class_rows(evidence)])
    elif out.chosen is Format.JSON:
        out.document(export.classes_document(evidence))
    else:
        columns = (
            Column("family"),
            Column("measure", "on"),
            Column("says", " ", wrap=True),
        )
        out.text(table(export.class_rows(evidence), columns))


def _left_out(record: EffectRecord) -> list[str]:
    """How many episodes are weighed but not reported, and how many left out, and why.

    A reason may go on to name another event.
    """
    weighed = {effect.episode.episode_id for effect in record.effects}
    hidden = [each.reason for each in record.omitted if each.episode_id in weighed]
    counts = Counter(each.reason.partition(" of ")[0] for each in record.omitted if each.episode_id not in weighed)
    reasons = "; ".join(f"{count}: {reason}" for reason, count in counts.most_common())
    said = [f"{len(hidden)} episodes: {hidden[0]}; --event shows one"] if hidden else []
    said += [f"left out, by reason ({reasons})"] if counts else []
    return [*said, "--format json names them"] if said else []

"""``orecast effects``: what events did to a series, and what events of a kind do."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Iterator, Mapping
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
    "†": "not identified: the data say nothing of it, and the interval is what was assumed before them",
    "‡": "weighed with the others, and not reported unless it is asked for",
}

#: How the notes of a record end that tell of an effect what no mark does.
NOTED = ("told together", "nothing was traded any more when it began; its effect is the prior")

#: What stands beside an effect that was not found.
ANY = "P(any): probability that it had any effect, however small"
#: An effect takes as many lines as it has numbers.
COLUMNS = (
    Column("episode", wrap=True),
    Column("effect", number=True),
    Column("interval", "90 %", number=True),
    Column("relevant", "P>5 %", number=True),
    Column("detectable", "seen", number=True),
    Column("rank", number=True),
)
#: An effect whose median is 0 was not found if one that matters is less likely than this; else it is not known.
NONE_FOUND = 0.1
_PERIODS = {"D": "day", "B": "day", "W": "week", "M": "month", "Q": "quarter", "Y": "year"}


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
    level without it and in the unit of the series, on average over the first
    year; summed up where that has a meaning; what came before its date apart.
    An event that was not estimated is named with the reason: that is not to
    say that it had no effect.

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
        rows = export.path_rows(found) if paths else export.effect_lines(found)
        out.csv(export.path_names() if paths else export.effect_names(), [flat(row) for row in rows])
    elif out.chosen is Format.JSON:
        out.document(export.paths_document(found) if paths else export.effects_document(found))
    else:
        out.text(_periods(found) if paths else _episodes(found))


def _episodes(found: Findings) -> str:
    from forecast.export.effects import effect_rows

    rows, record = effect_rows(found), found.run.record
    period = _PERIODS[record.freq.unit]
    cells = [_cells(row, period) for row in rows]
    columns = [column for column in COLUMNS if column.key != "rank" or any(each["rank"] for each in cells)]
    shown = {event for row in rows for event in row["events"]}
    marks = {mark for each in cells for mark in MARKS if mark in each["effect"]}
    notes = [
        *(f"{mark} {MARKS[mark]}" for mark in sorted(marks)),
        *(_explained(rows[0], found, period, len(columns) == len(COLUMNS)) if rows else ()),
        *([ANY] if any("P(any)" in each["effect"] for each in cells) else ()),
        f"run {found.run.run_id}; method: {record.method}",
        *_noted(record, shown),
        *(f"{event} was not estimated: {why}" for event, why in found.not_estimated.items()),
        *_left_out(record),
    ]
    return f"{found.series.series_id}, {found.series.unit}\n\n{table(cells, columns) if rows else ''}{lines(notes)}"


def _noted(record: EffectRecord, shown: Collection[str]) -> Iterator[str]:
    """Which of the events shown are told together, or began when there was nothing left to be seen."""
    return (note for note in record.notes if note.endswith(NOTED) and note.partition(":")[0] in shown)


def _explained(row: Mapping[str, Any], found: Findings, period: str, ranked: bool) -> Iterator[str]:
    """What the numbers of the table are."""
    size = f"{row['relevant_size']:g} %"
    if found.series.is_price:
        yield f"on average: in {found.series.unit}, over the first year or as long as it was in force"
    else:
        yield (
            f"a {period}: in {found.series.unit}, mean over the first year; in so many: summed over the {period}s "
            "of it that were observed"
        )
    yield (
        f"P>{size}: probability that the mean effect is larger than {size}, up or down; seen: the mean effect that "
        "these data would have shown four times in five"
        + ("; rank: share of dates without events with less" if ranked else "")
    )


def _cells(row: Mapping[str, Any], period: str) -> dict[str, Any]:
    """One episode: its events, a line each; its effects, a line each, beside their 90 % intervals."""
    first, *others = row["events"]
    told = list(_told(row, period))
    relevant, detectable, rank = row["relevant"], row["detectable"], row["placebo_rank"]
    return {
        "episode": "\n".join([first, *(f"+{event}" for event in others), f"from {row['start']}", *_in_force(row)]),
        "effect": "\n".join(effect for effect, _ in told),
        "interval": "\n".join(interval for _, interval in told),
        "relevant": "" if relevant is None else f"{relevant:.2f}",
        "detectable": "" if detectable is None else f"{_size(detectable)} %",
        "rank": "" if rank is None else f"{rank:.2f}",
    }


def _in_force(row: Mapping[str, Any]) -> Iterator[str]:
    """How long the first event was in force up to the last observation; nothing where the run does not say."""
    days = row["days_in_force"]
    if days is not None:
        yield f"in force {days:,} day{'s' * (days > 1)}" if days else "never in force"


def _idle(row: Mapping[str, Any]) -> bool:
    """Whether there is most likely no effect, nor one that matters."""
    return bool(row["average"]["median"] == 0 and row["relevant"] < NONE_FOUND)


def _told(row: Mapping[str, Any], period: str) -> Iterator[tuple[str, str]]:
    """Effects and their intervals: on average, in the unit, in sum and before; marked where the data say little."""
    average, amount, total, early = (row[name] for name in ("average", "amount", "cumulated_after", "anticipation"))
    mark = "" if not row["prior_dominated"] and row["identified"] else "*" if row["identified"] else "†"
    mark += "" if row["apart"] else "‡"
    if average is None:
        yield f"none yet{mark}", ""
        return
    if not row["identified"]:
        yield f"not known{mark}", _between(average, _whole)
        return
    idle = _idle(row)
    yield f"none found{mark}" if idle else f"{_whole(average['median'])} %{mark}", _between(average, _whole)
    if idle:
        yield f"P(any) {row['acts']:.2f}", ""
    elif amount is not None:
        yield f"{_short(amount['median'])} {'a ' + period if total else 'on average'}", _between(amount, _short)
    if total is not None and not idle:
        yield f"{_short(total['median'])} in {row['observed']}", _between(total, _short)
    if early and round(early["median"]):
        yield f"{_whole(early['median'])} % before", _between(early, _whole)


def _between(band: Mapping[str, float], shown: Callable[[float], str]) -> str:
    return f"{shown(band['lo-90'])} to {shown(band['hi-90'])}"


def _whole(value: float) -> str:
    """A whole number with a sign, and no negative zero."""
    return f"{round(value):+d}"


def _short(value: float) -> str:
    """Three digits with a sign: ``+0.0213``, ``-11,300``, ``+1.2e+10``."""
    rounded = float(f"{value:.3g}")
    return f"{rounded:+,.0f}" if 100 <= abs(rounded) < 1e7 else f"{rounded:+.3g}"


def _size(value: float) -> str:
    """A whole number, or two digits of one that is absurdly large: ``8``, ``1.3e+24``."""
    return f"{value:.0f}" if value < 1e4 else f"{value:.2g}"


def _periods(found: Findings) -> str:
    from forecast.export.effects import effect_rows, path_rows

    rows, columns, text = path_rows(found), [Column("ds", "period from"), Column("y", "observed", number=True)], ""
    columns += [Column(name, title, number=True) for name, title in _PERIOD.items()]
    for episode in effect_rows(found):
        own = [_short_form(flat(row)) for row in rows if row["episode"] == episode["episode"]]
        if not episode["identified"]:
            own = [{**row, **_NOT_KNOWN} for row in own]
        favoured = ", ".join(f"{s['shape']} {100 * s['weight']:.0f} %" for s in episode["shapes"][:3])
        others = ", ".join(episode["events"][1:])
        head = [f"{episode['episode']}: {episode['title']}", *([f"with {others}"] if others else [])]
        text += lines(head)[1:] + f"\n{table(own, columns)}"
        unit = f"without: the series as it were without it, {found.series.unit}; low, high: 90 % interval of that"
        stands = [f"{name}: {words}" for name, words in _standings(episode)]
        text += lines([*stands, unit, *_in_words(episode, favoured)])
        text += "\n"
    return text.rstrip("\n") + "\n"


def _standings(row: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Each event of an episode, and what of it was in force; none where the run is older than to say so."""
    events = [{"event": row["episode"], "standing": row["standing"]}, *row["others"]]
    return [(each["event"], each["standing"]) for each in events if each["standing"]]


def _in_words(row: Mapping[str, Any], favoured: str) -> Iterator[str]:
    """The average effect, how likely one that matters is, and which the data would have shown."""
    average, size = row["average"], f"{row['relevant_size']:g} %"
    if not row["identified"]:
        assumed = "" if average is None else f": {_between(average, _whole)} % on average"
        yield f"not identified: the data say nothing of it; low and high are what was assumed before them{assumed}"
    else:
        yield f"the data favour {favoured}"
        if average is not None:
            yield f"on average {_whole(average['median'])} % ({_between(average, _whole)})"
            yield f"larger than {size}, up or down: P {row['relevant']:.2f}"
    if row["detectable"] is not None:
        yield f"the data would have shown an average effect of {_size(row['detectable'])} % four times in five"


def _short_form(row: Mapping[str, Any]) -> dict[str, Any]:
    """A period: six digits of what is below a million, the effect in percent; JSON and CSV have all their digits."""
    short = {name: f"{v:.6g}" for name, v in row.items() if isinstance(v, float) and abs(v) < 1e6}
    return {**row, **short, "effect.median": f"{row['effect.median']:+.1f} %"}


#: What stands for the medians of an effect that is not identified: they would read as none.
_NOT_KNOWN = {"effect.median": "not known", "without.median": None}
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
    from forecast.export.effects import untold

    weighed, omitted = {effect.episode.episode_id for effect in record.effects}, untold(record)
    hidden = [each.reason for each in omitted if each.episode_id in weighed]
    counts = Counter(each.reason.partition(" of ")[0] for each in omitted if each.episode_id not in weighed)
    reasons = "; ".join(f"{count}: {reason}" for reason, count in counts.most_common())
    said = [f"{len(hidden)} episode{'s' * (len(hidden) > 1)}: {hidden[0]}; --event shows one"] if hidden else []
    said += [f"left out, by reason ({reasons})"] if counts else []
    return [*said, "--format json names them"] if said else []

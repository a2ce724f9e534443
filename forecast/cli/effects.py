"""``orecast effects``: what events did to a series, and what events of a kind do."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Annotated

import typer

from forecast.cli.output import Format, FormatOption, Out, OutputOption, TableColumn, lines, signed, table
from forecast.cli.session import session
from forecast.wording import counted, counted_in_words, numeral

if TYPE_CHECKING:
    from forecast.answers.effects import EffectPaths, Effects, EpisodeEstimate, EpisodePeriod
    from forecast.answers.estimate import Estimate
    from forecast.answers.model import Answer

#: Marks behind an effect, and what they say.
MARKS = {
    "*": "the data say little of it: mostly what was assumed before them",
    "†": "the data say nothing of it: the interval is what was assumed before them",
    "‡": "weighed with the others, and shown since it was asked for",
}
#: What is in the notes of a record that tell of an effect what no mark does.
NOTED = ("; told together", ": nothing was traded any more when it began")
#: Why an episode is not estimated, by how the reason of the record begins.
REASONS = {
    "is in the path": "acting on a measure and part of its effect",
    "begins after": "beginning after the last period with data",
    "began before": "in force from before the first observation to after the last",
}
#: An effect whose median is 0 was not found if one that matters is less likely than this; else it is not known.
NONE_FOUND = 0.1
NOTHING = "No effect of an event on this series was estimated."

#: An episode takes as many lines as it has numbers.
_COLUMNS = (
    TableColumn("event", wrap=True),
    TableColumn("measure", "measured as"),
    TableColumn("effect", number=True),
    TableColumn("interval", "90 % interval", number=True),
)
PERIOD = (
    TableColumn("ds", "period from"),
    TableColumn("y", "observed", number=True),
    TableColumn("effect", number=True),
    TableColumn("without", "without it", number=True),
    TableColumn("low", number=True),
    TableColumn("high", number=True),
)
_CLASS_COLUMNS = ("stringency", "affected", "says")
_UNITS = {"tonne": "tonnes"}
_METHODS = {"averaged": "averaged over the ways in which effects come and go", "none": "no event touches the series"}


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
    from forecast.answers import effects as answers
    from forecast.answers.findings import findings

    with session() as s:
        found = findings(s.catalog, s.registry, series_id, event)
    if paths:
        periods = answers.effect_paths(found)
        _show(out, periods, lambda: _periods(answers.effects(found), periods))
    else:
        answer = answers.effects(found)
        _show(out, answer, lambda: _episodes(answer))


def _classes(out: Out) -> None:
    from forecast.answers.event_classes import class_effects
    from forecast.answers.event_priors import Evidence

    with session() as s:
        answer = class_effects(Evidence.of(s.registry, s.catalog.retired()))
    out.answer(answer, _CLASS_COLUMNS, wrap=("says",))


def _show(out: Out, answer: Answer, page: Callable[[], str]) -> None:
    if out.chosen is Format.TABLE:
        out.text(page())
    else:
        out.answer(answer)


# -- the episodes of a series ------------------------------------------------------------------------------------------


def _episodes(answer: Effects) -> str:
    period, unit = _words(answer)
    cells = [_cells(each, period, unit) for each in answer.data]
    marks = [mark for mark in MARKS if any(mark in each["effect"] for each in cells)]
    notes = [
        *(f"{mark} {MARKS[mark]}" for mark in marks),
        *(_explained(cells, answer) if cells else [NOTHING]),
        f"run {answer.run}; {_METHODS.get(answer.method, f'method: {answer.method}')}",
        *_noted(answer),
        *(f"{each.event_id} was not estimated: {each.why}" for each in answer.not_estimated),
        *_left_out(answer),
    ]
    return f"{answer.series_id}, {unit}\n" + (f"\n{table(cells, _COLUMNS)}" if cells else "") + lines(notes)


def _cells(each: EpisodeEstimate, period: str, unit: str) -> dict[str, str]:
    """One episode: its events, a line each, and how it was in force; its numbers, a line each, with 90 % intervals."""
    first, *others = each.event_ids
    measures = list(_measures(each, period, unit))
    return {
        "event": "\n".join([first, *(f"+{event}" for event in others), f"from {each.start}", *_facts(each, period)]),
        "measure": "\n".join(measure for measure, _, _ in measures),
        "effect": "\n".join(effect for _, effect, _ in measures),
        "interval": "\n".join(interval for _, _, interval in measures),
    }


def _facts(each: EpisodeEstimate, period: str) -> Iterator[str]:
    """How long the leading event was in force up to the last observation, and how many periods the numbers are of."""
    if each.days_in_force is not None:
        on = "under way" if each.family == "shock" else "in force"
        yield f"{on} {counted(each.days_in_force, 'day')}" if each.days_in_force else f"never {on}"
    if each.observed:
        yield f"{counted(each.observed, period)} observed"


def _measures(each: EpisodeEstimate, period: str, unit: str) -> Iterator[tuple[str, str, str]]:
    """What is measured, the estimate, and its interval; marked where the data say little."""
    mark = ("†" if not each.identified else "*" if each.prior_dominated else "") + ("" if each.apart else "‡")
    mean = "mean effect, %"
    if each.average is None:
        yield mean, f"not yet seen{mark}", ""
        return
    none = _none_found(each)
    word = "not known" if not each.identified else "none found" if none else _whole(each.average.median)
    yield mean, f"{word}{mark}", _between(each.average, _whole)
    if each.identified and not none:
        total = each.cumulated_after
        if each.amount is not None:
            yield (
                f"a {period}, {unit}" if total else f"mean, {unit}",
                signed(each.amount.median),
                _between(each.amount, signed),
            )
        if total is not None:
            yield f"total, {unit}", signed(total.median), _between(total, signed)
        if each.anticipation is not None and round(each.anticipation.median):
            yield "came early, %", _whole(each.anticipation.median), _between(each.anticipation, _whole)
    if none:
        yield "P(any effect)", f"{each.any_effect:.2f}", ""
    if each.relevant is not None:
        yield f"P(over {each.relevant_size:g} %)", f"{each.relevant:.2f}", ""
    if each.detectable is not None:
        yield "detectable, %", _size(each.detectable), ""
    if each.placebo_rank is not None:
        yield "unusualness", f"{each.placebo_rank:.2f}", ""


def _none_found(each: EpisodeEstimate) -> bool:
    """Whether there is most likely no effect, nor one that matters."""
    return bool(
        each.identified
        and each.average is not None
        and each.average.median == 0
        and each.relevant is not None
        and each.relevant < NONE_FOUND
    )


def _explained(cells: Sequence[dict[str, str]], answer: Effects) -> Iterator[str]:
    """What the numbers of the table are, of those that are in it."""
    (period, unit), size = _words(answer), f"{answer.data[0].relevant_size:g} %"
    difference = f"observed less what there would have been without it, mean over these {period}s"
    meanings = {
        "mean effect, %": f"the observed {period}s of the first year, or of the time in force if that is shorter, "
        "against what they would have been without it",
        f"a {period}, {unit}": difference,
        f"mean, {unit}": difference,
        f"total, {unit}": f"the sum over these {period}s",
        "came early, %": f"the effect in the {period}s before it began, in which it may have been felt",
        "P(any effect)": "probability that it had any effect, however small",
        f"P(over {size})": f"probability that the mean effect is larger than {size}, up or down",
        "detectable, %": "the mean effect that these data would have shown four times in five",
        "unusualness": "share of the dates without events that show a smaller effect",
    }
    shown = {measure for each in cells for measure in each["measure"].split("\n")}
    return (f"{measure}: {meaning}" for measure, meaning in meanings.items() if measure in shown)


def _noted(answer: Effects) -> Iterator[str]:
    """Which of the events shown are told together, or began when there was nothing left to be seen."""
    shown = {event for each in answer.data for event in each.event_ids}
    return (note for note in answer.notes if any(map(note.__contains__, NOTED)) and note.partition(":")[0] in shown)


def _left_out(answer: Effects) -> list[str]:
    """How many episodes are weighed but not shown, and how many are not estimated, and why."""
    this = f"orecast effects {answer.series_id}"
    weighed = [each.why for each in answer.omitted if each.weighed]
    counts = Counter(_reason(each.why) for each in answer.omitted if not each.weighed)
    hidden_notes = []
    if weighed:
        hidden_notes.append(
            f"not estimated apart: {counted(len(weighed), 'episode')} ({weighed[0]}); `{this} --event EVENT` shows one"
        )
    if counts:
        reasons = "; ".join(f"{counted(count, 'episode')} {reason}" for reason, count in counts.most_common())
        hidden_notes.append(f"not estimated: {reasons}")
    return [*hidden_notes, f"`{this} --format json` names them"] if hidden_notes else []


def _reason(why: str) -> str:
    """A reason of the record, of several events; one that goes on to name another event is told without it."""
    return next((words for start, words in REASONS.items() if why.startswith(start)), why)


# -- the periods of its episodes ---------------------------------------------------------------------------------------


def _periods(answer: Effects, paths: EffectPaths) -> str:
    period, unit = _words(answer)
    pages = []
    for each in answer.data:
        own = [_line(point, each.identified) for point in paths.data if point.episode_id == each.episode_id]
        head = [f"{each.episode_id}: {each.title or 'no longer in the catalogue'}"]
        head += [f"with {', '.join(each.event_ids[1:])}"] if each.others else []
        without = f"without it: the series as it were without the episode, {unit}; low, high: 90 % interval of that"
        notes = [*_standings(each), without, *_in_words(each, period)]
        pages.append(f"{lines(head)[1:]}\n{table(own, PERIOD)}{lines(notes)}")
    return "\n".join(pages) or f"{answer.series_id}\n{lines([NOTHING])}"


def _line(point: EpisodePeriod, identified: bool) -> dict[str, str | float | None]:
    """A period: six digits of what is below a million, the effect in percent; JSON and CSV have all their digits.

    A median of what is not identified would read as none.
    """
    low, high = point.without.interval(90) if point.without else (None, None)
    return {
        "ds": point.ds.isoformat(),
        "y": _digits(point.y),
        "effect": f"{point.effect.median:+.1f} %" if identified else "not known",
        "without": _digits(point.without.median) if point.without and identified else None,
        "low": _digits(low),
        "high": _digits(high),
    }


def _standings(each: EpisodeEstimate) -> Iterator[str]:
    """Each event of an episode, and what of it was in force; none where the run is older than to say so."""
    stands = [(each.episode_id, each.standing), *((other.event_id, other.standing) for other in each.others)]
    return (f"{event}: {standing}" for event, standing in stands if standing)


def _in_words(each: EpisodeEstimate, period: str) -> Iterator[str]:
    """What the data favour, the average effect, how likely one that matters is, and which the data would have shown."""
    average = each.average
    if not each.identified:
        assumed = f": {_between(average, _whole)} % on average" if average else ""
        yield f"not known: the data say nothing of it; low and high are what was assumed before them{assumed}"
    else:
        best, *others = (
            f"{shape_in_words(one.shape, period, average.median if average else 0.0)} ({100 * one.weight:.0f} %)"
            for one in each.shapes[:3]
        )
        yield f"best fit: {best}" + (f"; then {', '.join(others)}" if others else "")
        if average is not None:
            yield f"on average {_whole(average.median)} % ({_between(average, _whole)})"
            yield f"larger than {each.relevant_size:g} %, up or down: P {each.relevant:.2f}"
    if each.detectable is not None:
        yield f"the data would have shown a mean effect of {_size(each.detectable)} % four times in five"


def shape_in_words(word: str, period: str, size: float) -> str:
    """A shape as one would say it, of an effect of this sign: ``hump-3`` of a fall is a three-month dip."""
    from forecast.interventions import Decay, Forestalled, Hump, Licence, Pulse, Ramp, Temporary, parse_shape

    move = "fall" if size < 0 else "rise"
    match parse_shape(word):
        case Pulse():
            return f"a one-{period} {move}"
        case Temporary(periods):
            return f"a {numeral(periods)}-{period} {move}"
        case Hump(periods):
            return f"a {numeral(periods)}-{period} {'dip' if size < 0 else 'hump'}"
        case Ramp(periods):
            return f"a lasting {move} that builds up over {counted_in_words(periods, period)}"
        case Decay(rate):
            return f"a {move} that fades by {100 * (1 - rate):.0f} % a {period}"
        case Forestalled(periods):
            return f"a {move} after {counted_in_words(periods, period)} of the contrary"
        case Licence(periods, approved):
            return f"a {move} of which {100 * approved:.0f} % comes back after {counted_in_words(periods, period)}"
        case _:
            return f"a lasting {move}"


# -- numbers and words -------------------------------------------------------------------------------------------------


def _words(answer: Effects) -> tuple[str, str]:
    """What a period and the unit of a series are called."""
    from forecast.timeseries.frequency import parse_freq

    return parse_freq(answer.freq).period, _UNITS.get(answer.unit, answer.unit)


def _between(estimate: Estimate, shown: Callable[[float], str]) -> str:
    low, high = estimate.interval(90)
    return f"{shown(low)} to {shown(high)}"


def _whole(value: float) -> str:
    """A whole number with a sign, and no negative zero."""
    return f"{round(value):+d}"


def _size(value: float) -> str:
    """A whole number, or two digits of one that is absurdly large: ``8``, ``1.3e+24``."""
    return f"{value:.0f}" if value < 1e4 else f"{value:.2g}"


def _digits(value: float | None) -> str | float | None:
    """Six digits of what is below a million."""
    return f"{value:.6g}" if value is not None and abs(value) < 1e6 else value

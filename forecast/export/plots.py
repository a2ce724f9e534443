"""Pictures: a forecast, the effect of an event, the scenarios of a question, a backtest; each as the bytes of a PNG.

matplotlib is imported when a picture is drawn, and only here.
"""

from __future__ import annotations

import datetime as dt
import io
import textwrap
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, cast

import numpy as np

from forecast.answers.branches import BranchFacts
from forecast.answers.forecast import Forecast
from forecast.answers.scenarios import Outcome
from forecast.effects import EffectRecord
from forecast.effects.report import EpisodeReport
from forecast.errors import TooShort
from forecast.events import Event, Events
from forecast.metrics import QUANTILE_LEVELS
from forecast.timeseries.frequency import Days
from forecast.timeseries.series import Floats, History
from forecast.wording import day_in_words

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from forecast.registry.card import Card, FamilyScores

INK, QUIET, GRID = "#1f2933", "#7b8794", "#e4e7eb"
#: Told apart also by the colour-blind (Okabe and Ito, Color universal design, 2008).
COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9")
#: Marks in a picture, and titles of events that one spells out.
MOST_MARKS, MOST_TITLES = 8, 4
#: Said of an effect that is not identified, whose median of 0 is no finding.
UNKNOWN = "Not identified: these data cannot tell the effect; the bands are what was assumed before they were seen."


@dataclass(frozen=True)
class Mark:
    """A dated line in a picture, with what happened."""

    day: dt.date
    label: str


def marks(
    record: EffectRecord, branches: Iterable[BranchFacts], events: Events, first: dt.date, last: dt.date
) -> list[Mark]:
    """The episodes that start from ``first`` to ``last``, if there are many somebody's own and the strongest, and the
    open branches."""
    found = []
    for effect in record.effects:
        day = dt.date.fromisoformat(str(effect.episode.intervention.start))
        event = events.get(effect.episode.episode_id)
        if event is not None and first <= day <= last:
            members = [events[name] for name in effect.episode.events if name in events]
            rank = any(each.own for each in members), abs(float(np.median(effect.size)))
            found.append((rank, Mark(day, _titles(members))))
    strongest = [mark for _, mark in sorted(found, key=lambda pair: pair[0], reverse=True)]
    open_ones = [Mark(b.starts, b.says) for b in branches if b.starts and first <= b.starts <= last]
    chosen = [*open_ones[: MOST_MARKS // 2], *strongest][:MOST_MARKS]
    return sorted(chosen, key=lambda mark: (mark.day, mark.label))


def _titles(members: Sequence[Event]) -> str:
    """The titles of an episode's events, somebody's own first; of a year's worth of them, how many more there are."""
    titles = [each.title for each in sorted(members, key=lambda each: not each.own)]
    more = [f"and {len(titles) - MOST_TITLES} more"] if len(titles) > MOST_TITLES else []
    return "; ".join([*titles[:MOST_TITLES], *more])


def forecast_picture(history: History, made: Forecast, marked: Sequence[Mark] = (), periods: int = 72) -> bytes:
    """The last ``periods`` observations, the fan of the forecast, and numbered events with their names below."""
    figure, axes = _canvas(1 + sum(len(_label(mark)) for mark in marked))
    recent = _recent(history, periods)
    _line(axes, recent.ds, recent.y, INK, "observed")
    _fan(axes, recent, made, COLOURS[0], "median forecast")
    axes.axvline(cast(float, np.datetime64(made.as_of, "D")), color=INK, lw=0.9, label="day of the question")
    _marks(figure, axes, marked)
    shown = ", ".join(f"{level} %" for level in made.levels)
    _title(axes, made.series_id, f"{made.unit}; intervals {shown}")
    _provenance(figure, axes, made.provenance)
    return _png(figure, axes)


def scenario_picture(history: History, made: Sequence[Outcome], periods: int = 36) -> bytes:
    """The forecasts of one series in several scenarios, the baseline first, each with its widest interval."""
    figure, axes = _canvas(1)
    recent = _recent(history, periods)
    _line(axes, recent.ds, recent.y, INK, "observed")
    for colour, world in zip(COLOURS * (1 + len(made) // len(COLOURS)), made, strict=False):
        _fan(axes, recent, world, colour, world.scenario, levels=made[0].levels[-1:])
    first = made[0]
    _title(axes, first.series_id, f"{first.unit}; medians and {first.levels[-1]} % intervals by scenario")
    _provenance(figure, axes, first.provenance)
    return _png(figure, axes)


def effect_picture(
    history: History, report: EpisodeReport, title: str, others: Sequence[str] = (), before: int = 36, after: int = 24
) -> bytes:
    """What was observed, and what it would have been without the episode, with 50 and 90 % bands of that.

    ``others``: what else the episode holds, or is told with, told below, with what the data cannot tell. Raises
    ``TooShort`` where nothing was observed so near to it.
    """
    freq, episode = history.series.calendar, report.effect.episode
    start = int(freq.ordinal(episode.intervention.start))
    ordinals = np.asarray(freq.ordinal(history.ds))
    near = (ordinals >= start - before) & (ordinals <= start + after)
    ds, y = history.ds[near], history.y[near]
    if not np.isfinite(y).any():
        first, last = freq.start(start - before), freq.start(start + after)
        series_id = history.series.series_id
        raise TooShort(f"nothing to draw of {episode.episode_id}: {series_id} has no value from {first} to {last}")
    below = textwrap.wrap(f"together with: {'; '.join(others)}", 120) if others else []
    below += [] if report.effect.identified else [UNKNOWN]
    figure, axes = _canvas(len(below))
    for row, line in enumerate(reversed(below)):
        height = (0.2 * row + 0.14) / figure.get_figheight()
        figure.text(axes.get_position().x0, height, line, fontsize=8.5, color=INK)
    without, felt = report.counterfactual, np.isin(report.ds, ds)
    for level, alpha in ((90, 0.15), (50, 0.25)):
        low, high = without.intervals[level]
        axes.fill_between(report.ds[felt], low[felt], high[felt], color=COLOURS[0], alpha=alpha, lw=0)
    _line(axes, report.ds[felt], without.median[felt], COLOURS[0], "without it (50 and 90 % bands)", style="--")
    _line(axes, ds, y, INK, "observed")
    words: dict[dt.date, list[str]] = {}
    dropped = episode.effective and episode.ended and episode.ended < episode.effective
    effective = "was to take effect" if dropped else "effective"
    for word, day in (("announced", episode.announced), (effective, episode.effective), ("ended", episode.ended)):
        if day and ds[0] <= np.datetime64(day) <= ds[-1]:
            words.setdefault(day, []).append(word)
    for row, (day, label) in enumerate(words.items()):
        _mark(axes, day, ", ".join(label), row)
    _title(axes, history.series.series_id, f"{textwrap.shorten(title, 90, placeholder=' …')}; {history.series.unit}")
    return _png(figure, axes)


def backtest_picture(card: Card) -> bytes:
    """From the card of a run: how often the champion's intervals held, where outcomes fell in its distributions, and
    the scores of every family by horizon. Raises ``ValueError`` for a card without a backtest."""
    table, champion = card.backtest, card.champion_family
    if champion not in table or not table[champion].pit:
        raise ValueError("the card has no backtest")
    figure, shares = _figure(4.2), np.array(table[champion].pit, dtype=float)
    reliability, pit, horizons = (_axes(figure, (x, 0.12, 0.235, 0.62)) for x in (0.06, 0.37, 0.675))
    _reliability(reliability, shares)
    _pit(pit, shares)
    _by_horizon(horizons, table, champion)
    series, count = card.series, table[champion].origins
    subtitle = f"{champion} from {count} origins; {series.measure}, {series.unit}; run {card.run}"
    _title(reliability, series.series_id, subtitle, lift=0.12)
    return _bytes(figure)


def _reliability(axes: Axes, shares: Floats) -> None:
    """Nominal against observed coverage of the central intervals."""
    middle, inner = len(QUANTILE_LEVELS) // 2, np.cumsum(shares)
    nominal = QUANTILE_LEVELS[middle + 1 :] - QUANTILE_LEVELS[:middle][::-1]
    observed = inner[middle + 1 : -1] - inner[:middle][::-1]
    axes.plot([0, 100], [0, 100], color=QUIET, lw=0.8, ls=(0, (2, 2)))
    axes.plot(100 * nominal, 100 * observed, "o-", color=COLOURS[0], lw=1.6, ms=4, clip_on=False)
    axes.set(xlim=(0, 100), ylim=(0, 100))
    _panel(axes, "Outcomes inside, % of all", "central interval, %")


def _pit(axes: Axes, shares: Floats) -> None:
    """Outcomes between the levels as a density: 1 everywhere if the quantiles hold."""
    edges = np.array([0.0, *QUANTILE_LEVELS, 1.0])
    heights, widths = shares / np.diff(edges), np.diff(edges)
    axes.bar(edges[:-1], heights, widths, align="edge", color=COLOURS[0], alpha=0.55, ec="white", lw=0.6)
    axes.axhline(1.0, color=QUIET, lw=0.8, ls=(0, (2, 2)))
    axes.set(xlim=(0, 1))
    _panel(axes, "Where outcomes fell (1: as promised)", "quantile of the forecast")


def _by_horizon(axes: Axes, table: Mapping[str, FamilyScores], champion: str) -> None:
    """A line a family, named at its end, the champion's above all."""
    others = [family for family in table if family != champion]
    ends = []
    for family, colour in zip((champion, *others), (*COLOURS, QUIET), strict=False):
        ratios = np.array(table[family].rel_crps, dtype=float)
        h, own = np.arange(1, len(ratios) + 1), family == champion
        axes.plot(h, ratios, color=colour, lw=2.2 if own else 1.2, zorder=3 if own else 2)
        ends.append((float(ratios[np.isfinite(ratios)][-1]), family, colour))
    low, high = axes.get_ylim()
    place = -np.inf
    for y, family, colour in sorted(ends):
        place = max(place + 0.055 * (high - low), y)
        axes.annotate(
            family,
            (len(ratios), place),
            (4, 0),
            textcoords="offset points",
            fontsize=8,
            color=colour,
            va="center",
            annotation_clip=False,
        )
    axes.set_ylim(low, high)
    axes.set_xlim(0.5, len(table[champion].rel_crps) + 0.5)
    _panel(axes, "CRPS, as a ratio to the baseline's", "periods ahead")


# -- strokes -----------------------------------------------------------------------------------------------------------


def _canvas(lines: int) -> tuple[Figure, Axes]:
    height = 4.8 + 0.2 * lines + 0.12 * bool(lines)
    figure = _figure(height)
    axes = _axes(figure, (0.075, (height - 4.35) / height, 0.9, 3.6 / height))
    axes.margins(x=0.015)
    return figure, axes


def _figure(height: float) -> Figure:
    from matplotlib.figure import Figure

    return Figure(figsize=(9.6, height), dpi=150, facecolor="white")


def _axes(figure: Figure, place: tuple[float, float, float, float]) -> Axes:
    axes = figure.add_axes(place)
    for side in ("top", "right", "left"):
        axes.spines[side].set_visible(False)
    axes.spines["bottom"].set_color(QUIET)
    axes.grid(axis="y", color=GRID, lw=0.8)
    axes.set_axisbelow(True)
    axes.tick_params(colors=QUIET, length=0, labelsize=9)
    return axes


def _panel(axes: Axes, title: str, below: str) -> None:
    axes.set_title(title, loc="left", fontsize=9.5, color=INK, pad=8)
    axes.set_xlabel(below, fontsize=9, color=QUIET)


def _recent(history: History, periods: int) -> History:
    return history.until(history.last) if len(history) <= periods else _tail(history.until(history.last), periods)


def _tail(history: History, periods: int) -> History:
    return History(history.series, history.ds[-periods:], history.y[-periods:], history.flag[-periods:])


def _line(axes: Axes, ds: Days, y: Floats, colour: str, label: str, style: str = "-") -> None:
    axes.plot(ds, y, style, color=colour, lw=1.6, label=label, solid_capstyle="round")
    # A value between two gaps has no line of its own.
    padded = np.concatenate([[np.nan], y, [np.nan]])
    alone = np.isfinite(y) & np.isnan(padded[:-2]) & np.isnan(padded[2:])
    axes.plot(ds[alone], y[alone], ".", color=colour, ms=4)


def _fan(
    axes: Axes, recent: History, made: Forecast | Outcome, colour: str, label: str, levels: Sequence[int] | None = None
) -> None:
    """Bands from the last observation on, the widest the palest."""
    ds = np.array([recent.last, *(point.ds for point in made.data)], dtype="datetime64[D]")
    start = float(recent.y[recent.ds == recent.last][0])
    for level in sorted(levels or made.levels, reverse=True):
        low = [start, *(point.interval(level)[0] for point in made.data)]
        high = [start, *(point.interval(level)[1] for point in made.data)]
        axes.fill_between(ds, low, high, color=colour, alpha=0.16, lw=0)
    axes.plot(ds, [start, *(point.yhat for point in made.data)], color=colour, lw=1.8, label=label)


def _marks(figure: Figure, axes: Axes, marked: Sequence[Mark]) -> None:
    """A hairline and a number at each date; the numbers are told below, so that no label covers another."""
    left, right = (float(edge) for edge in axes.get_xlim())
    rows: list[float] = []
    labels, left_edge, height = [_label(mark) for mark in marked], axes.get_position().x0, figure.get_figheight()
    for number, mark in enumerate(marked, start=1):
        x = (np.datetime64(mark.day, "D").astype(float) - left) / (right - left)
        row = next((i for i, edge in enumerate(rows) if x - edge > 0.025), len(rows))
        rows[row : row + 1] = [x]
        _mark(axes, mark.day, str(number), row, ring=True)
        last = sum(map(len, labels[number - 1 :])) - 1
        lines = [(0.114, k, line) for k, line in enumerate(labels[number - 1])]
        for indent, k, text in ((0.0, 0, str(number)), (0.022, 0, day_in_words(mark.day)), *lines):
            figure.text(left_edge + indent, (0.2 * (last + 1 - k) + 0.14) / height, text, fontsize=8.5, color=INK)


def _label(mark: Mark) -> list[str]:
    """What happened, in as many lines as it takes."""
    return textwrap.wrap(mark.label, 100, break_on_hyphens=False)


def _mark(axes: Axes, day: dt.date, text: str, row: int, *, ring: bool = False) -> None:
    x = cast(float, np.datetime64(day, "D"))  # which matplotlib takes, whatever its types say
    axes.axvline(x, color=QUIET, lw=0.7, ls=(0, (2, 2)), zorder=1)
    box = {
        "boxstyle": "circle,pad=0.25" if ring else "round,pad=0.2",
        "fc": "white",
        "ec": QUIET if ring else "none",
        "lw": 0.7,
    }
    where = axes.get_xaxis_transform()
    axes.text(x, 0.97 - 0.07 * row, text, transform=where, ha="center", va="center", fontsize=7.5, color=INK, bbox=box)


def _title(axes: Axes, title: str, subtitle: str, lift: float = 0.0) -> None:
    where = axes.transAxes
    axes.text(0, 1.11 + 1.1 * lift, title, transform=where, fontsize=12.5, color=INK, weight="bold", va="bottom")
    axes.text(0, 1.045 + lift, subtitle, transform=where, fontsize=9, color=QUIET, va="bottom")


def _provenance(figure: Figure, axes: Axes, text: str) -> None:
    """When it was asked and on which data it rests, in the last line of the picture."""
    figure.text(axes.get_position().x0, 0.14 / figure.get_figheight(), text, fontsize=8.5, color=QUIET)


def _png(figure: Figure, axes: Axes) -> bytes:
    from matplotlib.dates import AutoDateLocator, ConciseDateFormatter
    from matplotlib.ticker import EngFormatter

    locator = AutoDateLocator()  # type: ignore[no-untyped-call]
    axes.xaxis.set_major_locator(locator)
    axes.xaxis.set_major_formatter(ConciseDateFormatter(locator, show_offset=False))  # type: ignore[no-untyped-call]
    axes.yaxis.set_major_formatter(EngFormatter(sep=""))
    low, high = axes.get_ylim()
    axes.set_ylim(max(low, 0.0), high + 0.06 * (high - low))
    names = axes.get_legend_handles_labels()[1]
    axes.legend(
        loc="lower right",
        bbox_to_anchor=(1.0, 1.02),
        ncols=min(len(names), 4),
        borderaxespad=0.0,
        frameon=False,
        fontsize=9,
        labelcolor=INK,
        handlelength=1.4,
        columnspacing=1.4,
    )
    return _bytes(figure)


def _bytes(figure: Figure) -> bytes:
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", metadata={"Software": None})
    return buffer.getvalue()

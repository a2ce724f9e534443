"""How many real values the gate holds, and how many slips it finds.

    python benchmarks/gate.py [--quick] [--json FILE] [--extra DIR]… [--seed N] [--trials N]

Every target's history, value by value from the thirteenth: each is judged on the day on which it is usually published,
by the values and events known by then and without a forecast, as in a home where nothing is trained. What is held waits
for the next value to confirm it; whole histories are judged at once as well. Then slips: in histories of at least two
years a value at a random place is multiplied by a factor, with the events that were about. ``--trials``: slips of each
factor in a series; ``--quick``: every fourth series, five slips.
"""

from __future__ import annotations

import datetime as dt
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from support.panel import Panel, read_panel
from support.report import Report, Row, parser

from forecast.catalog import Observation
from forecast.catalog.quarantine import Held
from forecast.events import Event
from forecast.events.exposure import Minerals
from forecast.intake.judgement import Background, judge, onsets
from forecast.timeseries.series import History

#: Values before the first that is judged, and before the first that is spoiled.
FIRST, BEFORE_SLIPS = 12, 24
FACTORS = {
    **{f"× {factor:,g}": factor for factor in (7.33, 10.0, 31.1035, 1000.0, 2204.62)},
    **{f"÷ {factor:,g}": 1 / factor for factor in (7.33, 10.0, 31.1035, 1000.0, 2204.62)},
}


@dataclass(frozen=True, eq=False)
class Replay:
    """One history as it came: its values with the day on which each was published, and the events."""

    history: History
    observations: tuple[Observation, ...]
    events: tuple[Event, ...]
    minerals: Minerals

    @classmethod
    def of(cls, history: History, panel: Panel) -> Replay:
        series = history.series
        rows = np.flatnonzero(np.isfinite(history.y) & ~history.no_price)
        days = zip(history.ds[rows].tolist(), series.due(history.ds[rows]).tolist(), strict=True)
        observations = tuple(
            Observation(series.series_id, ds, float(y), str(flag), dt.datetime.combine(due, dt.time(12), dt.UTC))
            for (ds, due), y, flag in zip(days, history.y[rows], history.flag[rows], strict=True)
        )
        return cls(history, observations, tuple(panel.events.values()), panel.minerals)

    def background(self, known: Mapping[dt.date, float], today: dt.date, held: Sequence[Held] = ()) -> Background:
        """What was known on a day."""
        events = [event for event in self.events if event.known_from <= today]
        about = onsets(events, self.history.series, self.minerals)
        days = sorted(known)
        ds, y = np.array(days, dtype="datetime64[D]"), np.array([known[day] for day in days])
        return Background(self.history.series, today, ds, y, None, about, tuple(held))

    def held_when_they_came(self) -> tuple[list[Held], dict[dt.date, Held]]:
        """What was held on the day on which it came, and what still is in the end."""
        known = {one.ds: one.value for one in self.observations[:FIRST]}
        waiting: dict[dt.date, Held] = {}
        held: list[Held] = []
        for one in self.observations[FIRST:]:
            found = judge(self.background(known, one.known.date(), tuple(waiting.values())), [one])
            for passed in found.passed:
                known[passed.ds] = passed.value
                waiting.pop(passed.ds, None)
            waiting |= {each.observation.ds: each for each in found.held}
            held += found.held
        return held, waiting

    def held_at_once(self) -> tuple[Held, ...]:
        """What is held of the whole history, taken in today as one file."""
        return judge(self.background({}, self.observations[-1].known.date()), self.observations).held

    def caught(self, factor: float, trials: int, rng: np.random.Generator) -> Iterator[bool]:
        """Of values that were multiplied by a factor, which were held when they came."""
        if len(self.observations) <= BEFORE_SLIPS:
            return
        for k in rng.integers(BEFORE_SLIPS, len(self.observations), trials).tolist():
            one = self.observations[k]
            known = {before.ds: before.value for before in self.observations[:k]}
            if one.value > 0:
                spoiled = replace(one, value=one.value * factor)
                yield bool(judge(self.background(known, one.known.date()), [spoiled]).held)


def main() -> None:
    arguments = parser(__doc__)
    arguments.add_argument("--trials", type=int, default=40)
    options = arguments.parse_args()
    report, panel, started = Report("gate", options), read_panel(options.extra), time.perf_counter()
    targets = [history for history in panel.histories.values() if history.series.is_target]
    replays = [Replay.of(history, panel) for history in targets[:: 4 if options.quick else 1]]
    prices = [replay for replay in replays if replay.history.series.is_price]
    flows = [replay for replay in replays if not replay.history.series.is_price]
    named: list[Held] = []
    rows = []
    for title, some in (("prices", prices), ("volumes and values", flows)):
        row, held = real(title, some)
        rows.append(row)
        named += held
    report.table("real values, each judged on the day on which it came", rows)
    rng = np.random.default_rng(options.seed)
    trials = 5 if options.quick else options.trials
    report.table(
        "share of slips that are held", [caught(name, f, prices, flows, trials, rng) for name, f in FACTORS.items()]
    )
    for one in named:
        report.note(f"{one.observation.series_id} {one.observation.ds} was held when it came: {one.why}")
    report.note(f"{time.perf_counter() - started:.0f} seconds")
    report.finish()


def real(title: str, replays: Sequence[Replay]) -> tuple[Row, list[Held]]:
    """How many real values were held; these."""
    came = [replay.held_when_they_came() for replay in replays]
    judged = sum(max(len(replay.observations) - FIRST, 0) for replay in replays)
    held = [one for held, _ in came for one in held]
    row = {
        "of": title,
        "series": len(replays),
        "values": judged,
        "held": len(held),
        "share": len(held) / max(judged, 1),
        "held in the end": sum(len(waiting) for _, waiting in came),
        "held of whole files": sum(len(replay.held_at_once()) for replay in replays),
    }
    return row, held


def caught(
    name: str, factor: float, prices: Sequence[Replay], flows: Sequence[Replay], trials: int, rng: np.random.Generator
) -> Row:
    """The share of slips by one factor that are held."""
    row: dict[str, object] = {"slip": name}
    for title, some in (("prices", prices), ("volumes and values", flows)):
        found = [hit for replay in some for hit in replay.caught(factor, trials, rng)]
        row |= {title: float(np.mean(found)) if found else None, f"of {title}": len(found)}
    return row


if __name__ == "__main__":
    main()

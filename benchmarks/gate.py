"""How many real values the gate would have held, and how many slips it finds.

    python benchmarks/gate.py [--quick] [--json FILE] [--extra DIR]… [--trials N]

Every target's history, month by month: each value is judged on the day on which it is usually published, by the values
and events known then and without a forecast, as in a home where nothing is trained. What is held waits for the next
value to confirm it. Then slips: at random months of at least two years of history a value is multiplied by a factor,
with the events that were about. ``--trials``: slips a factor and series; ``--quick``: every fourth series, fewer slips.
"""

from __future__ import annotations

import datetime as dt
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

import numpy as np
from support.panel import Panel, read_panel
from support.report import Report, parser

from forecast.catalog import Observation
from forecast.catalog.quarantine import Held, Reason
from forecast.events import Event
from forecast.events.exposure import exposure
from forecast.intake.gate import began
from forecast.intake.judgement import Background, judge, touching
from forecast.timeseries.series import History

#: Values of history before the first judgement, and before the first slip.
FIRST, SLIPS_FROM = 12, 24
FACTORS = {"× 1,000": 1e3, "÷ 1,000": 1e-3, "× 2,204.6": 2204.62, "÷ 2,204.6": 1 / 2204.62, "× 31.1": 31.1035,
           "÷ 31.1": 1 / 31.1035, "× 7.33": 7.33, "× 10": 10.0, "÷ 10": 0.1}  # fmt: skip


@dataclass(frozen=True, eq=False)
class Replay:
    """One history as it came: its published values, the day each is judged, and the events that touch the series."""

    history: History
    observations: tuple[Observation, ...]
    events: tuple[Event, ...]

    @classmethod
    def of(cls, history: History, panel: Panel) -> Replay:
        series = history.series
        rows = np.flatnonzero(np.isfinite(history.y))
        due = series.due(history.ds[rows]).tolist()
        observations = tuple(
            Observation(
                series.series_id, ds, float(y), str(flag), dt.datetime.combine(day, dt.time(12), dt.UTC)
            )
            for ds, y, flag, day in zip(history.ds[rows].tolist(), history.y[rows], history.flag[rows], due, strict=True)
        )
        touching_events = [e for e in panel.events.values() if exposure(e, series, panel.minerals) > 0]
        return cls(history, observations, tuple(touching_events))

    def background(self, known: Mapping[dt.date, float], held: tuple[Held, ...], today: dt.date) -> Background:
        """What was known on a day."""
        shocks = touching((day for e in self.events if e.known_from <= today for day in began(e)), self.history.series)
        ds = np.array(sorted(known), dtype="datetime64[D]")
        y = np.array([known[day] for day in sorted(known)])
        return Background(self.history.series, today, ds, y, None, shocks, held)

    def values(self) -> Iterator[tuple[Observation, Held | None]]:
        """Every value after the first, with what held it when it came; and those that stay held at the end, last."""
        known = {one.ds: one.value for one in self.observations[:FIRST]}
        waiting: dict[dt.date, Held] = {}
        for one in self.observations[FIRST:]:
            found = judge(self.background(known, tuple(waiting.values()), one.known.date()), [one])
            for passed in found.passed:
                known[passed.ds] = passed.value
                waiting.pop(passed.ds, None)
            waiting |= {held.observation.ds: held for held in found.held}
            yield one, next(iter(found.held), None)
        self.waiting = waiting


def main() -> None:
    arguments = parser(__doc__)
    arguments.add_argument("--trials", type=int, default=40)
    options = arguments.parse_args()
    report = Report("gate", options)
    panel = read_panel(options.extra)

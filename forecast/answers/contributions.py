"""What the future of a series is put together from: how past effects go on, and what coming events may do."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from forecast.answers.event_versions import Assumption, Steps
from forecast.timeseries.series import Floats


@dataclass(frozen=True)
class Spell:
    """Some time in force: from ``day``, that is from period ``start``, until before period ``stop`` (ordinals)."""

    day: dt.date
    start: int
    stop: int

    def inside(self, ordinals: npt.NDArray[np.int64]) -> Floats:
        return ((ordinals >= self.start) & (ordinals < self.stop)).astype(float)


@dataclass(frozen=True)
class Rewritten:
    """An event of the record whose ``share`` of the episode's path follows other ``steps``; ``gone``: never was."""

    event_id: str
    share: float
    steps: Steps
    assumption: Assumption
    gone: bool = False


@dataclass(frozen=True)
class Coming:
    """An event outside the record: a ``size`` (mean, sd on the log) times a ``column`` over the H periods.

    Of those with the same ``episode``, only the strongest counts.
    """

    event_id: str
    size: tuple[float, float]
    column: tuple[float, ...]
    episode: tuple[object, ...]


Part = Rewritten | Coming


def merged(coming: Iterable[Coming]) -> list[Part]:
    """Of each episode the strongest event: what begins in one period and pushes one way is not counted twice."""
    groups: dict[tuple[object, ...], list[Coming]] = {}
    for part in coming:
        groups.setdefault(part.episode, []).append(part)
    return [max(group, key=lambda part: part.size[1] * max(map(abs, part.column))) for group in groups.values()]

"""Contributions of events without an estimate in the effect record: the path of each over the periods ahead, and what
licences give back of it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

import numpy as np

from forecast.effects.event_classes import Size
from forecast.interventions import returned
from forecast.timeseries.series import Floats


@dataclass(frozen=True)
class LicenceGrants:
    """Grants under a licence: of an effect at a ``level`` in each of the H periods the share ``approved`` comes back,
    ``times`` over.

    ``times`` is −1 for what is there already.
    """

    level: tuple[float, ...]
    approved: tuple[float, ...]
    times: float = 1.0

    def already(self) -> LicenceGrants:
        """The column in force at the last observation, to be subtracted."""
        return replace(self, times=-self.times)

    def share(self) -> Floats:
        """(H,) what comes back of a small effect, in parts of it at full."""
        return np.asarray(self.times * np.array(self.level) * np.array(self.approved))

    def returned(self, sizes: Floats) -> Floats:
        """(H, n) what comes back, on the log, of n effects of these ``sizes`` at full."""
        return np.asarray(self.times * returned(np.outer(self.level, sizes), np.array(self.approved)[:, None]))


@dataclass(frozen=True)
class NewContribution:
    """An event whose effect the record does not tell: a ``size`` times a ``column`` over the H periods, and what
    licences give back of it.

    ``stated``: the size is what somebody says. Of those with the same ``episode``, only the strongest counts.
    """

    event_id: str
    size: Size
    column: tuple[float, ...]
    episode: tuple[object, ...]
    stated: bool = False
    granted: tuple[LicenceGrants, ...] = ()

    def added(self, sizes: Floats) -> Floats:
        """(H, n) what it adds to the log of n draws, with these ``sizes`` at full."""
        whole: Floats = np.array(self.column)[:, None] * sizes
        return sum((each.returned(sizes) for each in self.granted), whole)

    @property
    def strength(self) -> float:
        """Its spread where it is the strongest."""
        return self.size.sd * float(np.abs(net(np.array(self.column), self.granted)).max())


def net(column: Floats, granted: Iterable[LicenceGrants]) -> Floats:
    """(H,) the levels of a small effect less what comes back of it."""
    return column - sum((each.share() for each in granted), np.zeros(len(column)))


def merged(coming: Iterable[NewContribution]) -> list[NewContribution]:
    """The strongest event of each episode: what begins in one period and pushes one way is not counted twice."""
    groups: dict[tuple[object, ...], list[NewContribution]] = {}
    for contribution in coming:
        groups.setdefault(contribution.episode, []).append(contribution)
    return [max(group, key=lambda contribution: contribution.strength) for group in groups.values()]

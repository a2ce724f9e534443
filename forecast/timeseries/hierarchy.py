"""Groups of series that add up: a parent, the parts of it that are there, and what the parts leave out."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

import numpy as np

from forecast.names import Measure, unservable
from forecast.timeseries.series import Floats, Series


@dataclass(frozen=True)
class Group:
    """A tree of series under ``root``. ``members``: a parent before its parts; ``parts`` of each that has some."""

    root: str
    members: tuple[str, ...]
    parts: Mapping[str, tuple[str, ...]]


def wrong_parent(one: Series, series: Mapping[str, Series]) -> str:
    """Why a series cannot be a part of its parent, as what would have been right; empty if it can.

    ``series``: all series by id, the parent among them.
    """
    parent = series[one.parent]
    if not one.measure.is_additive:
        additive = " or ".join(measure for measure in Measure if measure.is_additive)
        return f"nothing: only series of a {additive} add up, not of a {one.measure}"
    for name in ("measure", "unit", "freq"):
        own, other = getattr(one, name), getattr(parent, name)
        if own != other:
            return f"a parent with the same {name}: {own}, not {other} as {parent.series_id}"
    above = [one.series_id]
    while parent.series_id not in above:
        above.append(parent.series_id)
        if not parent.parent or parent.parent not in series:
            return ""
        parent = series[parent.parent]
    return f"a parent that is no part of the series itself: {' < '.join([*above, parent.series_id])}"


def groups(series: Mapping[str, Series], series_ids: Iterable[str]) -> Iterator[Group]:
    """The groups that hold these series, each once; a series without parent and parts is a group of its own.

    What is no target is never forecast, nor is a series whose id is refused: they are left out, as if they were not
    known.
    """
    targets = {name: one for name, one in series.items() if one.is_target and not unservable(name)}
    below: dict[str, list[str]] = {}
    for name, one in targets.items():
        if one.parent in targets:
            below.setdefault(one.parent, []).append(name)
    done: set[str] = set()
    for name in series_ids:
        root = name
        while root in targets and targets[root].parent in targets:
            root = targets[root].parent
        if root not in done:
            done.add(root)
            members = tuple(_down(root, below))
            yield Group(root, members, {m: tuple(below[m]) for m in members if m in below})


def _down(name: str, below: Mapping[str, list[str]]) -> Iterator[str]:
    yield name
    for part in below.get(name, ()):
        yield from _down(part, below)


def sums(group: Group, open_parents: Iterable[str]) -> tuple[tuple[str, ...], Floats]:
    """What everything is a sum of, and how: names of the K leaves, and S (M, K) with a row for each member.

    Leaves are the members without parts and, for each of ``open_parents``, whose parts leave something out, the rest
    of it, by the name of the parent.
    """
    rests = [name for name in group.members if name in set(open_parents)]
    leaves = [*(name for name in group.members if name not in group.parts), *rests]
    S = np.zeros((len(group.members), len(leaves)))
    for row, member in enumerate(group.members):
        inside = set(_down(member, {name: list(parts) for name, parts in group.parts.items()}))
        S[row] = [leaf in inside for leaf in leaves]
    return tuple(leaves), S

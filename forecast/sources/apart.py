"""Series read apart, so that what is wrong with one of them takes nothing from the others."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

from forecast.errors import LayoutChanged, SourceFailed
from forecast.sources.source import Quote


def each_apart(source: str, keys: Iterable[str], read: Callable[[str], Iterator[Quote]]) -> Iterator[Quote]:
    """What ``read`` gives of each key, and then, as ``SourceFailed``, in which of them the layout changed.

    A publisher that cannot be reached is no matter of one key, and ends it.
    """
    faults = []
    for key in keys:
        try:
            yield from read(key)
        except LayoutChanged as error:
            faults.append(error)
    if len(faults) == 1:
        raise faults[0]
    if faults:
        raise SourceFailed(source, "; ".join(fault.why for fault in faults))

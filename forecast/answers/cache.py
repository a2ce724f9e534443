"""A bounded least-recently-used cache of what answers are computed from, owned by the process that serves.

A key holds all that its value depends on (the run, the edition of the catalogue, the day, the digest of what events of
a kind do), so that a value is never wrong, only forgotten. Without a cache everything is worked out anew.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable
from typing import TypeVar, cast

_T = TypeVar("_T")


class Cache:
    """A least-recently-used cache of bounded size, safe to share between threads.

    The values of one series are its future on a day (what events add to each draw and, once a scenario was asked, its
    draws: .2 MB each for 2000 paths of 24 periods), its forecast for each set of levels, for scenarios its quantiles,
    and the report of its effects; a coherent group has its draws.
    A value is not kept if ``lapses`` has changed since it was begun: something was not to be had for it; nor if its key
    no longer ``holds`` when it is made.
    """

    def __init__(self, entries: int, lapses: Callable[[], int] = lambda: 0) -> None:
        self.entries = entries
        self._lapses = lapses
        self._kept: OrderedDict[Hashable, object] = OrderedDict()
        self._lock = threading.Lock()

    def __len__(self) -> int:
        return len(self._kept)

    def get(self, key: Hashable, make: Callable[[], _T], holds: Callable[[], bool] = lambda: True) -> _T:
        """The value of a key, computed if it is not cached. Threads that ask at once may each compute it; all get the
        first."""
        with self._lock:
            if key in self._kept:
                self._kept.move_to_end(key)
                return cast(_T, self._kept[key])
        before = self._lapses()
        value = make()
        if self._lapses() != before or not holds():
            return value
        with self._lock:
            kept = self._kept.setdefault(key, value)
            self._kept.move_to_end(key)
            while len(self._kept) > self.entries:
                self._kept.popitem(last=False)
        return cast(_T, kept)


#: Keeps nothing.
NOTHING_KEPT = Cache(0)

"""Rates of requests: how many a key or a client has asked in its window, counted by all workers together."""

from __future__ import annotations

import fcntl
import hashlib
import math
import mmap
import os
import re
import struct
import tempfile
import threading
import time
import weakref
from dataclasses import dataclass
from functools import lru_cache

from forecast.settings import OFF

_UNITS = {"second": 1, "minute": 60, "hour": 3600, "day": 86400}
_RATE = re.compile(r"(\d+) ?(?:per|/) ?(\d+)? ?(\w+?)s?")
#: A counter: a mark of who is counted, the moment at which the window ends, and the count; how many there are, and how
#: many are looked at for one that is free.
_COUNTER = struct.Struct("<QdQ")
_COUNTERS, _PROBED = 2**15, 8


@dataclass(frozen=True)
class Rate:
    """So many requests in a window of so many seconds, which begins with the first of them."""

    amount: int
    seconds: int
    text: str

    @classmethod
    def read(cls, text: str) -> Rate | None:
        """A rate as settings have it, such as ``600 per minute``; None for ``off``."""
        if text == OFF or not (found := _RATE.fullmatch(text)):
            return None
        return cls(int(found[1]), int(found[2] or 1) * _UNITS[found[3]], text)


@dataclass(frozen=True, slots=True)
class RateWindow:
    """Where somebody stands in their window: how much was counted, and when it ends (Unix time)."""

    rate: Rate
    count: int
    until: float

    @property
    def exceeded(self) -> bool:
        return self.count > self.rate.amount

    @property
    def seconds_left(self) -> int:
        return max(1, math.ceil(self.until - time.time()))

    @property
    def headers(self) -> tuple[tuple[str, str], ...]:
        """What every answer says of it."""
        left = max(0, self.rate.amount - self.count)
        return (
            ("X-RateLimit-Limit", str(self.rate.amount)),
            ("X-RateLimit-Remaining", str(left)),
            ("X-RateLimit-Reset", str(math.ceil(self.until))),
        )


class Counters:
    """Counts that this process and those that it forks share, in memory of a fixed size.

    The lock is let go by the system when a process is killed, and a counter that nobody needs any more is taken for
    somebody else; where there is none, that whose window ends first.
    """

    def __init__(self) -> None:
        with tempfile.TemporaryFile(prefix="orecast-rates-") as file:
            file.truncate(_COUNTERS * _COUNTER.size)
            self._memory = mmap.mmap(file.fileno(), _COUNTERS * _COUNTER.size)
            self._file = os.dup(file.fileno())
        weakref.finalize(self, os.close, self._file)
        self._threads = threading.Lock()

    def count(self, who: str, rate: Rate) -> RateWindow:
        """One more request of somebody."""
        mark = _mark(who, rate.seconds)
        with self:
            now = time.time()
            at, until, count = self._counter(mark, now)
            if until <= now:
                until, count = now + rate.seconds, 0
            _COUNTER.pack_into(self._memory, at, mark, until, count + 1)
        return RateWindow(rate, count + 1, until)

    def _counter(self, mark: int, now: float) -> tuple[int, float, int]:
        """The place of somebody's counter, and what stands there; of a new one that nothing was counted."""
        free, ends = 0, float("inf")
        for step in range(_PROBED):
            at = (mark + step) % _COUNTERS * _COUNTER.size
            whose, until, count = _COUNTER.unpack_from(self._memory, at)
            if whose == mark:
                return at, until, count
            if until < ends:
                free, ends = at, until
        return free, now, 0

    def __enter__(self) -> None:
        """Wait until no other thread and no other process counts."""
        self._threads.acquire()
        fcntl.lockf(self._file, fcntl.LOCK_EX)

    def __exit__(self, *_: object) -> None:
        fcntl.lockf(self._file, fcntl.LOCK_UN)
        self._threads.release()


@lru_cache(4096)
def _mark(who: str, seconds: int) -> int:
    return int.from_bytes(hashlib.blake2b(f"{who} {seconds}".encode(), digest_size=8).digest(), "little")

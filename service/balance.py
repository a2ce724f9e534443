"""How many connections each worker has, told by each to all: the one with the fewest takes the next."""

from __future__ import annotations

import mmap
import struct

_CELL = struct.Struct("<i")
#: More than there are workers at a time; a worker's cell is that of its age, which is never given twice.
_CELLS = 128


class Balance:
    """Connections by worker, in memory that the processes forked from this one share."""

    def __init__(self) -> None:
        self._memory = mmap.mmap(-1, _CELLS * _CELL.size)

    def say(self, age: int, connections: int) -> None:
        """So many has the worker of this age."""
        _CELL.pack_into(self._memory, age % _CELLS * _CELL.size, connections + 1)

    def forget(self, age: int) -> None:
        """The worker of this age is gone."""
        self.say(age, -1)

    def above_others(self, age: int) -> bool:
        """Whether another worker has fewer connections, by more than one, than that of this age."""
        told: list[int] = [count for (count,) in _CELL.iter_unpack(self._memory)]
        return told[age % _CELLS] > min(filter(None, told), default=0) + 1

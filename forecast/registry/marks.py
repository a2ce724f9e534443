"""A mark of who serves that costs a microsecond: whoever keeps an answer of a run compares two.

It is the time of the file that is locked while a champion changes, set by whoever changes one.
"""

from __future__ import annotations

import os
import time
from collections.abc import Hashable
from pathlib import Path


def note_change(lock: Path) -> None:
    """Let every mark be another from now on: a champion has changed under this lock, which is held."""
    now = time.time_ns()  # two changes within one tick of the system's clock are two all the same
    os.utime(lock, ns=(now, now))


def mark(lock: Path) -> Hashable:
    """What is another as soon as another run serves; what somebody does to the files by hand changes nothing in it."""
    try:
        found = os.stat(lock)
    except OSError:
        return None
    return found.st_mtime_ns, found.st_ino

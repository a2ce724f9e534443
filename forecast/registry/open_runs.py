"""The runs that are held open: those asked for last, as many as memory and descriptors bear."""

from __future__ import annotations

import resource
import threading
from collections import OrderedDict
from pathlib import Path

from forecast.registry.run import Identity, Run, load

#: How many at once: each takes some 100 KB beside what is mapped.
MOST_OPEN = 256


class OpenRuns:
    """Runs by folder, as they were when they were opened. Safe to share between threads."""

    def __init__(self) -> None:
        self._open: OrderedDict[Path, tuple[Identity, Run]] = OrderedDict()
        self._lock = threading.Lock()
        self._mapped = 0  # arrays: each costs a file descriptor, and connections need some too
        self._most_mapped = resource.getrlimit(resource.RLIMIT_NOFILE)[0] // 2

    def get(self, folder: Path, found: Identity) -> Run:
        """The run in a folder whose files are now as ``found`` says."""
        with self._lock:
            held = self._open.get(folder)
            if held and held[0] == found:
                self._open.move_to_end(folder)
                return held[1]
        run = load(folder)
        with self._lock:
            if folder in self._open:
                self._mapped -= self._open.pop(folder)[1].mapped
            self._open[folder] = found, run
            self._mapped += run.mapped
            while len(self._open) > MOST_OPEN or self._mapped > self._most_mapped:
                _, (_, closed) = self._open.popitem(last=False)
                self._mapped -= closed.mapped
        return run

"""Which runs are, byte by byte, what their cards promise; remembered until a file changes, and no longer than an hour.

A file that was written is noticed at once, for nobody can set back the time of its change (``st_ctime``), as they can
that of its content. What rots below the file system changes no time: so each run is read again, some time within the
hour after the last time, by whichever question meets it then. It costs a few milliseconds.
"""

from __future__ import annotations

import time
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from forecast.registry.run import Identity, check, identity

#: Seconds for which the bytes of a run are believed.
BELIEVED = 3600.0


@dataclass(frozen=True)
class _Passed:
    identity: Identity
    unlisted: tuple[str, ...]
    until: float


class RunChecks:
    """The runs that passed. Safe to share between threads; ``clock`` counts seconds."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._passed: dict[Path, _Passed] = {}

    def passed(self, folder: Path) -> Identity:
        """What the files of a run are now. Raises ``CorruptArtifact`` unless they are what its card promises."""
        return self._of(folder).identity

    def unlisted(self, folder: Path) -> tuple[str, ...]:
        """The files in the folder of a run that its card does not list: nothing opens them. Raises as ``passed``."""
        return self._of(folder).unlisted

    def forget(self) -> None:
        """Believe nothing any more: what is asked next is read."""
        self._passed.clear()

    def _of(self, folder: Path) -> _Passed:
        found, now = identity(folder), self._clock()
        known = self._passed.get(folder)
        if known is None or known.identity != found or now >= known.until:
            listed = check(folder)
            unlisted = tuple(name for name, *_ in found if name not in listed)
            # Not all of them at once, an hour after a start.
            believed = BELIEVED * (0.5 + zlib.crc32(str(folder).encode()) / 2**33)
            known = self._passed[folder] = _Passed(found, unlisted, now + believed)
        return known

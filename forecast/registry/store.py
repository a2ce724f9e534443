"""The runs of every series: save, serve, promote, roll back.

::

    models/<series>/<run>/     one run, see ``run``
    models/<series>/champion   one line: which run serves, and its copy, see ``champion_line``
    models/classes.json        what was worked out from all champions together; gone as soon as one changes
    models/.locks/             a file a series, and one for the folder; only writers take them

A run is written to a temporary folder, synced and renamed; nothing is ever rewritten in place, because a file
that shrinks while it is mapped kills the process that maps it. A killed save leaves a temporary folder only, and
the next one sweeps it. Whoever reads the champion line and then writes it holds the lock of the series.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import tempfile
from collections.abc import Callable, Hashable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import numpy as np

from forecast import names
from forecast.errors import Busy, CorruptArtifact, Damaged, Fault, InvalidInput, NotFound, NotTrained, Unservable
from forecast.files import locked, sync_folder
from forecast.registry import marks
from forecast.registry.card import Card
from forecast.registry.champion_line import LINE, ChampionLine, incomplete, lost
from forecast.registry.checks import RunChecks
from forecast.registry.faults import FaultKind, StoredFault
from forecast.registry.open_runs import OpenRuns
from forecast.registry.past import PastForecasts, load_past
from forecast.registry.run import Payload, Run, load, load_fitted, read_card, write

_REMEMBERED = 12  # champions that a rollback can go back to
_PATIENCE = 60.0  # seconds to wait for a lock: who holds one writes, and computes nothing
_LOCKS = ".locks"  # no name of a series begins with a dot
#: What readers worked out from all champions together, in the folder of all series.
CLASSES_FILE = "classes.json"

_T = TypeVar("_T")


@dataclass(frozen=True)
class RunSummary:
    """A row of the list of runs; ``fault`` says why a run cannot be served, else it is empty."""

    series_id: str
    run_id: str
    champion: bool
    family: str = ""
    trained_at: str = ""
    as_of: str = ""
    last: str = ""
    fault: str = ""


class Registry:
    """The runs under one folder. Safe to share between threads and processes."""

    def __init__(self, root: Path) -> None:
        self.root = Path(root)
        self._lock_of_all = self.root / _LOCKS / ".all"
        self._open = OpenRuns()
        self._checks = RunChecks()

    def save(self, series_id: str, run_id: str, card: Card, payload: Payload) -> Path:
        """Store a run whole and return its folder; a good run of the same id is left as it is.

        ``run_id`` is derived from the inputs, so that the same id means the same run. Raises ``ValueError`` for
        draws that are not a finite (n, H), or ``trade`` of another shape.
        """
        folder, draws, trade = self._folder(series_id, run_id), payload.draws, payload.trade
        if draws.ndim != 2 or not np.isfinite(draws).all():
            raise ValueError(f"draws of {series_id} must be a finite (n, H), not {draws.shape}")
        if trade is not None and trade.shape != draws.shape:
            raise ValueError(f"trade of {series_id} must be {draws.shape} as its draws are, not {trade.shape}")
        if self._is_good(folder):
            return folder
        with self.lock(series_id):
            folder.parent.mkdir(parents=True, exist_ok=True)
            _sweep(folder.parent)
            if self._is_good(folder):  # somebody else saved the same run meanwhile
                return folder
            building = Path(tempfile.mkdtemp(prefix=".save-", dir=folder.parent))
            try:
                write(building, card, payload)
                self._install(building, folder)
            finally:
                shutil.rmtree(building, ignore_errors=True)
        return folder

    def get(self, series_id: str, run_id: str) -> Run:
        """One run. Raises ``NotFound``, or ``CorruptArtifact`` when its files are not what its card promises."""
        folder = self._existing(series_id, run_id)
        self._checks.passed(folder)
        return load(folder)

    def past_forecasts(self, series_id: str, run_id: str) -> PastForecasts | None:
        """What a run forecast from past periods; None where that was not tested or not kept. Raises as ``get`` does."""
        folder = self._existing(series_id, run_id)
        self._checks.passed(folder)
        return load_past(folder, read_card(folder))

    def fitted(self, series_id: str, run_id: str) -> object:
        """The fitted values of a run, for jobs: verified, then unpickled."""
        folder = self._existing(series_id, run_id)
        self._checks.passed(folder)
        return load_fitted(folder)

    def champion(self, series_id: str) -> Run:
        """The run that serves, from memory while its files do not change.

        If the champion is corrupt, the last good run before it serves, else any other, one that was declined last of
        all; ``faults`` says so. Raises ``Damaged`` when none of them is good, and ``NotTrained`` when there is none.
        """
        return self._first_good(series_id, self._opened)

    def serving_id(self, series_id: str) -> str:
        """Id of the run that serves, found without reading it; raises as ``champion`` does."""

        def checked(folder: Path) -> str:
            self._checks.passed(folder)
            return folder.name

        return self._first_good(series_id, checked)

    def champion_id(self, series_id: str) -> str | None:
        """Id of the promoted run, good or not; None before the first promotion."""
        return next(iter(self._champions(series_id)), None)

    def champions(self) -> dict[str, str]:
        """The promoted run of each series that has one, good or not."""
        found = ((series_id, self.champion_id(series_id)) for series_id in self._trained())
        return {series_id: run_id for series_id, run_id in found if run_id is not None}

    def lock(self, series_id: str, timeout: float = _PATIENCE) -> AbstractContextManager[None]:
        """The lock of a series: held from the reading to the writing of what serves, in all threads and processes.

        May be taken again by the thread that holds it. Raises ``Busy``.
        """
        return _held(self.root / _LOCKS / _checked("series_id", series_id, names.series_id), timeout)

    def lock_all(self) -> AbstractContextManager[None]:
        """The lock of what all champions together are: while it is held none changes. Never take a series' in it."""
        return _held(self._lock_of_all)

    def promote(self, series_id: str, run_id: str) -> None:
        """Let a run serve, from the next request on. Raises ``NotFound`` or ``CorruptArtifact``."""
        self._checks.passed(self._existing(series_id, run_id))
        with self.lock(series_id):
            before = [name for name in self._champions(series_id) if name != run_id]
            declined = [name for name in self.declined(series_id) if name != run_id]
            self._write_champions(series_id, [run_id, *before], declined)

    def rollback(self, series_id: str) -> str:
        """Let the champion before serve again; returns its id. Raises ``NotFound`` when there is none left.

        The one that served is declined: no training of the same inputs brings it back.
        """
        with self.lock(series_id):
            now, *before = self._champions(series_id) or [""]
            refused = self.declined(series_id)
            while before and (before[0] in refused or not self._is_good(self.root / series_id / before[0])):
                before = before[1:]
            if not before:
                raise NotFound("earlier champion of", series_id, rule="a series that had another champion before")
            self._write_champions(series_id, before, [*self.declined(series_id), now])
        return before[0]

    def decline(self, series_id: str, run_id: str) -> None:
        """Remember that a run must not serve unless it is promoted by name."""
        self._folder(series_id, run_id)
        with self.lock(series_id):
            declined = [name for name in self.declined(series_id) if name != run_id]
            now, *before = self._champions(series_id) or [""]
            champions = [now, *(name for name in before if name != run_id)]
            self._write_champions(series_id, champions, [*declined, run_id])

    def declined(self, series_id: str) -> tuple[str, ...]:
        """Runs that were rolled back or held back, the latest last."""
        return self._line(series_id).declined

    def sweep(self) -> None:
        """Remove what killed processes left, and write a champion line or its copy where one of the two is lost; what a
        process that lives is about to write stays.
        """
        for series_id in self._trained():
            folder = self.root / series_id
            if any(folder.glob(".*")) or incomplete(folder):
                with contextlib.suppress(Busy), self.lock(series_id, timeout=0.0):
                    _sweep(folder)
                    if incomplete(folder):
                        ChampionLine.read(folder).write(folder)
        if any(self.root.glob(f".{CLASSES_FILE}.*")):
            with self.lock_all():
                _sweep(self.root, f".{CLASSES_FILE}.*")

    def runs(self, series_id: str | None = None) -> list[RunSummary]:
        """All runs, by series, the newest first."""
        some = [series_id] if series_id is not None else self._trained()
        return [summary for name in some for summary in self._summaries(name)]

    def faults(self, *, thorough: bool = False) -> tuple[StoredFault, ...]:
        """What is wrong with champions, why, and what serves instead; reads only files that changed, or that were not
        read for an hour.

        ``thorough``: with every run, and each byte of it is read now.
        """
        if thorough:
            self._checks.forget()
        return tuple(fault for series_id in self._trained() for fault in self._faults(series_id, thorough))

    def mark(self) -> Hashable:
        """What is another as soon as another run serves, found by one look at a file; damage to runs is not in it."""
        return marks.mark(self._lock_of_all)

    # -- names and lines -------------------------------------------------------------------------------------------

    def _trained(self) -> list[str]:
        """The series that have a folder."""
        return _folders(self.root, lambda name: not names.unservable(name))

    def _runs(self, series_id: str) -> list[str]:
        """The runs that have a folder; none of a series that can have none itself."""
        return [] if names.unservable(series_id) else _folders(self.root / series_id, names.is_run_id)

    def _series_folder(self, series_id: str) -> Path:
        return self.root / _checked("series_id", series_id, names.series_id)

    def _folder(self, series_id: str, run_id: str) -> Path:
        return self._series_folder(series_id) / _checked("run", run_id, names.run_id)

    def _existing(self, series_id: str, run_id: str) -> Path:
        folder = self._folder(series_id, run_id)
        if not folder.is_dir() and run_id not in self._champions(series_id):
            raise NotFound("run", run_id, self._runs(series_id))
        return folder

    def _line(self, series_id: str) -> ChampionLine:
        return ChampionLine() if names.unservable(series_id) else ChampionLine.read(self.root / series_id)

    def _champions(self, series_id: str) -> list[str]:
        return _named(self._line(series_id))

    def _write_champions(self, series_id: str, run_ids: list[str], declined: list[str]) -> None:
        """Write the line, under the lock of the series. What was declined is remembered while it can be read."""
        folder, there = self._series_folder(series_id), set(self._runs(series_id))
        if (folder / LINE).is_dir():
            raise CorruptArtifact(f"{series_id}/{LINE}", "it is a folder where a file belongs")
        kept = [name for name in declined[:-_REMEMBERED] if name in there] + declined[-_REMEMBERED:]
        serving = [name for name in run_ids if names.is_run_id(name)][: _REMEMBERED + 1]
        line = ChampionLine(tuple(serving), tuple(name for name in kept if names.is_run_id(name)))
        with self.lock_all():
            if self._champions(series_id)[:1] != serving[:1]:
                (self.root / CLASSES_FILE).unlink(missing_ok=True)
            line.write(folder)
            marks.note_change(self._lock_of_all)

    def _candidates(self, series_id: str) -> Iterator[str]:
        """The champion, the champions before it, then, rather than nothing, any other run: the newest first, and what
        was declined last.
        """
        line = self._line(series_id)
        champions = _named(line)
        first = [name for name in champions[:1] if name not in line.declined]
        yield from first  # as a rule it is the one, and nobody has to look for others
        if champions:
            others = [name for name in reversed(self._runs(series_id)) if name not in champions]
            yield from sorted([*champions[len(first) :], *others], key=line.declined.__contains__)

    def _first_good(self, series_id: str, use: Callable[[Path], _T]) -> _T:
        """What is made of the first run, of those that may serve, that is not corrupt."""
        if rule := names.unservable(series_id):
            raise Unservable(series_id, rule)
        why = []
        for run_id in self._candidates(series_id):
            try:
                return use(self.root / series_id / run_id)
            except CorruptArtifact as error:
                why.append(str(error))
        raise Damaged(series_id, why) if why else NotTrained(series_id)

    def _faults(self, series_id: str, every_run: bool) -> Iterator[StoredFault]:
        line = self._line(series_id)
        champions = _named(line)
        if line.fault:
            read = f"its copy is read; {self._substitute(series_id)}" if line.copied else self._substitute(series_id)
            why = f"{series_id}: corrupt artifact {series_id}/{LINE}: {line.fault}; {read}"
            yield StoredFault(FaultKind.CHAMPION_LINE, why)
        elif why := self._lost(series_id):
            yield StoredFault(FaultKind.CHAMPION_LINE, f"{series_id}: {why}; serving nothing")
        others = [name for name in self._runs(series_id) if name not in champions[:1]] if every_run else []
        for run_id in [*(champions[:1] if line.champions else ()), *others]:
            folder = self.root / series_id / run_id
            try:
                for name in self._checks.unlisted(folder):
                    why = f"{series_id}: {series_id}/{run_id}/{name}: its card does not list it, and nothing opens it"
                    yield StoredFault(FaultKind.UNLISTED, why)
            except CorruptArtifact as error:
                why = f"{series_id}: {error}" + ("" if run_id in others else f"; {self._substitute(series_id)}")
                yield StoredFault(FaultKind.RUN, why)

    def _lost(self, series_id: str) -> str:
        """Why nothing says which run serves though there are some; empty where it is said, or where none is there."""
        there = self._runs(series_id) if lost(self.root / series_id) else []
        return f"{series_id}/{LINE} and its copy are missing, and {', '.join(there)} is there" if there else ""

    def _substitute(self, series_id: str) -> str:
        try:
            run_id = self.serving_id(series_id)
        except Damaged:
            return "serving nothing"
        return f"serving {run_id}" + (", which was declined" if run_id in self.declined(series_id) else "")

    def _summaries(self, series_id: str) -> list[RunSummary]:
        champion, rows = self.champion_id(series_id), []
        for run_id in self._runs(series_id):
            folder = self.root / series_id / run_id
            facts: dict[str, str] = {}
            try:
                card = read_card(folder)
                facts |= {"trained_at": card.trained_at.isoformat(), "as_of": card.as_of.isoformat()}
                facts |= {"family": card.champion_family, "last": card.data.last.isoformat()}
                self._checks.passed(folder)
            except CorruptArtifact as error:
                facts |= {"fault": str(error)}
            rows.append(RunSummary(series_id, run_id, run_id == champion, **facts))
        return sorted(rows, key=lambda row: (row.trained_at, row.run_id), reverse=True)

    # -- verify, then read -----------------------------------------------------------------------------------------

    def _opened(self, folder: Path) -> Run:
        return self._open.get(folder, self._checks.passed(folder))

    def _is_good(self, folder: Path) -> bool:
        try:
            self._checks.passed(folder)
        except CorruptArtifact:
            return False
        return True

    def _install(self, building: Path, folder: Path) -> None:
        """Rename a finished run to its place; a broken run that stands there makes room."""
        if folder.is_dir():
            broken = Path(tempfile.mkdtemp(prefix=".broken-", dir=folder.parent))
            folder.rename(broken / folder.name)
            building.rename(folder)
            shutil.rmtree(broken, ignore_errors=True)  # whoever has mapped it keeps what it mapped
        else:
            building.rename(folder)
        sync_folder(folder.parent)


def _named(line: ChampionLine) -> list[str]:
    """The champions of a line; one without any name is damage to report, not a series that was never trained."""
    return list(line.champions) or (["?"] if line.fault and not line.declined else [])


@contextmanager
def _held(path: Path, timeout: float = _PATIENCE) -> Iterator[None]:
    with ExitStack() as stack:
        try:
            stack.enter_context(locked(path, timeout))
        except TimeoutError:
            raise Busy(str(path), timeout) from None
        yield


def _sweep(folder: Path, pattern: str = ".*") -> None:
    """Remove the remains of killed processes: runs half written, files not renamed. Only under the lock that their
    writer would hold."""
    for left in folder.glob(pattern):
        with contextlib.suppress(OSError):
            shutil.rmtree(left) if left.is_dir() else left.unlink()


def _checked(where: str, name: str, parse: Callable[[str], str]) -> str:
    try:
        return parse(name)
    except names.BadName as error:
        raise InvalidInput(Fault(where, name, str(error))) from None


def _folders(parent: Path, is_name: Callable[[str], bool]) -> list[str]:
    if not parent.is_dir():
        return []
    return sorted(entry.name for entry in os.scandir(parent) if entry.is_dir() and is_name(entry.name))

"""What can be wrong with what is served, by kind: what an operator does about it depends on that alone."""

from __future__ import annotations

from enum import StrEnum


class FaultKind(StrEnum):
    """A kind of fault; docs/operations.md says what to do about each."""

    CATALOGUE = "catalogue"  # its database is away
    CHAMPION_LINE = "champion-line"  # the file that says which run serves
    RUN = "run"  # a champion is not what its card promises
    UNLISTED = "unlisted-file"  # a file in a run that its card does not list
    EVENT_CLASSES = "event-classes"  # what events of a kind do, worked out from all champions
    DIVERSION = "diversion"  # a group of flows by partner
    SILENT = "silent"  # a sound run that gives no forecast today
    NAME = "name"  # a series whose id no run can have
    ROW = "row"  # a row of the database that cannot be what was written


class StoredFault(str):
    """A sentence that says what is wrong, and of what ``kind`` that is."""

    kind: FaultKind

    def __new__(cls, kind: FaultKind, sentence: str) -> StoredFault:
        fault = super().__new__(cls, sentence)
        fault.kind = kind
        return fault

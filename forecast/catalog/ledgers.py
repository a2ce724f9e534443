"""What a catalogue keeps beside series, observations and events: each ledger has an object of its own."""

from __future__ import annotations

from forecast.catalog.audit import Audit
from forecast.catalog.engine import Database
from forecast.catalog.fetches import Fetches
from forecast.catalog.idempotency import Idempotency
from forecast.catalog.inbox import Inbox
from forecast.catalog.job_ends import JobEnds
from forecast.catalog.job_requests import JobRequests
from forecast.catalog.keys import Keys
from forecast.catalog.memory import Memory
from forecast.catalog.quarantine import Quarantine
from forecast.catalog.row_faults import RowFault


class Ledgers:
    """The ledgers of a database, in the hands of somebody: ``by`` is who writes, as the audit names them."""

    def __init__(self, database: Database, by: str) -> None:
        self._database, self._by = database, by
        self._memory = Memory(database)

    @property
    def quarantine(self) -> Quarantine:
        """The values that are held back."""
        return Quarantine(self._database)

    @property
    def fetches(self) -> Fetches:
        """How the public sources did."""
        return Fetches(self._database)

    @property
    def job_ends(self) -> JobEnds:
        """How the jobs of the worker ended."""
        return JobEnds(self._database)

    @property
    def keys(self) -> Keys:
        """The keys of those who may ask over HTTP."""
        return Keys(self._database, self._by, self._memory)

    @property
    def audit(self) -> Audit:
        """Every change, and who made it."""
        return Audit(self._database, self._by)

    @property
    def idempotency(self) -> Idempotency:
        """Requests that must not be carried out twice."""
        return Idempotency(self._database)

    @property
    def job_requests(self) -> JobRequests:
        """Work that was asked of the worker."""
        return JobRequests(self._database, self._by)

    @property
    def inbox(self) -> Inbox:
        """What official notices suggest as events."""
        return Inbox(self._database)

    @property
    def row_faults(self) -> tuple[RowFault, ...]:
        """The rows, of those that were read since the last change, that cannot be what was written and do not count."""
        return tuple(self._memory.facts().faults.values())

    @property
    def noted_row_faults(self) -> tuple[RowFault, ...]:
        """Those of the same that were met so far, without a look at the database."""
        return self._memory.noted

"""Requests that must not be carried out twice: known by who sent them and the key that they gave, for a day.

Whoever carries one out claims it first, and keeps its answer in the transaction of the write itself: either both are
there or neither, whatever is killed when. A claim whose holder was killed is free again after a while; a holder that
was only slow then finds that it has lost its claim, and writes nothing.
"""

from __future__ import annotations

import json
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from sqlalchemy import ColumnElement, Row, delete, insert, select, update

from forecast.catalog.engine import Database
from forecast.catalog.schema import IDEMPOTENCY, stored_moment
from forecast.errors import InProgress, KeyReused

#: How long an answer is kept, and how long a claim holds.
ANSWER_KEPT, CLAIM_HOLDS = timedelta(hours=24), timedelta(seconds=60)


@dataclass(frozen=True)
class KeyedRequest:
    """A request by who sent it, the key that they gave, and the digest of all that it says."""

    caller: str
    key: str
    digest: str


@dataclass(frozen=True)
class KeptAnswer:
    """What a request was answered with."""

    status: int
    body: str
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Claim:
    """The right to carry a request out; ``before``: what was found when it was first begun."""

    request: KeyedRequest
    token: str
    before: str


class Idempotency:
    """The requests of one catalogue; reads and writes as the catalogue does."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def claim(self, request: KeyedRequest, now: datetime, *, before: str = "", wait: float) -> KeptAnswer | Claim:
        """The answer that a request got, or the right to carry it out.

        ``before``: what is found now that it changes. Raises ``KeyReused`` where the key was sent with another request,
        ``InProgress`` where somebody carries it out, ``Locked`` and ``Unavailable``.
        """
        place = (IDEMPOTENCY.c.caller == request.caller) & (IDEMPOTENCY.c.key == request.key)
        query = select(IDEMPOTENCY).where(place)
        # Looked up without the lock of writers: who has it may be carrying out this very request.
        found = self._database.read(lambda connection: connection.execute(query).first())
        if (answer := _known(found, request, now)) is not None:
            return answer
        with self._database.writing(wait) as connection:
            connection.execute(delete(IDEMPOTENCY).where(IDEMPOTENCY.c.since < stored_moment(now - ANSWER_KEPT)))
            found = connection.execute(query).first()
            if (answer := _known(found, request, now)) is not None:
                return answer
            claim = Claim(request, secrets.token_hex(16), before if found is None else found.before)
            mine = {"token": claim.token, "since": stored_moment(now), "before": claim.before}
            if found is None:
                of = {"caller": request.caller, "key": request.key, "digest": request.digest}
                connection.execute(insert(IDEMPOTENCY), of | mine)
            else:
                connection.execute(update(IDEMPOTENCY).where(place).values(mine))
        return claim

    def keep(self, claim: Claim, answer: KeptAnswer) -> None:
        """Keep the answer of a claim. Raises ``InProgress`` where another one has taken it meanwhile."""
        kept = {"status": answer.status, "body": answer.body, "headers": json.dumps(dict(answer.headers))}
        with self._database.writing() as connection:
            if connection.execute(update(IDEMPOTENCY).where(_of(claim)).values(kept)).rowcount != 1:
                raise InProgress(claim.request.key, int(CLAIM_HOLDS.total_seconds()))

    def release(self, claim: Claim, *, wait: float) -> None:
        """Let a request that came to nothing be carried out again at once."""
        with self._database.writing(wait) as connection:
            connection.execute(delete(IDEMPOTENCY).where(_of(claim) & IDEMPOTENCY.c.status.is_(None)))


def _of(claim: Claim) -> ColumnElement[bool]:
    of_request = (IDEMPOTENCY.c.caller == claim.request.caller) & (IDEMPOTENCY.c.key == claim.request.key)
    return of_request & (IDEMPOTENCY.c.token == claim.token)


def _known(found: Row[*tuple[object, ...]] | None, request: KeyedRequest, now: datetime) -> KeptAnswer | None:
    """The answer that a request has; None for one that nobody has begun, or whose claim is over."""
    if found is None:
        return None
    row = found._mapping
    age = now - row["since"].replace(tzinfo=UTC)
    if age >= ANSWER_KEPT:
        return None
    if row["digest"] != request.digest:
        raise KeyReused(request.key)
    if row["status"] is not None:
        return KeptAnswer(row["status"], row["body"], json.loads(row["headers"]))
    if age < CLAIM_HOLDS:
        raise InProgress(request.key, int((CLAIM_HOLDS - age).total_seconds()) + 1)
    return None

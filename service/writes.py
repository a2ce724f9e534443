"""Writes: each is one transaction with the answer that it got, so that a request that is sent again writes nothing.

A client that gives an ``Idempotency-Key`` (draft-ietf-httpapi-idempotency-key-header) may send its request again when
it got no answer. Only what was written is kept: a refusal changed nothing, and is judged anew.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field

from flask import Response, request

from forecast.answers.model import Answer
from forecast.catalog import Catalog
from forecast.catalog.idempotency import Claim, KeptAnswer, KeyedRequest
from forecast.errors import Fault, InvalidInput, Unavailable
from service import security
from service.context import Context
from service.encoding import to_json

KEY, REPLAYED = "Idempotency-Key", "Idempotency-Replayed"
#: Seconds that a write waits for another one before it is refused: a thread waits with it.
WRITE_WAIT = 5.0
_KEY = re.compile(r'"?([\x21\x23-\x7e]{1,255})"?')


@dataclass(frozen=True)
class Written:
    """The answer to a write, its status, and where what it made is found."""

    answer: Answer
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)


def write(context: Context, change: Callable[[Catalog, str], Written], *, before: str = "") -> Response:
    """Carry a request out in one transaction, or give the answer that it got before.

    ``change`` is given the catalogue of the transaction, and what ``before`` was when the request was first begun.
    Raises ``Locked``, ``InProgress`` and ``KeyReused`` beside what ``change`` does.
    """
    catalog = context.catalog.acting(security.asking().id)
    asked = _keyed()
    if asked is None:
        with catalog.transaction(WRITE_WAIT) as inside:
            made = _kept(change(inside, before))
        return _response(made)
    claim = catalog.idempotency.claim(asked, context.clock(), before=before, wait=WRITE_WAIT)
    if isinstance(claim, KeptAnswer):
        return _response(claim, replayed=True)
    try:
        with catalog.transaction(WRITE_WAIT) as inside:
            made = _kept(change(inside, claim.before))
            inside.idempotency.keep(claim, made)
    except Exception:
        _release(catalog, claim)
        raise
    return _response(made)


def _release(catalog: Catalog, claim: Claim) -> None:
    with suppress(Unavailable):  # else the claim is over by itself, a minute later
        catalog.idempotency.release(claim, wait=WRITE_WAIT)


def _keyed() -> KeyedRequest | None:
    """The request by its key, if it has one; all that it says is in its digest."""
    given = request.headers.get(KEY)
    if given is None:
        return None
    key = _KEY.fullmatch(given.strip())
    if key is None:
        raise InvalidInput(Fault(f"header.{KEY}", given[:300], "1 to 255 visible characters of ASCII, such as a UUID"))
    said = (request.method, request.path, request.query_string.decode("latin-1"), request.mimetype)
    return KeyedRequest(security.asking().id, key[1], request_digest(said, request.get_data()))


def request_digest(said: tuple[str, str, str, str], body: bytes) -> str:
    """The digest of a request by its method, path, query and type of body, and the body."""
    return hashlib.sha256(to_json(said) + body).hexdigest()


def _kept(written: Written) -> KeptAnswer:
    return KeptAnswer(written.status, to_json(written.answer.json_object()).decode(), written.headers)


def _response(answer: KeptAnswer, *, replayed: bool = False) -> Response:
    response = Response(answer.body, status=answer.status, mimetype="application/json", headers=dict(answer.headers))
    response.headers["Cache-Control"] = "no-store"
    if replayed:
        response.headers[REPLAYED] = "true"
    return response

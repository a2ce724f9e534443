"""Keys of those who may ask over HTTP: what each may do, until when, and the digest of its secret, which is nowhere.

A key as it is shown once is a token ``orecast_<id>_<secret>``: the id finds its row, so that no list of digests is
searched, and by the prefix programs that look for secrets know one.
"""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets
from collections.abc import Collection
from dataclasses import dataclass
from datetime import UTC, datetime

from sqlalchemy import Row, insert, select, update

from forecast.catalog import audit
from forecast.catalog.audit import AuditAction, AuditedChange
from forecast.catalog.engine import Database
from forecast.catalog.memory import Memory
from forecast.catalog.schema import API_KEYS, stored_moment
from forecast.errors import Fault, InvalidInput, NotFound
from forecast.settings import OFF, Scope, rate

#: Cost of scrypt, by RFC 7914: 16 MB and some 0.1 s a guess; bytes of secret, salt and digest.
_N, _R, _P = 2**14, 8, 1
_SECRET, _SALT, _DIGEST = 24, 16, 32
_TOKEN = re.compile(r"orecast_([0-9a-f]{12})_[0-9a-f]{48}")
_ANY_TOKEN = re.compile(r"(orecast_[0-9a-f]{12}_)[0-9A-Za-z]+")
_NAME = re.compile(r"[^\W_][\w .@-]{0,59}")


@dataclass(frozen=True)
class Key:
    """A key without its secret: a name for people, what it may do, its rate of requests (empty: that of the settings),
    who made it, and until when (UTC) it holds."""

    key_id: str
    name: str
    scopes: tuple[Scope, ...]
    rate: str
    digest: str
    created: datetime
    created_by: str
    expires: datetime | None = None
    revoked: datetime | None = None
    revoked_by: str = ""

    @property
    def told_as(self) -> str:
        """What the audit and the log say of whoever has it."""
        return f"{self.name} (key {self.key_id})"

    def status(self, now: datetime) -> str:
        """``valid``, ``expired`` or ``revoked``."""
        if self.revoked is not None:
            return "revoked"
        return "valid" if self.expires is None or now < self.expires else "expired"

    def fits(self, token: str) -> bool:
        """Whether a token is this key; takes some 0.1 s and 16 MB if it is, and of wrong ones for one in 65,536."""
        salt, short, digest = self.digest.split(":")
        return short == _short(token) and hmac.compare_digest(_derived(token, bytes.fromhex(salt)).hex(), digest)


@dataclass(frozen=True)
class KeyOrder:
    """What a new key is to be. Raises ``InvalidInput``."""

    name: str
    scopes: Collection[Scope]
    expires: datetime | None = None
    rate: str = ""

    def __post_init__(self) -> None:
        faults = []
        try:
            rate(self.rate or OFF)
        except ValueError as error:
            faults.append(Fault("rate", self.rate, str(error)))
        if not _NAME.fullmatch(self.name):
            faults.append(Fault("name", self.name, "1 to 60 letters, digits, spaces and .@_-, a letter or digit first"))
        if not self.scopes:
            faults.append(Fault("scopes", "", f"at least one of {', '.join(Scope)}"))
        if faults:
            raise InvalidInput(faults)


class Keys:
    """The keys of one catalogue; reads and writes as the catalogue does. ``by``: who creates and revokes; ``memory``:
    what knows whether the database is away, so that looking for a key does not wait for it each time."""

    def __init__(self, database: Database, by: str, memory: Memory) -> None:
        self._database, self._by, self._memory = database, by, memory

    def create(self, order: KeyOrder, now: datetime) -> tuple[Key, str]:
        """A new key, and its token, which cannot be had again. Raises ``InvalidInput`` for one that is over already."""
        if order.expires is not None and order.expires <= now:
            raise InvalidInput(Fault("expires", order.expires.isoformat(), f"a moment after {now:%Y-%m-%dT%H:%M}Z"))
        key_id, salt = secrets.token_hex(6), secrets.token_bytes(_SALT)
        token = f"orecast_{key_id}_{secrets.token_hex(_SECRET)}"
        scopes = tuple(scope for scope in Scope if scope in order.scopes)
        digest = f"{salt.hex()}:{_short(token)}:{_derived(token, salt).hex()}"
        key = Key(key_id, order.name, scopes, order.rate, digest, now, self._by, order.expires)
        with self._database.writing() as connection:
            connection.execute(insert(API_KEYS), _row(key))
            after = {"name": key.name, "scopes": key.scopes, "expires": key.expires, "rate": key.rate}
            made = {name: fact for name, fact in after.items() if fact}
            audit.write(connection, self._by, now, [AuditedChange(AuditAction.KEYS_CREATE, key_id, {}, made)])
        return key, token

    def revoke(self, key_id: str, now: datetime) -> Key:
        """Let a key hold no more; one that was revoked stays as it is. Raises ``NotFound``."""
        with self._database.writing() as connection:
            found = {row.key_id: _key(row) for row in connection.execute(select(API_KEYS))}
            if key_id not in found:
                raise NotFound("key", key_id, found)
            if found[key_id].revoked is not None:
                return found[key_id]
            place = API_KEYS.c.key_id == key_id
            connection.execute(update(API_KEYS).where(place).values(revoked=stored_moment(now), revoked_by=self._by))
            was = {"status": found[key_id].status(now)}
            change = AuditedChange(AuditAction.KEYS_REVOKE, key_id, was, {"status": "revoked"})
            audit.write(connection, self._by, now, [change])
        return self.all()[key_id]

    def all(self) -> dict[str, Key]:
        """Every key there ever was by its id, in order of making."""
        query = select(API_KEYS).order_by(API_KEYS.c.created, API_KEYS.c.key_id)
        rows = self._database.read(lambda connection: connection.execute(query).all())
        return {row.key_id: _key(row) for row in rows}

    def find(self, key_id: str) -> Key | None:
        """The key of an id, by one look at its row."""
        query = select(API_KEYS).where(API_KEYS.c.key_id == key_id)
        row = self._memory.ask(lambda connection: connection.execute(query).first())
        return None if row is None else _key(row)


def id_in(token: str) -> str | None:
    """The id in a text that is formed as a token, whether or not there is such a key."""
    found = _TOKEN.fullmatch(token)
    return found[1] if found else None


def without_secrets(text: str) -> str:
    """A text in which of each token only the id is left."""
    return _ANY_TOKEN.sub(r"\1***", text)


def _short(token: str) -> str:
    """16 bits of a token, which tell nothing of the 192 of its secret: most guesses are refused before they cost."""
    return hashlib.sha256(token.encode()).hexdigest()[:4]


def _derived(token: str, salt: bytes) -> bytes:
    return hashlib.scrypt(token.encode(), salt=salt, n=_N, r=_R, p=_P, maxmem=256 * _N * _R, dklen=_DIGEST)


def _row(key: Key) -> dict[str, object]:
    return {
        "key_id": key.key_id,
        "name": key.name,
        "scopes": " ".join(key.scopes),
        "rate": key.rate,
        "digest": key.digest,
        "created": stored_moment(key.created),
        "created_by": key.created_by,
        "expires": key.expires and stored_moment(key.expires),
        "revoked": None,
        "revoked_by": "",
    }


def _key(row: Row[*tuple[object, ...]]) -> Key:
    cells = row._mapping
    return Key(
        cells["key_id"],
        cells["name"],
        tuple(Scope(word) for word in cells["scopes"].split()),
        cells["rate"],
        cells["digest"],
        cells["created"].replace(tzinfo=UTC),
        cells["created_by"],
        cells["expires"] and cells["expires"].replace(tzinfo=UTC),
        cells["revoked"] and cells["revoked"].replace(tzinfo=UTC),
        cells["revoked_by"],
    )

"""The gate: who may ask what, and how often. It knows nothing of Flask, so that whatever takes requests can ask it."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Mapping, MutableMapping
from dataclasses import dataclass
from functools import cached_property
from http import HTTPStatus
from typing import TYPE_CHECKING

from forecast.catalog.keys import Key, id_in
from forecast.settings import Auth, Networks, Scope, Settings
from service.clients import client, counted_as, from_this_machine
from service.credentials import Credentials
from service.rates import Counters, Rate, RateWindow

if TYPE_CHECKING:
    from service.problems import ProblemKind

Headers = tuple[tuple[str, str], ...]

#: What anybody may do where reading is open; whatever changes something needs a key all the same.
OPEN_TO_ALL = frozenset({Scope.READ, Scope.SCENARIO})
#: Where in the environment of a request the gate keeps what it said of it.
ADMITTED = "orecast.admitted"


@dataclass(frozen=True, slots=True)
class Caller:
    """Who asks: the holder of a ``key``, or without one an address; what they may do, and how much they asked.

    ``id``: what the audit and the log call them.
    """

    id: str
    address: str
    scopes: frozenset[Scope]
    key: Key | None = None
    window: RateWindow | None = None

    @property
    def headers(self) -> Headers:
        """What their answer says of their rate."""
        return () if self.window is None else self.window.headers

    def may(self, scope: Scope) -> bool:
        return scope in self.scopes or Scope.ADMIN in self.scopes


@dataclass(frozen=True)
class Refusal:
    """Why a request goes no further: the status of a problem, its kind if that says more, its words, and headers."""

    status: HTTPStatus
    kind: ProblemKind | None
    detail: str
    caller: Caller
    headers: Headers = ()


@dataclass(frozen=True)
class RequestGate:
    """Admits requests as the settings and the keys of a catalogue say. ``clock``: the time in UTC."""

    settings: Settings
    credentials: Credentials
    counters: Counters
    clock: Callable[[], dt.datetime]

    @cached_property
    def _rate(self) -> Rate | None:
        return Rate.read(self.settings.rate_limit)

    @cached_property
    def _proxies(self) -> Networks:
        return self.settings.proxies

    def admit(
        self, environ: MutableMapping[str, object], scope: Scope | None, *, counted: bool = True
    ) -> Caller | Refusal:
        """Who asks, if they may do what needs ``scope`` (None: anybody may), and have not asked too often.

        ``counted``: the request counts against the rate of whoever asks; once only, however often the same question is
        put about the same request. Raises ``Unavailable`` for a key that cannot be looked up now.
        """
        before = environ.get(ADMITTED)
        if isinstance(before, tuple) and before[0] == scope:
            said: Caller | Refusal = before[1]
            return said
        said = self._admit(environ, scope, counted)
        environ[ADMITTED] = (scope, said)
        return said

    def _admit(self, environ: Mapping[str, object], scope: Scope | None, counted: bool) -> Caller | Refusal:
        address = client(environ, self._proxies)
        stranger = Caller(address, address, self._open_to(environ))
        said = str(environ.get("HTTP_AUTHORIZATION") or "")
        token = _token(said)
        # Where no key is needed, a proxy may ask its users for something of its own.
        if scope is None or not said or (id_in(token) is None and stranger.may(scope)):
            return self._as(stranger, scope, f"address {counted_as(address)}", self._rate if counted else None)
        key, now = self.credentials.remembered(token), self.clock()
        if key is None or key.status(now) != "valid":
            # What may be a guess counts as a request of its address, before it costs anything.
            window = self._count(f"address {counted_as(address)}", self._rate)
            if window is not None and window.exceeded:
                return _too_many(stranger, window)
            key = self.credentials.key(token)
            if key is None or key.status(now) != "valid":
                why = "There is no such key" if key is None else f"The key {key.key_id} is {key.status(now)}"
                return _unknown(stranger, "invalid-key", why, window)
        caller = Caller(key.told_as, address, stranger.scopes | frozenset(key.scopes), key=key)
        rate = Rate.read(key.rate) if key.rate else self._rate
        return self._as(caller, scope, f"key {key.key_id}", rate if counted else None)

    def _as(self, caller: Caller, scope: Scope | None, counted_as: str, rate: Rate | None) -> Caller | Refusal:
        window = self._count(counted_as, rate)
        if window is not None and window.exceeded:
            return _too_many(caller, window)
        if scope is not None and not caller.may(scope):
            if caller.key is None:
                return _unknown(caller, "no-key", f"This needs a key with the scope {scope}", window)
            return _forbidden(caller, caller.key, scope, window)
        return caller if window is None else Caller(caller.id, caller.address, caller.scopes, caller.key, window)

    def _open_to(self, environ: Mapping[str, object]) -> frozenset[Scope]:
        """What anybody who reaches the service may do."""
        auth = self.settings.auth
        opened = auth is Auth.OPEN or (auth is None and from_this_machine(environ))
        return OPEN_TO_ALL if opened else frozenset()

    def _count(self, who: str, rate: Rate | None) -> RateWindow | None:
        return None if rate is None else self.counters.count(who, rate)


def caller(environ: Mapping[str, object]) -> Caller | None:
    """Who asks a request that came to the gate, admitted or not; None of one that did not."""
    said = environ.get(ADMITTED)
    admitted: Caller | Refusal | None = said[1] if isinstance(said, tuple) else None
    return admitted.caller if isinstance(admitted, Refusal) else admitted


def _token(authorization: str) -> str:
    """What is said behind the word Bearer."""
    scheme, _, token = authorization.strip().partition(" ")
    return token.strip() if scheme.lower() == "bearer" else ""


def _unknown(caller: Caller, kind: ProblemKind, why: str, window: RateWindow | None) -> Refusal:
    """401, as RFC 6750 has it: without an error where nobody said who they are."""
    error = ', error="invalid_token"' if kind == "invalid-key" else ""
    challenge = ("WWW-Authenticate", f'Bearer realm="orecast"{error}')
    detail = f"{why}; a key is sent as Authorization: Bearer KEY."
    return Refusal(HTTPStatus.UNAUTHORIZED, kind, detail, caller, (challenge, *_headers(window)))


def _forbidden(caller: Caller, key: Key, scope: Scope, window: RateWindow | None) -> Refusal:
    challenge = ("WWW-Authenticate", f'Bearer realm="orecast", error="insufficient_scope", scope="{scope}"')
    detail = f"This needs a key with the scope {scope}; the key {key.key_id} has {', '.join(key.scopes)}."
    return Refusal(HTTPStatus.FORBIDDEN, "missing-scope", detail, caller, (challenge, *_headers(window)))


def _too_many(caller: Caller, window: RateWindow) -> Refusal:
    detail = f"More than {window.rate.text} have been asked; come back in {window.seconds_left} s."
    headers = (("Retry-After", str(window.seconds_left)), *window.headers)
    return Refusal(HTTPStatus.TOO_MANY_REQUESTS, None, detail, caller, headers)


def _headers(window: RateWindow | None) -> Headers:
    return () if window is None else window.headers

"""The web as one source reads it: retries with back-off, rate limits, conditional requests, no page for data."""

from __future__ import annotations

import datetime as dt
import email.utils
import hashlib
import json
import random
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from types import TracebackType
from typing import Self
from urllib.parse import quote, urljoin

import httpx

from forecast.errors import LayoutChanged, SourceFailed, SourceRefused
from forecast.formats.limits import MEGABYTE

#: Attempts at one address, the first pause between them in seconds (doubled each time), and the longest that is waited.
ATTEMPTS, FIRST_PAUSE, LONGEST_PAUSE = 4, 1.0, 120.0
#: Bytes of one answer, unpacked, seconds that it may take, and redirects on the way to it.
MOST_BYTES, LONGEST_ANSWER, MOST_REDIRECTS = 500 * MEGABYTE, 900.0, 5
#: Characters of an address that an error tells.
MOST_OF_ADDRESS = 150
#: Characters of an error that are kept.
_MOST_SAID = 10_000
_AGENT = "orecast (+https://github.com/orecast/orecast)"
_PASSING = {408, 425, 429, 500, 502, 503, 504}
_TIMEOUT = httpx.Timeout(60.0, connect=15.0)


@dataclass(frozen=True)
class Validators:
    """What the publisher said of an answer, by which it is asked for only if it changed; ``digest``: SHA-256 of it."""

    etag: str = ""
    modified: str = ""
    digest: str = ""


@dataclass(frozen=True)
class Page:
    """An answer: its address, bytes, media type without parameters, and when it was last changed, if that is told."""

    url: str
    body: bytes
    media: str
    modified: dt.datetime | None = None

    @property
    def text(self) -> str:
        """The body as UTF-8, a byte-order mark left out. Raises ``UnicodeDecodeError``."""
        return self.body.decode("utf-8-sig")

    def json(self) -> object:
        """What the body says as JSON. Raises ``ValueError``."""
        try:
            document: object = json.loads(self.text)
        except RecursionError:
            raise ValueError("lists within lists without end") from None
        return document


@dataclass
class Web:
    """The web as one source reads it; a context manager.

    ``source``: its name, for errors; ``address``: where relative addresses begin; ``key``: of the user at the
    publisher, never part of an error; ``known``: validators of answers that came in whole before, by digest of their
    addresses; ``accept``: the media type that is asked for; ``today``: the day (UTC) up to which figures are asked for.
    ``seen``: validators of this time, to be kept once what the answers say is written.
    """

    source: str
    address: str
    pause: float = 0.0
    key: str = ""
    known: Mapping[str, Validators] = field(default_factory=dict)
    sleep: Callable[[float], None] = time.sleep
    seen: dict[str, Validators] = field(default_factory=dict)
    accept: str = "*/*"
    today: dt.date = field(default_factory=lambda: dt.datetime.now(dt.UTC).date())

    def __enter__(self) -> Self:
        self._client = httpx.Client(timeout=_TIMEOUT, headers={"User-Agent": _AGENT, "Accept": self.accept})
        self._asked = False
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._client.close()

    def get(
        self,
        url: str,
        params: Mapping[str, str] | None = None,
        *,
        media: tuple[str, ...] = (),
        headers: Mapping[str, str] | None = None,
    ) -> Page:
        """The answer of an address, which may be relative to that of the source.

        ``media``: what it may be (``json``, ``csv``, ``xml``, ``html``, ``sheet``), where that is told apart. Raises
        ``SourceFailed`` for what stays out or is cut, ``SourceRefused`` for an error of the publisher, and
        ``LayoutChanged`` for a page where data should be.
        """
        page = self._get(url, params, media, headers, Validators())
        assert page is not None, "an answer without a condition is whole"
        return page

    def get_changed(
        self,
        url: str,
        params: Mapping[str, str] | None = None,
        *,
        media: tuple[str, ...] = (),
        headers: Mapping[str, str] | None = None,
    ) -> Page | None:
        """The same; None where the answer is what it was when it last came in whole."""
        return self._get(url, params, media, headers, self.known.get(self._place(url, params), Validators()))

    def post(
        self, url: str, body: object, *, media: tuple[str, ...] = (), headers: Mapping[str, str] | None = None
    ) -> Page:
        """The answer to a question that is sent as JSON."""
        request = self._client.build_request("POST", self._url(url), json=body, headers=headers)
        return self._page(self._answered(request), media)

    def _get(
        self,
        url: str,
        params: Mapping[str, str] | None,
        media: tuple[str, ...],
        headers: Mapping[str, str] | None,
        before: Validators,
    ) -> Page | None:
        conditions = {"If-None-Match": before.etag, "If-Modified-Since": before.modified}
        asked = {**(headers or {}), **{name: text for name, text in conditions.items() if text}}
        request = self._client.build_request("GET", self._url(url), params=params, headers=asked)
        answer = self._answered(request)
        place = self._place(url, params)
        if answer.status == httpx.codes.NOT_MODIFIED:
            if not any(conditions.values()):
                raise self._failed(request, "status 304, nothing changed, which was not asked for")
            self.seen[place] = before
            return None
        page = self._page(answer, media)
        digest = hashlib.sha256(page.body).hexdigest()
        self.seen[place] = Validators(answer.headers.get("ETag", ""), answer.headers.get("Last-Modified", ""), digest)
        return None if digest == before.digest else page

    @property
    def marks(self) -> dict[str, tuple[str, str, str]]:
        """The validators of this time, by digest of the address, as they are kept."""
        return {place: (one.etag, one.modified, one.digest) for place, one in self.seen.items()}

    def _url(self, url: str) -> str:
        return urljoin(self.address.rstrip("/") + "/", url)

    def _place(self, url: str, params: Mapping[str, str] | None) -> str:
        """The digest of the address without the key of the user, under which its validators are kept."""
        address = self.without_key(str(httpx.URL(self._url(url), params=params) if params else self._url(url)))
        return hashlib.sha256(address.encode()).hexdigest()

    def without_key(self, text: str) -> str:
        """A text with the key of the user left out, as it is and as addresses and errors write it."""
        if not self.key:
            return text
        written = {self.key, quote(self.key, safe=""), str(httpx.QueryParams({"": self.key}))[1:], repr(self.key)[1:-1]}
        for key in sorted(written, key=len, reverse=True):
            text = text.replace(key, "KEY")
        return text

    def _answered(self, request: httpx.Request) -> _Answer:
        """A whole answer that is no error, after as many attempts as it takes. Raises ``SourceFailed``."""
        for attempt in range(1, ATTEMPTS + 1):
            if self._asked:
                self.sleep(self.pause)
            self._asked = True
            why, wait = "", FIRST_PAUSE * 2 ** (attempt - 1) * random.uniform(0.75, 1.25)
            try:
                answer = self._followed(request)
            except httpx.TransportError as error:
                why = f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
            except httpx.HTTPError as error:
                raise self._failed(request, str(error)) from None
            else:
                if answer.status not in _PASSING:
                    return self._accepted(request, answer)
                why = f"status {answer.status}"
                wait = _told_to_wait(answer.headers.get("Retry-After", "")) or wait
            if attempt == ATTEMPTS or wait > LONGEST_PAUSE:
                more = f"asks to wait {wait:.0f} s" if wait > LONGEST_PAUSE else f"{attempt} attempts"
                raise self._failed(request, f"{why}; {more}")
            self.sleep(wait)
        raise AssertionError("the last attempt returns or raises")

    def _followed(self, request: httpx.Request) -> _Answer:
        """The answer, through redirects; the key of the user goes to no other host."""
        asked = request
        for _ in range(MOST_REDIRECTS + 1):
            response = self._client.send(asked, stream=True)
            try:
                if response.next_request is None:
                    return self._read(request, response)
                following = response.next_request
            finally:
                response.close()
            if self.key and following.url.host != request.url.host:
                for name in [name for name, text in following.headers.items() if self.key in text]:
                    del following.headers[name]
            asked = following
        raise self._failed(request, f"more than {MOST_REDIRECTS} redirects")

    def _read(self, request: httpx.Request, response: httpx.Response) -> _Answer:
        if "," in response.headers.get("Content-Encoding", ""):  # a few bytes may unpack to all memory there is
            raise self._failed(request, "the answer is packed more than once")
        body, end = bytearray(), time.monotonic() + LONGEST_ANSWER
        for part in response.iter_bytes():
            body += part
            if len(body) > MOST_BYTES:
                raise self._failed(request, f"the answer is larger than {MOST_BYTES // MEGABYTE} MB")
            if time.monotonic() > end:
                raise self._failed(request, f"the answer takes longer than {LONGEST_ANSWER:g} s")
        return _Answer(str(response.url), response.status_code, response.headers, bytes(body))

    def _accepted(self, request: httpx.Request, answer: _Answer) -> _Answer:
        if answer.status >= httpx.codes.BAD_REQUEST:
            said = self.without_key(answer.body[:_MOST_SAID].decode("utf-8", "replace"))
            why = f"status {answer.status}" + (f": {' '.join(said.split())[:200]}" if said else "")
            raise SourceRefused(self.source, self._told(request, why), answer.status, said)
        return answer

    def _page(self, answer: _Answer, media: tuple[str, ...]) -> Page:
        told = answer.headers.get("Content-Type", "").partition(";")[0].strip().lower()
        page = Page(self.without_key(answer.url), answer.body, told, _moment(answer.headers.get("Last-Modified", "")))
        start = page.body[:512].lstrip(b"\xef\xbb\xbf \t\r\n").lower()
        if "html" not in media and media and start.startswith((b"<!doctype html", b"<html")):
            raise LayoutChanged(self.source, page.url, f"a page of HTML, not {' or '.join(media)}")
        if not page.body.strip() and answer.status != httpx.codes.NO_CONTENT:
            raise SourceFailed(self.source, f"{page.url}: an empty answer")
        return page

    def _failed(self, request: httpx.Request, why: str) -> SourceFailed:
        return SourceFailed(self.source, self._told(request, why))

    def _told(self, request: httpx.Request, why: str) -> str:
        """What went wrong, and then at which address, of which so much is told that one knows it."""
        address = self.without_key(str(request.url))  # whole, before it is cut
        shown = address if len(address) <= MOST_OF_ADDRESS else f"{address[:MOST_OF_ADDRESS]}…"
        return f"{self.without_key(why)}; {shown}"


@dataclass(frozen=True)
class _Answer:
    """What was answered in whole: the address that did, status, headers, and the body, unpacked."""

    url: str
    status: int
    headers: httpx.Headers
    body: bytes


def _told_to_wait(text: str) -> float | None:
    """Seconds of a ``Retry-After``, which is a number of them or a date."""
    if text.isascii() and text.isdigit():
        return float(text)
    until = _moment(text)
    return max((until - dt.datetime.now(dt.UTC)).total_seconds(), 0.0) if until else None


def _moment(text: str) -> dt.datetime | None:
    """A moment as HTTP writes it; None for anything else."""
    try:
        return email.utils.parsedate_to_datetime(text).astimezone(dt.UTC) if text else None
    except (ValueError, OverflowError):
        return None

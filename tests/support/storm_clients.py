"""Clients of a storm: processes that ask all that a service has, rightly and wrongly, and write down what they got."""

from __future__ import annotations

import contextlib
import gzip
import hashlib
import json
import random
import socket
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from http.client import HTTPConnection, HTTPException, HTTPResponse
from pathlib import Path
from urllib.parse import quote

from tests.support.documents import Json
from tests.support.odd_home import OLDER

HEAD_OF_A_PART = 200
#: What is asked of one series; the body of each is known for each run and each edition of the events.
OF_A_SERIES = {
    "json": "/v1/forecasts/{}?h=12",
    "narrow": "/v1/forecasts/{}?h=4&level=50,90&origin=last",
    "csv": "/v1/forecasts/{}?h=12&format=csv",
}


def scenario(series_id: str) -> Json:
    """A question with a known answer."""
    added = {"event": "mine", "effective": "2027-02-01", "effect": {series_id: {"percent": -10, "plus_minus": 2}}}
    return {"series": [series_id], "scenarios": [{"name": "less", "add": [added]}], "h": 6}


def digest(body: bytes) -> str:
    return hashlib.sha256(body).hexdigest()[:20]


@dataclass(frozen=True)
class Plan:
    """What a client process does: where it asks, with which keys, of which series, until when, and what it tells."""

    port: int
    keys: Mapping[str, str]
    series: tuple[str, ...]
    seconds: float
    told: Path
    threads: int = 3
    pause: float = 0.05
    seed: int = 0
    bad: bool = True


@dataclass(frozen=True)
class Asked:
    """A request; ``allowed``: statuses beside 503 that are right for it."""

    kind: str
    method: str
    path: str
    allowed: frozenset[int]
    key: str = "reader"
    body: bytes | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    series_id: str = ""


@dataclass
class Told:
    """What came of a request: ``parts``, digests by what they are of; ``fault``: what was wrong with it."""

    kind: str
    began: float
    ended: float = 0.0
    status: int = 0
    parts: list[tuple[str, str]] = field(default_factory=list)
    stale: bool = False
    broken: str = ""
    fault: str = ""


def ask_all(plan: Plan) -> None:
    """Ask with several threads until the time is over; a line of JSON a request."""
    lines: list[str] = []
    threads = [
        threading.Thread(target=lambda k=k: lines.extend(Client(plan, plan.seed * 100 + k).run()))
        for k in range(plan.threads)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    plan.told.write_text("\n".join(lines) + "\n", encoding="utf-8")


class Client:
    """One connection that is kept, and opened anew where the server ended it."""

    def __init__(self, plan: Plan, seed: int) -> None:
        self.plan, self.rng = plan, random.Random(seed)
        self.connection: HTTPConnection | None = None
        self.held: dict[str, tuple[str, list[tuple[str, str]]]] = {}  # by path: an ETag, and what it is the tag of

    def run(self) -> list[str]:
        until, lines = time.time() + self.plan.seconds, []
        while time.time() < until:
            asked = self.choose()
            lines.append(json.dumps(vars(self.ask(asked))))
            time.sleep(self.rng.uniform(0, 2 * self.plan.pause))
        self.close()
        return lines

    def choose(self) -> Asked:
        makers: list[Callable[[], Asked]] = [self.one, self.one, self.one, self.part, self.several, self.listed]
        makers += [self.one, self.one, self.one, self.observed, self.exported, self.scenario, self.health]
        return self.rng.choice([*makers, *([self.bad] * 3 if self.plan.bad else [])])()

    def one(self) -> Asked:
        kind, series_id = self.rng.choice(list(OF_A_SERIES)), self.rng.choice(self.plan.series)
        path = OF_A_SERIES[kind].format(series_id)
        headers = {"Accept-Encoding": self.rng.choice(["gzip", "identity"])}
        if path in self.held and self.rng.random() < 0.5:
            headers["If-None-Match"] = self.held[path][0]
        return Asked(kind, "GET", path, frozenset({200, 304}), headers=headers, series_id=series_id)

    def part(self) -> Asked:
        series_id = self.rng.choice(self.plan.series)
        headers = {"Range": f"bytes=0-{HEAD_OF_A_PART - 1}"}
        path = OF_A_SERIES["csv"].format(series_id)
        return Asked("part", "GET", path, frozenset({206}), headers=headers, series_id=series_id)

    def several(self) -> Asked:
        ids = ",".join(self.rng.sample(self.plan.series, 4))
        return Asked("several", "GET", f"/v1/forecasts?h=12&series_id={ids}", frozenset({200}))

    def exported(self) -> Asked:
        ids = ",".join(self.plan.series)
        return Asked("export", "GET", f"/v1/export/forecasts.csv?h=12&series_id={ids}", frozenset({200}))

    def scenario(self) -> Asked:
        series_id = self.rng.choice(self.plan.series)
        body, headers = json.dumps(scenario(series_id)).encode(), {"Content-Type": "application/json"}
        return Asked(
            "scenario", "POST", "/v1/scenarios", frozenset({200}), "analyst", body, headers, series_id=series_id
        )

    def listed(self) -> Asked:
        path = self.rng.choice(["/v1/series?limit=20", "/v1/events?limit=50", "/v1/runs?limit=5&format=csv"])
        return Asked("list", "GET", path, frozenset({200}))

    def observed(self) -> Asked:
        path = f"/v1/series/{self.rng.choice(self.plan.series)}/observations"
        return Asked("observations", "GET", path, frozenset({200}))

    def health(self) -> Asked:
        return Asked("health", "GET", self.rng.choice(["/healthz", "/readyz", "/metrics"]), frozenset({200}))

    def bad(self) -> Asked:
        """A request that is refused, and with which status."""
        one = OF_A_SERIES["json"].format(self.plan.series[0])
        odd = quote(self.rng.choice(OLDER), safe="")
        json_type = {"Content-Type": "application/json"}
        refused = [
            Asked("bad", "GET", one, frozenset({401}), key=self.rng.choice(["", "unknown", "expired", "revoked"])),
            Asked("bad", "GET", one, frozenset({403}), key="writer"),
            Asked("bad", "POST", "/v1/scenarios", frozenset({403}), body=b"{}", headers=json_type),
            Asked("bad", "POST", "/v1/scenarios", frozenset({400}), key="analyst", body=b'{"a', headers=json_type),
            Asked("bad", "POST", "/v1/scenarios", frozenset({422}), key="analyst", body=b"{}", headers=json_type),
            Asked("bad", "POST", "/v1/scenarios", frozenset({413}), "analyst", b" " * 300_000, json_type),
            Asked("bad", "GET", f"/v1/forecasts/{odd}", frozenset({404})),
            Asked("bad", "GET", f"/v1/forecasts?series_id={odd}", frozenset({404})),
            Asked("bad", "GET", "/v1/forecasts/price.coper", frozenset({404})),
            Asked("bad", "GET", "/v1/runs/2026-13-01-x", frozenset({404})),
            Asked("bad", "GET", one + "&h=999", frozenset({422})),
            Asked("bad", "GET", "/v1/series?cursor=%FF", frozenset({422})),
            Asked("bad", "GET", "/v1/series/" + "a" * 9000, frozenset({414})),
            Asked("bad", "DELETE", one, frozenset({405})),
            Asked("bad", "GET", one, frozenset({406}), headers={"Accept": "image/png"}),
        ]
        return self.rng.choice(refused)

    def ask(self, asked: Asked) -> Told:
        """Ask; once more on a new connection where one that was kept had been ended, as every client does."""
        told = Told(asked.kind, time.time())
        kept = self.connection is not None
        try:
            self.send(asked, told)
        except (HTTPException, OSError) as error:
            self.close()
            if not kept or isinstance(error, TimeoutError):
                told.broken = f"{type(error).__name__}: {error}"
            else:
                told.began = time.time()
                try:
                    self.send(asked, told)
                except (HTTPException, OSError) as again:
                    self.close()
                    told.broken = f"{type(again).__name__}: {again}"
        told.ended = time.time()
        return told

    def send(self, asked: Asked, told: Told) -> None:
        if self.connection is None:
            self.connection = HTTPConnection("127.0.0.1", self.plan.port, timeout=60)
        headers = dict(asked.headers)
        if asked.key:
            headers["Authorization"] = f"Bearer {self.plan.keys[asked.key]}"
        self.connection.request(asked.method, asked.path, asked.body, headers)
        response = self.connection.getresponse()
        body = response.read()  # raises IncompleteRead for one that is cut
        told.status, told.stale = response.status, response.getheader("X-Stale") is not None
        framed = response.getheader("Content-Length") or response.getheader("Transfer-Encoding")
        if not framed and response.status != 304:
            told.fault = "no length and no chunks: a cut body would pass for a whole one"
        if response.will_close:
            self.close()
        self.judge(asked, told, response, body)

    def judge(self, asked: Asked, told: Told, response: HTTPResponse, body: bytes) -> None:
        if response.status == 503:
            told.fault = told.fault or ("" if response.getheader("Retry-After") else "503 without Retry-After")
        elif response.status not in asked.allowed:
            told.fault = f"{response.status} for {asked.method} {asked.path[:90]}: {body[:200]!r}"
        if response.status >= 400 and response.getheader("Content-Type") != "application/problem+json":
            told.fault = f"a refusal as {response.getheader('Content-Type')}"
        if response.getheader("Content-Encoding") == "gzip":
            body = gzip.decompress(body)
        if response.status == 304:
            told.parts = self.held[asked.path][1]
        elif response.status in (200, 206):
            told.parts = parts(asked, body)
            if asked.kind in OF_A_SERIES:
                self.held[asked.path] = (response.getheader("ETag") or "", told.parts)
            if asked.kind == "export" and hashlib.sha256(body).hexdigest() != response.getheader("X-SHA256"):
                told.fault = "the digest is not that of the body"

    def close(self) -> None:
        if self.connection is not None:
            self.connection.close()
        self.connection = None


def parts(asked: Asked, body: bytes) -> list[tuple[str, str]]:
    """What an answer says of each series, as digests under the name of what was asked."""
    if asked.kind in (*OF_A_SERIES, "part", "scenario"):
        return [(f"{asked.kind} {asked.series_id}", digest(body))]
    if asked.kind == "several":
        return [(f"entry {each['series_id']}", known(each)) for each in json.loads(body)["data"]]
    if asked.kind == "export":
        return [(f"rows {name}", found) for name, found in by_series(body).items()]
    return []


def known(answer: Json) -> str:
    """The digest of a JSON object, in whichever order its members come."""
    return digest(json.dumps(answer, sort_keys=True).encode())


def by_series(table: bytes) -> dict[str, str]:
    """Digests of the rows of each series of a CSV whose first column is its id."""
    rows: dict[str, list[bytes]] = {}
    for line in table.split(b"\r\n")[1:-1]:
        rows.setdefault(line.partition(b",")[0].decode(), []).append(line)
    return {name: digest(b"\r\n".join(lines)) for name, lines in rows.items()}


def hang(port: int, clients: int, seconds: float) -> None:
    """So many clients that never come to an end: half a request, a byte now and then, an answer that is not taken."""
    halves = (
        b"GET /v1/series HTTP/1.1\r\nHost: x\r\n",
        b"GET /v1/fore",
        b"POST /v1/scenarios HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 5000\r\n\r\n{",
        b"POST /v1/scenarios HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n{",
        b"GET /openapi.json HTTP/1.1\r\nHost: x\r\n\r\n" * 20,
        b"",
    )
    until, open_ = time.time() + seconds, dict[int, socket.socket]()
    while time.time() < until:
        for k in range(clients):
            try:
                if k not in open_:
                    open_[k] = socket.create_connection(("127.0.0.1", port), timeout=5)
                    open_[k].sendall(halves[k % len(halves)])
                    open_[k].setblocking(False)
                elif k % len(halves) in (0, 2):
                    open_[k].send(b"x")
                if k % len(halves) != 4 and not open_[k].recv(65536):
                    raise ConnectionError("ended by the server")
            except BlockingIOError:
                continue
            except OSError:
                if k in open_:
                    open_.pop(k).close()
        time.sleep(0.5)
    for connection in open_.values():
        with contextlib.suppress(OSError):
            connection.close()

"""Answers of the service as multiples of a constant that Flask gives under the same server: processor and latency."""

from __future__ import annotations

import json
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from http.client import HTTPConnection
from itertools import count
from pathlib import Path

from support.report import Row
from support.servers import OURS, OURS_BARE, Running, serving

CLIENTS = 8
ONE = "price.copper"
WORK = "10 scenarios × 24 periods × 2,000 draws"

Headers = dict[str, str]


@dataclass(frozen=True)
class Asked:
    """A request as it goes out, and the constant that it is measured against; ``goal``: the ratio aimed at.

    ``body``: of a POST, another one each time; ``share``: of the requests of a block, how many are made.
    """

    name: str
    path: str
    constant: str
    goal: float
    headers: Headers
    body: Callable[[], str] | None = None
    share: float = 1.0


def ratios(home: Path, kinds: Callable[[Running, Path], list[Asked]], blocks: int, requests: int) -> Iterator[Row]:
    """A row for each kind of answer of a home."""
    with tempfile.TemporaryDirectory() as folder, one_worker(OURS, home) as ours:
        asked = kinds(ours, Path(folder))
        with one_worker(OURS_BARE, home, folder) as bare:
            for one in asked:
                yield measured(ours, bare, one, blocks, max(3, round(requests * one.share)))


def one_worker(command: Sequence[str], home: Path, bodies: str = "") -> AbstractContextManager[Running]:
    """A server with one process of 8 threads, whose rate is counted and never reached; ``bodies``: of constants."""
    return serving(
        command,
        home,
        ORECAST_WORKERS="1",
        ORECAST_THREADS="8",
        ORECAST_RATE_LIMIT="1000000/second",
        BARE_BODIES=bodies,
    )


def single(ours: Running, folder: Path) -> list[Asked]:
    """A stored forecast in each form, what did not change, and scenarios."""
    path = f"/v1/forecasts/{ONE}"
    as_json, as_csv = stored(ours, folder, path, "one.json"), stored(ours, folder, f"{path}?format=csv", "one.csv")
    packed = {"Accept-Encoding": "gzip"}
    stored(ours, folder, path, "packed.json", packed)
    (folder / "scenario.json").write_bytes(answer(ours.connect(60), "/v1/scenarios", {}, question(0.5))[2])
    numbers = count(3)
    return [
        Asked("forecast, JSON", path, "one.json", 1.25, {}),
        Asked("forecast, CSV", f"{path}?format=csv", "one.csv", 1.25, {}),
        Asked("forecast, JSON, gzip", path, "packed.json", 1.25, packed),
        Asked("forecast, unchanged", path, "same", 1.1, {"If-None-Match": as_json}),
        Asked("forecast, CSV, unchanged", f"{path}?format=csv", "same", 1.1, {"If-None-Match": as_csv}),
        Asked(f"{WORK}, asked again", "/v1/scenarios", "scenario.json", 6.0, {}, lambda: question(0.5)),
        Asked(f"{WORK}, new", "/v1/scenarios", "scenario.json", 6.0, {}, lambda: question(1 / next(numbers)), 0.1),
    ]


def bulk(ours: Running, folder: Path) -> list[Asked]:
    """All series as one table, beside a finished file of the same bytes."""
    path = "/v1/export/forecasts.csv?h=24"
    stored(ours, folder, path, "all.csv")
    rows = (folder / "all.csv").read_bytes().count(b"\n") - 1
    return [Asked(f"forecasts of all series, CSV, {rows:,} rows", path, "all.csv", 2.0, {}, share=0.1)]


def question(probability: float) -> str:
    """Ten scenarios of one series for 24 periods, each a tariff of another size."""
    event = {"minerals": ["copper"], "flows": ["CHL>USA"], "effective": "2027-02-01", "kind": "tariff"}
    scenarios = [
        {
            "name": f"s{i}",
            "probability": probability / 10,
            "add": [{"event": f"e{i}", "effect": {"price": {"percent": 2.0 * i + 2, "plus_minus": 3}}, **event}],
        }
        for i in range(10)
    ]
    return json.dumps({"series": [ONE], "h": 24, "scenarios": scenarios})


def stored(ours: Running, folder: Path, path: str, name: str, headers: Headers | None = None) -> str:
    """Keep an answer as the constant of this name; its tag."""
    status, told, body = answer(ours.connect(120), path, headers or {})
    if status != 200:
        raise RuntimeError(f"{path}: {status} {body[:300]!r}")
    (folder / name).write_bytes(body)
    return told["etag"]


def measured(ours: Running, bare: Running, one: Asked, blocks: int, requests: int) -> Row:
    """Blocks of ours and of the constant in turn, each on one connection; then many connections at once."""
    constant = replace(one, path=f"/{one.constant}", body=None)
    timed(ours, one, max(3, requests // 5))
    timed(bare, constant, max(3, requests // 5))
    rows = []
    for _ in range(blocks):
        mine, latencies = timed(ours, one, requests)
        least, _ = timed(bare, constant, requests)
        rows.append((mine, least, mine / least, latencies))
    alone = sorted(seconds for row in rows for seconds in row[3])
    crowd = at_once(ours, one, requests)
    middle, late = quantile(alone, 0.5), quantile(alone, 0.99)
    return {
        "answer": one.name,
        "µs of processor": 1e6 * statistics.median(row[0] for row in rows),
        "of a constant": 1e6 * statistics.median(row[1] for row in rows),
        "ratio": statistics.median(row[2] for row in rows),
        "goal": one.goal,
        "p50, ms": 1e3 * middle,
        "p99 / p50": late / middle,
        f"p99 / p50, {CLIENTS} at once": quantile(crowd, 0.99) / quantile(crowd, 0.5),
    }


def timed(server: Running, one: Asked, times: int) -> tuple[float, list[float]]:
    """Seconds of processor a request, on a connection of their own, and the seconds that each took."""
    connection = server.connect(120)
    seconds, before = [], server.cpu()
    for _ in range(times):
        body = one.body() if one.body else None
        started = time.perf_counter()
        status, _, _ = answer(connection, one.path, one.headers, body)
        seconds.append(time.perf_counter() - started)
        if status not in (200, 304):
            raise RuntimeError(f"{one.path}: {status}")
    connection.close()
    return (server.cpu() - before) / times, seconds


def at_once(server: Running, one: Asked, times: int) -> list[float]:
    """The seconds that each request took, of several clients at once."""
    with ThreadPoolExecutor(CLIENTS) as pool:
        asked = pool.map(lambda _: timed(server, one, times)[1], range(CLIENTS))
        return sorted(seconds for some in asked for seconds in some)


def quantile(ordered: list[float], level: float) -> float:
    return ordered[min(len(ordered) - 1, round(level * len(ordered)))]


def answer(
    connection: HTTPConnection, path: str, headers: Headers, body: str | None = None
) -> tuple[int, Headers, bytes]:
    said = headers | ({"Content-Type": "application/json"} if body else {})
    connection.request("POST" if body else "GET", path, body, said)
    response = connection.getresponse()
    return response.status, {name.lower(): value for name, value in response.getheaders()}, response.read()

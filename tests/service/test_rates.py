"""A rate is what it says, whichever worker counts, and whatever becomes of a worker."""

from __future__ import annotations

import http.client
import multiprocessing
import os
import signal
import time
from pathlib import Path

import pytest

from service import rates
from service.rates import Counters, Rate
from tests.support.server import serving
from tests.support.trained_home import make_home

HOUR = Rate.read("1000000 per hour")
assert HOUR is not None


@pytest.mark.parametrize(
    ("text", "amount", "seconds"),
    [("600 per minute", 600, 60), ("1/second", 1, 1), ("10 per 5 minutes", 10, 300), ("7 per 2 days", 7, 172800)],
)
def test_a_rate_is_read_as_it_is_written(text: str, amount: int, seconds: int) -> None:
    assert Rate.read(text) == Rate(amount, seconds, text)
    assert Rate.read("off") is None


def test_a_window_begins_anew_when_it_is_over() -> None:
    counters, rate = Counters(), Rate(2, 1, "2 per second")
    windows = [counters.count("a", rate) for _ in range(3)]
    assert [window.exceeded for window in windows] == [False, False, True]
    assert counters.count("b", rate).count == 1
    time.sleep(max(0.0, windows[-1].until - time.time()) + 0.01)
    assert counters.count("a", rate).count == 1


def ask(counters: Counters, times: int) -> None:
    assert HOUR is not None
    for _ in range(times):
        counters.count("one client", HOUR)


def test_processes_count_together_and_lose_nothing() -> None:
    counters, fork = Counters(), multiprocessing.get_context("fork")
    children = [fork.Process(target=ask, args=(counters, 500)) for _ in range(3)]
    for child in children:
        child.start()
    ask(counters, 500)
    for child in children:
        child.join(60)
        assert child.exitcode == 0
    assert HOUR is not None
    assert counters.count("one client", HOUR).count == 2001


def hold(counters: Counters, ready: str) -> None:
    with counters:
        Path(ready).touch()
        time.sleep(60)


def test_a_process_that_is_killed_while_it_counts_stops_nobody(tmp_path: Path) -> None:
    counters, fork = Counters(), multiprocessing.get_context("fork")
    child = fork.Process(target=hold, args=(counters, str(tmp_path / "ready")))
    child.start()
    while not (tmp_path / "ready").exists():
        time.sleep(0.01)
    assert child.pid is not None
    os.kill(child.pid, signal.SIGKILL)
    child.join(20)
    assert HOUR is not None
    assert counters.count("another", HOUR).count == 1


def test_strangers_without_number_take_no_more_memory_and_forget_no_frequent_client(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(rates, "_COUNTERS", 64)
    counters, long = Counters(), Rate(10, 3600, "10 per hour")
    for number in range(1000):
        counters.count(f"stranger {number}", Rate(10, 60, "10 per minute"))
    size = len(counters._memory)
    for expected in range(1, 12):
        assert counters.count("frequent", long).count == expected
    for number in range(1000):
        counters.count(f"other {number}", Rate(10, 60, "10 per minute"))
    assert counters.count("frequent", long).count == 12, "those whose window ends first give way"
    assert len(counters._memory) == size


def test_the_limit_is_that_of_the_service_not_of_each_of_its_workers(tmp_path: Path) -> None:
    """Over one connection, and over many, which the workers share as it comes."""
    make_home(tmp_path)
    with serving(tmp_path, ORECAST_RATE_LIMIT="20 per hour", ORECAST_AUTH="open") as server:
        address = server.url.removeprefix("http://")
        one = http.client.HTTPConnection(address, timeout=30)
        statuses = []
        for _ in range(12):
            one.request("GET", "/v1/runs", headers={"X-Forwarded-For": "198.51.100.1"})
            response = one.getresponse()
            statuses.append(response.status)
            response.read()
        one.close()
        for number in range(12):
            other = http.client.HTTPConnection(address, timeout=30)
            other.request("GET", "/v1/runs", headers={"X-Forwarded-For": f"198.51.100.{number}"})
            response = other.getresponse()
            statuses.append(response.status)
            response.read()
            other.close()
        assert statuses == [200] * 20 + [429] * 4
        assert 0 < int(response.headers["Retry-After"]) <= 3600
        assert response.headers["X-RateLimit-Remaining"] == "0"
        server.get("/healthz")
        server.get("/readyz")

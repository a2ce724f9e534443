"""A storm: mixed load, wrong requests, slow clients, writes, promotions, killed workers, a database that restarts."""

from __future__ import annotations

import contextlib
import datetime as dt
import json
import multiprocessing
import os
import random
import re
import shutil
import signal
import time
import urllib.request
from collections.abc import Container, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from functools import partial
from http.client import HTTPConnection, HTTPException
from pathlib import Path

import numpy as np
import pytest

from forecast.catalog import Catalog, Observation
from forecast.catalog.keys import KeyOrder
from forecast.errors import Unavailable
from forecast.home import Home
from forecast.jobs.event_edits import add_event
from forecast.registry import Payload, Registry
from forecast.settings import Scope, Settings
from tests.catalog.test_engine import Postgres, postgres  # noqa: F401
from tests.service.test_wsgi import resident, until
from tests.support.documents import Json
from tests.support.odd_home import LEGAL, add_odd
from tests.support.records import a_series
from tests.support.server import Server, serving
from tests.support.storm_clients import Plan, ask_all, hang
from tests.support.storm_truth import Spell, Truth, today
from tests.support.trained_home import TRAINED, make_home, settings_in

SERIES = (*TRAINED, *LEGAL[:9])
WRITTEN = "price.written"
GOOD = ("json", "narrow", "csv", "part", "several", "export", "scenario", "list", "observations")
#: Seconds after the death of a worker in which a connection may break; megabytes and open files that one may have, of
#: which three are of each run that it has open.
AFTER_A_KILL, MOST_MEMORY, MOST_FILES = 3.0, 300, 250


@dataclass(frozen=True)
class Weather:
    """How long and how hard: seconds in all and before it begins, between kills, between restarts of the database,
    between new events and between changes of champions (``turns``); clients."""

    seconds: float
    calm: float
    kills: float
    restarts: float
    events: float
    processes: int
    slow: int
    turns: float


SECONDS = float(os.environ.get("STORM_SECONDS", "600"))
SHORT = Weather(seconds=10, calm=3, kills=4, restarts=6, events=3, processes=2, slow=60, turns=0.5)
LONG = Weather(seconds=SECONDS, calm=30, kills=20, restarts=SECONDS / 3, events=20, processes=3, slow=60, turns=2.0)


@dataclass
class House:
    """A home on PostgreSQL with twelve series, of which each has two runs, and what is known to be right of it."""

    settings: Settings
    catalog: Catalog
    registry: Registry
    keys: dict[str, str]
    runs: dict[str, dict[str, str]]
    truth: Truth


@dataclass
class Log:
    """What the storm did, by the wall clock."""

    kills: list[float] = field(default_factory=list)
    restarts: int = 0
    promotions: int = 0
    memory: list[float] = field(default_factory=list)
    files: list[int] = field(default_factory=list)
    written: dict[str, float] = field(default_factory=dict)
    unsure: dict[str, float] = field(default_factory=dict)
    faults: list[str] = field(default_factory=list)


@pytest.fixture
def house(postgres: Postgres, tmp_path: Path) -> Iterator[House]:  # noqa: F811
    home = tmp_path / "home"
    home.mkdir()
    make_home(home)
    shutil.rmtree(home / "var")
    settings = settings_in(home, database_url=postgres.url)
    add_odd(settings)
    catalog, registry = Catalog.open(settings), Registry(settings.models_dir)
    own = a_series(WRITTEN, "tin", "price", "target", "world", "WLD", "WLD", "USD/t", "M", 0)
    catalog.add(series=[own], known_at=dt.datetime.now(dt.UTC))
    runs = {name: {"a": str(registry.champion_id(name)), "b": second(registry, name)} for name in SERIES}
    homes = {}
    for letter in "ab":
        folder = tmp_path / letter
        shutil.copytree(settings.models_dir, folder / "models")
        for name in SERIES:
            Registry(folder / "models").promote(name, runs[name][letter])
        homes[letter] = Home(settings_in(folder, database_url=postgres.url), today())
    truth = Truth(homes, SERIES, champions={name: [Spell("a", 0)] for name in SERIES}, editions=[Spell("0", 0)])
    truth.read("0")
    yield House(settings, catalog, registry, made_keys(catalog), runs, truth)
    for one in homes.values():
        one.close()
    catalog.close()


def second(registry: Registry, series_id: str) -> str:
    """Another run, half as high again. What it says of events is the same, for that tells in the answers of all."""
    first = registry.champion(series_id)
    run_id = first.run_id.removesuffix("a") + "b"
    draws = first.draws + np.float32(np.log(1.5))
    registry.save(series_id, run_id, replace(first.card, run=run_id), Payload(draws, first.record, {"kind": "drawn"}))
    return run_id


def made_keys(catalog: Catalog) -> dict[str, str]:
    """A token of each kind that there may be."""
    now = dt.datetime.now(dt.UTC)
    scopes = {"reader": [Scope.READ], "writer": [Scope.WRITE], "analyst": [Scope.READ, Scope.SCENARIO]}
    made = {name: catalog.keys.create(KeyOrder(name, each), now) for name, each in scopes.items()}
    made["revoked"] = catalog.keys.create(KeyOrder("revoked", [Scope.READ]), now)
    catalog.keys.revoke(made["revoked"][0].key_id, now)
    over = now - dt.timedelta(days=2)
    made["expired"] = catalog.keys.create(KeyOrder("expired", [Scope.READ], over + dt.timedelta(days=1)), over)
    return {name: token for name, (_, token) in made.items()} | {"unknown": f"orecast_{'0' * 12}_{'0' * 48}"}


def port_of(server: Server) -> int:
    return int(server.url.rpartition(":")[2])


def load(house: House, server: Server, folder: Path, seconds: float, processes: int, bad: bool) -> list[Path]:
    """Start the clients; the files in which they tell what they got when they are done."""
    context = multiprocessing.get_context("spawn")
    plans = [
        Plan(
            port_of(server), house.keys, SERIES, seconds, folder / f"{'storm' if bad else 'calm'}-{k}", seed=k, bad=bad
        )
        for k in range(processes)
    ]
    for plan in plans:
        context.Process(target=ask_all, args=(plan,), daemon=True).start()
    return [plan.told for plan in plans]


def lines_of(files: list[Path]) -> list[Json]:
    until(lambda: all(file.exists() for file in files), 90)
    time.sleep(0.2)
    return [json.loads(line) for file in files for line in file.read_text().splitlines() if line]


class Storm:
    """Everything that goes wrong at once, each in a thread of its own until the time is over."""

    def __init__(self, house: House, server: Server, postgres: Postgres, weather: Weather) -> None:  # noqa: F811
        self.house, self.server, self.postgres, self.weather = house, server, postgres, weather
        self.log, self.rng = Log(), random.Random(14)
        self.until = time.time() + weather.seconds
        self.down: list[Spell] = []
        self.over_http = b'"/v1/observations"' in server.get("/openapi.json")

    def run(self) -> None:
        context = multiprocessing.get_context("spawn")
        slow = (port_of(self.server), self.weather.slow, self.weather.seconds)
        context.Process(target=hang, args=slow, daemon=True).start()
        ills = (self.promote, self.kill, self.restart, self.write_events, self.write_values, self.look)
        with ThreadPoolExecutor(len(ills)) as pool:
            for done in [pool.submit(ill) for ill in ills]:
                done.result()

    def rest(self, seconds: float) -> bool:
        """Wait; whether there is time left then."""
        time.sleep(max(0.0, min(seconds, self.until - time.time())))
        return time.time() < self.until

    def promote(self) -> None:
        """Let the other run of a series serve, by promotion and, half of the times, back by a rollback."""
        truth, registry = self.house.truth, self.house.registry
        while self.rest(self.weather.turns * self.rng.uniform(0.2, 1.8)):
            series_id = self.rng.choice(SERIES)
            spells, runs = truth.champions[series_id], self.house.runs[series_id]
            other = "b" if spells[-1].what == "a" else "a"
            with truth.turning(spells, other):
                if other == "a" and self.rng.random() < 0.5:
                    assert registry.rollback(series_id) == runs["a"]
                else:
                    registry.promote(series_id, runs[other])
            self.log.promotions += 1

    def kill(self) -> None:
        while self.rest(self.weather.kills):
            workers = self.server.workers()
            self.log.kills.append(time.time())
            os.kill(self.rng.choice(workers), signal.SIGKILL)
            until(partial(self.replaced, workers))

    def replaced(self, before: list[int]) -> bool:
        return len(self.server.workers()) == len(before) and self.server.workers() != before

    def restart(self) -> None:
        """Stop the database, and start it a moment later."""
        while self.rest(self.weather.restarts):
            self.down.append(Spell("down", time.time()))
            self.postgres.stop()
            time.sleep(self.rng.uniform(0.5, 2))
            self.postgres.start()
            self.down[-1].until = time.time() + AFTER_A_KILL
            self.log.restarts += 1

    def write_events(self) -> None:
        """A new event now and then, that changes what is forecast of copper."""
        truth = self.house.truth
        while self.rest(self.weather.events) and time.time() < self.until - 2:
            number = str(len(truth.editions))
            with truth.turning(truth.editions, number):
                self.write_event(f"storm-{number}")
            truth.read(number)

    def write_event(self, event_id: str) -> None:
        days = {"announced": str(today() - dt.timedelta(days=7)), "effective": str(today() + dt.timedelta(days=40))}
        facts = {"title": event_id, "kind": "export_ban", "minerals": "copper", "flows": "CHL>WLD", "status": "enacted"}
        facts |= {"price_world": "up", "volume": "down", **days}
        while event_id not in self.known_events():
            with contextlib.suppress(Unavailable):
                add_event(self.house.catalog, event_id, facts, dt.datetime.now(dt.UTC))

    def known_events(self) -> Container[str]:
        while True:
            try:
                return self.house.catalog.events()
            except Unavailable:
                time.sleep(0.1)

    def write_values(self) -> None:
        """One value after the other, month by month from 1990 on; what was acknowledged is there in the end."""
        month = np.datetime64("1990-01")
        while self.rest(self.rng.uniform(0.2, 1.0)):
            ds, value = f"{month}-01", round(100 + self.rng.uniform(-1, 1), 3)
            (self.log.written if self.write_value(ds, value) else self.log.unsure)[ds] = value
            month += 1

    def write_value(self, ds: str, value: float) -> bool:
        """Whether it was acknowledged."""
        if not self.over_http:
            at = Observation(WRITTEN, dt.date.fromisoformat(ds), value, "reported", dt.datetime.now(dt.UTC))
            try:
                self.house.catalog.add(observations=[at], known_at=dt.datetime.now(dt.UTC))
            except Unavailable:
                return False
            return True
        headers = {"Authorization": f"Bearer {self.house.keys['writer']}", "Content-Type": "application/json"}
        body = json.dumps({"observations": [{"series_id": WRITTEN, "ds": ds, "value": value}]})
        connection = HTTPConnection("127.0.0.1", port_of(self.server), timeout=60)
        try:
            connection.request("POST", "/v1/observations", body, headers)
            response = connection.getresponse()
            said = response.read()
        except (HTTPException, OSError):
            return False
        finally:
            connection.close()
        if response.status not in (200, 503):
            self.log.faults.append(f"{response.status} for a value that is right: {said[:200]!r}")
        return response.status == 200

    def look(self) -> None:
        """Memory and open files of the workers."""
        while self.rest(0.5):
            for pid in self.server.workers():
                with contextlib.suppress(OSError, AssertionError):  # it has just been killed
                    self.log.memory.append(resident(pid))
                    self.log.files.append(len(os.listdir(f"/proc/{pid}/fd")))


def check(storm: Storm, lines: list[Json]) -> list[str]:
    """Everything that was wrong, in words."""
    log, truth = storm.log, storm.house.truth
    faults = log.faults + [line["fault"] for line in lines if line["fault"]]
    kills = [Spell("kill", moment, moment + AFTER_A_KILL) for moment in log.kills]
    for line in lines:
        told = f"{line['kind']} at {line['began']:.2f} for {line['ended'] - line['began']:.2f} s"
        if line["broken"] and not any(kill.meets(line["began"], line["ended"]) for kill in kills):
            faults.append(f"{told}: {line['broken']}, and no worker was killed then")
        if line["status"] == 503 and not any(spell.meets(line["began"], line["ended"]) for spell in storm.down):
            faults.append(f"{told}: 503, and the database was there")
        if why := truth.fault(line):
            faults.append(f"{told}: {why}")
    return faults


def check_written(house: House, log: Log) -> None:
    """What was acknowledged is there, what was not may be, and nothing else is."""
    found = {str(one.ds): one.value for one in house.catalog.observations(WRITTEN)}
    assert log.written.items() <= found.items()
    assert found.items() <= {**log.unsure, **log.written}.items()


def metrics(server: Server, key: str) -> dict[str, float]:
    """How many requests each endpoint says that it answered."""
    request = urllib.request.Request(f"{server.url}/metrics", headers={"Authorization": f"Bearer {key}"})
    with urllib.request.urlopen(request, timeout=30) as response:
        text = response.read().decode()
    found: dict[str, float] = {}
    for endpoint, count in re.findall(r'^orecast_requests_total\{endpoint="([\w.]+)".*\} ([\d.e+]+)$', text, re.M):
        found[endpoint] = found.get(endpoint, 0.0) + float(count)
    return found


def percentile(lines: list[Json], kinds: Container[str], q: float) -> float:
    """Milliseconds that so many percent of the answers of these kinds took at most."""
    took = [
        line["ended"] - line["began"] for line in lines if line["kind"] in kinds and line["status"] in (200, 206, 304)
    ]
    return float(np.percentile(took, q)) * 1000 if took else float("nan")


def tell(storm: Storm, calm: list[Json], lines: list[Json]) -> None:
    log = storm.log
    print(f"\n{'kind':14}{'asked':>7}{'broken':>7}{'503':>5}{'calm p50':>10}{'p99':>8}{'storm p50':>11}{'p99':>8}")
    for kind in (*GOOD, "health", "bad"):
        mine = [line for line in lines if line["kind"] == kind]
        broken, away = sum(bool(line["broken"]) for line in mine), sum(line["status"] == 503 for line in mine)
        times = [percentile(of, {kind}, q) for of in (calm, lines) for q in (50, 99)] if kind != "bad" else [0.0] * 4
        print(f"{kind:14}{len(mine):7}{broken:7}{away:5}{times[0]:10.0f}{times[1]:8.0f}{times[2]:11.0f}{times[3]:8.0f}")
    print(
        f"{len(lines)} requests; {len(log.kills)} kills, {log.restarts} restarts of the database, {log.promotions} "
        f"changes of champions, {len(storm.house.truth.editions) - 1} events and {len(log.written)} values written "
        f"({'HTTP' if storm.over_http else 'Python'}), {storm.weather.slow} slow clients; p99 of good requests "
        f"{percentile(calm, GOOD, 99):.0f} ms calm, {percentile(lines, GOOD, 99):.0f} ms in the storm; at most "
        f"{max(log.memory):.0f} MB and {max(log.files)} files a worker; {len(storm.house.truth.bodies)} right bodies"
    )


@pytest.mark.parametrize("weather", [SHORT, pytest.param(LONG, marks=pytest.mark.storm)], ids=["short", "long"])
def test_a_storm_costs_no_wrong_answer_and_no_failure(
    house: House,
    postgres: Postgres,  # noqa: F811
    tmp_path: Path,
    weather: Weather,
) -> None:
    (tmp_path / "tmp").mkdir()
    env = {"ORECAST_DATABASE_URL": postgres.url, "ORECAST_AUTH": "keys", "ORECAST_THREADS": "8"}
    with serving(house.settings.home, TMPDIR=str(tmp_path / "tmp"), **env) as server:
        calm = lines_of(load(house, server, tmp_path, weather.calm, 1, bad=False))
        before = metrics(server, house.keys["reader"])
        storm = Storm(house, server, postgres, weather)
        files = load(house, server, tmp_path, weather.seconds, weather.processes, bad=True)
        storm.run()
        lines = lines_of(files)
        tell(storm, calm, lines)
        faults = check(storm, calm + lines)
        assert not faults, "\n".join([f"{len(faults)} faults", *faults[:20]])
        check_written(house, storm.log)
        after = metrics(server, house.keys["reader"])
        log = server.log.read_text()
    answered = sum(line["kind"] in ("json", "narrow", "csv", "part") and bool(line["status"]) for line in calm + lines)
    assert all(after[endpoint] >= before[endpoint] for endpoint in before)
    assert after["forecasts.get_forecast"] >= answered
    assert "Traceback" not in log
    assert '"level": "error"' not in log
    assert max(storm.log.memory) < MOST_MEMORY
    assert max(storm.log.files) < MOST_FILES
    assert percentile(lines, GOOD, 99) <= 10 * percentile(calm, GOOD, 99)
    assert list((tmp_path / "tmp").iterdir()) == []
    assert {path.name for path in house.settings.home.iterdir()} == {"models", "log"}
    assert [path for path in house.settings.models_dir.rglob(".*") if path.name not in (".locks", ".all")] == []

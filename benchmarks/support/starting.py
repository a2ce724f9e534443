"""Seconds until the service first answers, and the memory of its workers, by the number of champions."""

from __future__ import annotations

import json
import statistics
import time
from collections.abc import Iterator
from dataclasses import replace
from itertools import cycle, islice
from pathlib import Path

from support.report import Row
from support.servers import OURS, Running, serving

#: Observations of each copy.
SEEN = 60


def made_home(folder: Path, count: int) -> Path:
    """A home with so many champions: copies of one series, and runs whose numbers are drawn."""
    from forecast.answers.event_priors import refresh
    from forecast.catalog import Catalog
    from forecast.registry import Registry
    from tests.support.trained_home import COPPER, NOW, add_run, make_home

    settings = make_home(folder)
    catalog, registry = Catalog.open(settings), Registry(settings.models_dir)
    one, seen = catalog.get(COPPER), catalog.observations(COPPER)[-SEEN:]
    ids = [f"{COPPER}.copy-{i}" for i in range(count - len(registry.champions()))]
    copies = [replace(one, series_id=series_id, spot="") for series_id in ids]
    values = (replace(observation, series_id=series_id) for series_id in ids for observation in seen)
    catalog.add(series=copies, observations=values, known_at=NOW)
    for series_id in ids:
        registry.promote(series_id, add_run(registry, catalog, series_id))
    refresh(registry, ())  # as training does at its end
    refresh(registry, ())
    catalog.close()
    return folder


def starts(home: Path, times: int) -> Iterator[Row]:
    """The median of a few starts; the files have been read before, as they are on a machine in use."""
    for what, path in (("/healthz", "/healthz"), ("a stored forecast", "/v1/forecasts/price.copper")):
        taken = []
        for _ in range(times + 1):
            with serving(OURS, home, alive=path, ORECAST_WORKERS="2") as server:
                taken.append((server.seconds, server.cpu()))
        seconds, cpu = (statistics.median(column) for column in zip(*taken[1:], strict=True))
        yield {"first answer": what, "seconds": seconds, "of processor, all processes": cpu}


def memory(home: Path, times: int) -> Iterator[Row]:
    with serving(OURS, home, ORECAST_WORKERS="2") as server:
        time.sleep(1)
        yield {"when": "at the start", **sizes(server)}
        for path in islice(cycle(mixed(server)), times):
            ask(server, path)
        yield {"when": f"after {times} mixed requests", **sizes(server)}


def sizes(server: Running) -> Row:
    return {f"worker {i + 1}": size for i, size in enumerate(server.memory())}


def mixed(server: Running) -> list[str]:
    """What is asked: of each series its forecast, and in turn what else there is."""
    rows = json.loads(ask(server, "/v1/series"))["data"]
    ids = [row["series_id"] for row in rows if row["role"] == "target" and row["run"]]
    others = (
        "/v1/series/{}/observations",
        "/v1/series/{}/effects",
        "/v1/forecasts/{}?format=csv",
        "/v1/series/{}/backtest",
        "/v1/events?series_id={}",
        "/v1/scenarios",
        "/v1/export/observations.csv?series_id={}",
        "/",
    )
    return [path for name, other in zip(ids, cycle(others)) for path in (f"/v1/forecasts/{name}", other.format(name))]


def ask(server: Running, path: str) -> bytes:
    """Each on a connection of its own, so that both workers have their share."""
    connection = server.connect(60)
    try:
        if path == "/v1/scenarios":
            question = {"series": ["price.copper"], "scenarios": [], "h": 12}
            connection.request("POST", path, json.dumps(question), {"Content-Type": "application/json"})
        else:
            connection.request("GET", path)
        response = connection.getresponse()
        body = response.read()
        if response.status not in (200, 404):  # of some series there are too few values to forecast
            raise RuntimeError(f"{path}: {response.status} {body[:300]!r}")
        return body
    finally:
        connection.close()

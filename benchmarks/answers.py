"""Milliseconds of processor that an answer of the service takes, worked out anew and from the cache; and its memory.

    python benchmarks/answers.py [--quick] [--json FILE] [--home DIR] [--against CHECKOUT]

Each question is asked through the application's test client, without a socket: the median of many. Memory is that of a
process which has answered for every trained series. Without ``--home``, a folder with trained runs, a few families are
trained on eight series first. ``--against``: another checkout of this project, whose answers are timed in turn with
ours, pair by pair, so that both meet the same load; both are asked of copies of the same home.
"""

from __future__ import annotations

import datetime as dt
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from support.report import Report, parser

if TYPE_CHECKING:
    from flask.testing import FlaskClient

OURS = Path(__file__).resolve().parents[1]
PRICE, FLOW = "price.copper", "volume.magnets.export.cn"
SERIES = (PRICE, FLOW, "price.aluminium", "price.nickel", "price.tin", "price.zinc", "price.lead", "price.gold")
FAMILIES = ("random-walk", "grid")

#: An event that moves every price and flow of ``SERIES``: stated, and as others of its kind did.
_NEW = {
    "minerals": ["copper", "ndfeb-magnets", "aluminium", "nickel", "tin", "zinc", "lead", "gold"],
    "flows": ["CHN>WLD"],
    "effective": f"{dt.date.today() + dt.timedelta(days=60)}",
}
_STATED = {"price": {"percent": 5, "plus_minus": 3}, "volume": {"percent": -30, "plus_minus": 10}}
QUESTION = {
    "series": SERIES,
    "h": 12,
    "scenarios": [
        {"name": "stated", "probability": 0.3, "add": [{"event": "stated", "effect": _STATED, **_NEW}]},
        {"name": "by-kind", "probability": 0.2, "add": [{"event": "by-kind", "price": "up", "volume": "down", **_NEW}]},
    ],
}

#: What is asked, by what it is called in the table; the scenarios are a POST of ``QUESTION``.
PATHS = {
    "forecast": f"/v1/forecasts/{PRICE}",
    "forecast, CSV": f"/v1/forecasts/{FLOW}?format=csv",
    "forecasts of all series": "/v1/forecasts",
    "2 scenarios × 8 series": "/v1/scenarios",
    "effects": f"/v1/series/{FLOW}/effects",
    "effects by period": f"/v1/series/{FLOW}/effects?detail=path",
    "effects by period, CSV": f"/v1/series/{FLOW}/effects?detail=path&format=csv",
    "list of series": "/v1/series",
    "observations": f"/v1/series/{PRICE}/observations",
    "observations, CSV": f"/v1/series/{PRICE}/observations?format=csv",
    "backtest": f"/v1/series/{PRICE}/backtest",
}


def main() -> None:
    arguments = parser(__doc__)
    arguments.add_argument("--home", type=Path, help="a folder with trained runs, instead of training some")
    arguments.add_argument("--against", type=Path, help="another checkout to compare with")
    arguments.add_argument("--answer", action="store_true", help="answer what comes in, for another such process")
    options = arguments.parse_args()
    if options.answer:
        answer_lines(options.home)
        return
    report = Report("answers", options)
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        home = options.home or trained(folder / "trained")
        checkouts = [OURS, *([options.against.resolve()] if options.against else [])]
        memory = []
        for i, checkout in enumerate(checkouts):
            shutil.copytree(home, folder / str(i))
            with process(checkout, folder / str(i)) as fresh:
                memory.append(fresh.memory())
        processes = [stack.enter_context(process(c, folder / str(i))) for i, c in enumerate(checkouts)]
        times = 15 if options.quick else 100
        report.table("milliseconds of processor an answer", list(race(processes, times)))
        report.table("resident memory after every series is answered", [row("MB", memory)])
    report.finish()


def race(processes: list[Process], times: int) -> Iterator[dict[str, object]]:
    """A row a question and cache: the processes answer in turn."""
    for name, path in PATHS.items():
        for cached in (False, True):
            taken = [[p.milliseconds(path, cached) for p in processes] for _ in range(times + 1)][1:]
            yield row(
                f"{name}, {'cached' if cached else 'anew'}", [statistics.median(t) for t in zip(*taken, strict=True)]
            )


def row(name: str, values: list[float]) -> dict[str, object]:
    ours, *others = values
    return {"answer": name, "ours": ours, **{k: v for o in others for k, v in (("theirs", o), ("ratio", ours / o))}}


@dataclass(frozen=True)
class Process:
    """A process of one checkout that answers: a line in, a line out."""

    popen: subprocess.Popen[str]

    def milliseconds(self, path: str, cached: bool) -> float:
        return self._ask({"path": path, "cached": cached})

    def memory(self) -> float:
        """MB after every series has been answered for."""
        return self._ask({"path": None, "cached": True})

    def _ask(self, question: dict[str, object]) -> float:
        assert self.popen.stdin
        assert self.popen.stdout
        self.popen.stdin.write(json.dumps(question) + "\n")
        self.popen.stdin.flush()
        return float(self.popen.stdout.readline())


@contextmanager
def process(checkout: Path, home: Path) -> Iterator[Process]:
    single = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"), "1")
    command = [sys.executable, __file__, "--answer", "--home", str(home)]
    with subprocess.Popen(
        command,
        env={**os.environ, **single, "PYTHONPATH": str(checkout)},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as popen:
        yield Process(popen)


def answer_lines(home: Path) -> None:
    """Answer each line of the input with a number, until it ends."""
    from forecast.answers.event_priors import refresh
    from forecast.catalog import Catalog
    from forecast.registry import Registry
    from forecast.settings import Settings
    from service import context, create_app

    env = {"ORECAST_HOME": str(home), "ORECAST_RATE_LIMIT": "off", "ORECAST_LOG_LEVEL": "ERROR"}
    settings = Settings.from_env(env)
    # Each checkout writes it in a form of its own, after a training.
    refresh(Registry(settings.models_dir), Catalog.open(settings).retired())
    cached = create_app(settings).test_client()
    context.KEPT = 0  # the next application keeps nothing to answer from
    anew = create_app(settings).test_client()

    def ask(path: str, client: FlaskClient) -> float:
        started = time.process_time()
        response = client.post(path, json=QUESTION) if path == "/v1/scenarios" else client.get(path)
        taken = 1000 * (time.process_time() - started)
        assert response.status_code == 200, response.text
        return taken

    for line in sys.stdin:
        asked = json.loads(line)
        if asked["path"]:
            print(ask(asked["path"], cached if asked["cached"] else anew), flush=True)
            continue
        answered = cached.get("/v1/forecasts").get_json()["data"]
        for each in answered:
            ask(f"/v1/series/{each['series_id']}/effects", cached)
        ask("/v1/scenarios", cached)
        print(resident(), flush=True)


def resident() -> float:
    """Resident memory of this process in MB (Linux)."""
    lines = Path("/proc/self/status").read_text(encoding="utf-8").splitlines()
    return float(next(line.split()[1] for line in lines if line.startswith("VmRSS"))) / 1024


def trained(home: Path) -> Path:
    """A home with runs of ``SERIES``."""
    command = [sys.executable, "-m", "forecast.cli", "train", *SERIES]
    command += [part for family in FAMILIES for part in ("--family", family)]
    env = {**os.environ, "ORECAST_HOME": str(home), "PYTHONPATH": str(OURS)}
    subprocess.run(command, check=True, env=env, stdout=subprocess.DEVNULL)
    return home


if __name__ == "__main__":
    main()

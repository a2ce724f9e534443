"""MB/s and peak memory of taking in generated files, new and once more, beside ``pandas.read_csv`` of the same file.

    python benchmarks/ingest.py [--quick] [--json FILE] [--seed N]

Daily prices since 1980 in a long CSV, once with one vintage of each value and once with two. Every measure
is of a process of its own, into a catalogue of its own that holds the bundled data; pandas only reads, with dates
parsed, and checks, sorts, compares and writes nothing. Seconds are of the clock; those of the processor stand beside
them, as both depend on what else the machine does. ``--quick``: files of 10 MB only.
"""

from __future__ import annotations

import datetime as dt
import itertools
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from support.report import Report, Row, parser

SIZES = (10, 70, 200)
MEGABYTE = 1_000_000
DAYS = np.arange("1980-01-01", "2026-01-01", dtype="datetime64[D]")
WAYS = {"orecast": "new", "orecast again": "once more", "pandas": "pandas.read_csv"}


def main() -> None:
    arguments = parser(__doc__)
    arguments.add_argument("--one", nargs=2, metavar=("WAY", "DIR"), help="only take in the file of a folder")
    options = arguments.parse_args()
    if options.one:
        way, folder = options.one
        print(json.dumps(measure(way, Path(folder))))
        return
    report = Report("ingest", options)
    for title, vintages in (("one vintage", 1), ("two vintages, each with its moment", 2)):
        rows = [row for size in SIZES[: 1 if options.quick else None] for row in race(size, vintages, options.seed)]
        report.table(f"long CSV, {title}", rows)
    report.finish(("numpy", "pandas", "sqlalchemy"))


def race(size: int, vintages: int, seed: int) -> Iterator[Row]:
    """One file, in every way; the catalogue of the first is that of the second."""
    with tempfile.TemporaryDirectory(prefix="orecast-bench-") as folder:
        rows = generate(Path(folder), size, vintages, seed)
        for way, name in WAYS.items():
            command = [sys.executable, __file__, "--one", way, folder]
            took = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
            yield {"MB": size, "rows": rows, "way": name, **took}


def generate(folder: Path, size: int, vintages: int, seed: int) -> int:
    """Write ``observations.csv`` of about so many MB, and ``series.csv`` that describes them; how many rows."""
    rng, days = np.random.default_rng(seed), DAYS.astype(str).tolist()
    rows, written = 0, 0
    with (folder / "observations.csv").open("w") as file, (folder / "series.csv").open("w") as series:
        series.write("series_id,measure,unit,freq\n")
        file.write("series_id,ds,value\n" if vintages == 1 else "series_id,ds,value,known_at\n")
        for number in itertools.count():
            if written >= size * MEGABYTE:
                break
            name = f"price.bench-{number:05}"
            series.write(f"{name},price,USD/t,D\n")
            first = 1000 * np.exp(np.cumsum(rng.normal(0, 0.01, len(days))))
            for vintage in range(vintages):
                values = np.round(first * (1 + 0.001 * vintage), 2).tolist()
                known = "" if vintages == 1 else f",2026-01-{vintage + 1:02}T08:00"
                text = "".join(f"{name},{day},{value}{known}\n" for day, value in zip(days, values, strict=True))
                written += file.write(text)
                rows += len(days)
    return rows


def measure(way: str, folder: Path) -> Row:
    """Take the file in, in this process."""
    file = folder / "observations.csv"
    if way == "pandas":
        import pandas as pd

        started, computing = time.perf_counter(), time.process_time()
        pd.read_csv(file, parse_dates=["ds"])
    else:
        from forecast.catalog import Catalog
        from forecast.jobs.ingest import ingest
        from forecast.settings import Settings

        catalog = Catalog.open(Settings.from_env({"ORECAST_HOME": str(folder)}))
        started, computing = time.perf_counter(), time.process_time()
        counts = ingest(catalog, file, folder / "series.csv", known_at=dt.datetime.now(dt.UTC))
        assert (way == "orecast") == bool(counts.changed)
    seconds, cpu = time.perf_counter() - started, time.process_time() - computing
    size = file.stat().st_size / MEGABYTE
    return {
        "seconds": seconds,
        "of the processor": cpu,
        "MB/s": size / seconds,
        "MB/s of the processor": size / cpu,
        "peak MB": peak(),
    }


def peak() -> float:
    """Peak resident memory of this process in MB (Linux)."""
    lines = Path("/proc/self/status").read_text(encoding="utf-8").splitlines()
    return float(next(line.split()[1] for line in lines if line.startswith("VmHWM"))) / 1024


if __name__ == "__main__":
    main()

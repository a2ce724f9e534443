"""What the service costs beside the least that Flask costs: answers as multiples of a constant, start and memory.

    python benchmarks/service.py [--quick] [--json FILE] [--series N] [--home DIR]

Processor: of one worker with 8 threads, for each kind of answer and for a constant of the same bytes that a Flask
application without hooks gives under the same server, in blocks that take turns; the median ratio of the blocks. Both
are asked one request after another on one connection, and timed there; then by 8 connections at once. A scenario is
asked with another probability each time, so that none is one that was worked out before.

Start: from the command to the first 200 of `/healthz`, and to that of a stored forecast; and the seconds of processor
that all processes took, which a busy machine does not stretch. Memory: of each of two workers at the start, and after
2,000 mixed requests (forecasts of every series as JSON and CSV, effects, observations, lists, pages, scenarios):
shared pages by halves, libraries with them, mapped runs without.

``--home``: a folder with trained runs, instead of one with ``--series`` champions (500) that are copies of one.
``--quick``: 20 champions, short blocks, one start.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

sys.path.append(sys.path.pop(0))  # this file is called as the package that it measures: that goes first

from support.costs import bulk, ratios, single
from support.report import Report, parser
from support.starting import made_home, memory, starts

SERIES, LONG = 500, 1000
BLOCKS, REQUESTS, STARTS = 9, 300, 5


def main() -> None:
    arguments = parser(__doc__)
    arguments.add_argument("--series", type=int, default=SERIES, help="how many champions, for start and memory")
    arguments.add_argument("--home", type=Path, help="a folder with trained runs, instead of one made for it")
    options = arguments.parse_args()
    report = Report("service", options)
    blocks, requests, times = (3, 40, 1) if options.quick else (BLOCKS, REQUESTS, STARTS)
    with tempfile.TemporaryDirectory() as folder:
        scratch = Path(folder)
        home = options.home or made_home(scratch / "home", 20 if options.quick else options.series)
        long = made_home(scratch / "long", 30 if options.quick else LONG)
        report.table("processor beside a constant", list(ratios(home, single, blocks, requests)))
        report.table("all series in one file", list(ratios(long, bulk, blocks, requests)))
        report.table("start", list(starts(home, times)))
        report.table("megabytes of a worker", list(memory(home, 200 if options.quick else 2000)))
    report.finish(("gunicorn", "flask", "sqlalchemy", "numpy"))


if __name__ == "__main__":
    main()

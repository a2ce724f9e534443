"""What every benchmark prints: the machine and the versions, tables, standard errors; and ``--json FILE``."""

from __future__ import annotations

import argparse
import json
import os
import platform
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

LIBRARIES = ("numpy", "scipy", "pandas", "statsmodels", "prophet", "statsforecast")


def machine(libraries: Sequence[str] = LIBRARIES) -> dict[str, str]:
    """Processor, cores, Python, and the versions of the libraries that are there."""
    found = {"cpu": _cpu(), "cores": str(os.cpu_count()), "python": platform.python_version()}
    for name in libraries:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found


def _cpu() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        lines = []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor() or platform.machine()


def arguments(doc: str | None, *, trials: int | None = None) -> argparse.Namespace:
    """``--quick``, ``--json FILE``, ``--extra DIR`` (repeatable), ``--seed``; ``--trials N`` if it has a default."""
    options = parser(doc)
    if trials is not None:
        options.add_argument("--trials", type=int, default=trials)
    return options.parse_args()


def parser(doc: str | None) -> argparse.ArgumentParser:
    """The arguments that all share, for a benchmark that adds its own."""
    parser = argparse.ArgumentParser(description=(doc or "").strip().splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="a small part of it, to see that it runs")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write everything that is printed to FILE as well")
    parser.add_argument(
        "--extra",
        type=Path,
        metavar="DIR",
        action="append",
        default=[],
        help="more series: a folder with series.csv and observations, or the World Bank's workbook",
    )
    parser.add_argument("--seed", type=int, default=0)
    return parser


#: A line of a table: a value under each name.
Row = Mapping[str, object]


@dataclass
class Report:
    """The output of one benchmark: tables as Markdown on the terminal, all of it as JSON where asked for."""

    name: str
    options: argparse.Namespace
    tables: dict[str, list[Row]] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)

    def table(self, title: str, rows: Sequence[Row]) -> None:
        """Print rows with the same keys; floats to three significant digits, None as a dash."""
        self.tables[title] = [dict(row) for row in rows]
        print(f"\n## {title}\n")
        if rows:
            cells = [list(rows[0]), *([_cell(value) for value in row.values()] for row in rows)]
            widths = [max(len(line[k]) for line in cells) for k in range(len(cells[0]))]
            for i, line in enumerate(cells):
                print("| " + " | ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)) + " |")
                if i == 0:
                    print("|" + "|".join("-" * (width + 2) for width in widths) + "|")

    def note(self, text: str) -> None:
        """A line under the tables."""
        self.notes.append(text)
        print(f"\n{text}")

    def finish(self, libraries: Sequence[str] = LIBRARIES) -> None:
        """Print the machine and versions; write the JSON."""
        about = machine(libraries)
        print("\n" + ", ".join(f"{name} {value}" for name, value in about.items()))
        if self.options.json is not None:
            content = {"benchmark": self.name, "machine": about, "tables": self.tables, "notes": self.notes}
            self.options.json.write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")


def _cell(value: object) -> str:
    if value is None:
        return "–"
    return f"{value:.3g}" if isinstance(value, float) else str(value)

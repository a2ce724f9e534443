"""What every benchmark prints: the machine and the versions, tables, standard errors; and ``--json FILE``."""

from __future__ import annotations

import json
import os
import platform
from collections.abc import Mapping, Sequence
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

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


def show(title: str, rows: Sequence[Mapping[str, Any]], notes: Sequence[str] = ()) -> None:
    """A Markdown table of rows with the same keys; floats to three significant digits, None as a dash."""
    print(f"\n## {title}\n")
    if rows:
        cells = [list(rows[0]), *([_cell(value) for value in row.values()] for row in rows)]
        widths = [max(len(line[k]) for line in cells) for k in range(len(cells[0]))]
        for i, line in enumerate(cells):
            print("| " + " | ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)) + " |")
            if i == 0:
                print("|" + "|".join("-" * (width + 2) for width in widths) + "|")
    for note in notes:
        print(f"\n{note}")


def _cell(value: Any) -> str:
    if value is None:
        return "–"
    return f"{value:.3g}" if isinstance(value, float) else str(value)


def finish(result: Mapping[str, Any], path: Path | None, libraries: Sequence[str] = LIBRARIES) -> None:
    """Print the machine line; write everything to ``path`` as JSON if there is one."""
    about = machine(libraries)
    print("\n" + ", ".join(f"{name} {value}" for name, value in about.items()))
    if path is not None:
        path.write_text(json.dumps({"machine": about, **result}, indent=1) + "\n", encoding="utf-8")

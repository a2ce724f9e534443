"""What a run was made of: one fingerprint over data, events, settings and code."""

from __future__ import annotations

import hashlib
import importlib.metadata
import json
import platform
from functools import cache
from pathlib import Path
from typing import Any

#: Libraries whose version can change a number.
LIBRARIES = ("numpy", "scipy", "pandas", "statsmodels", "prophet", "cmdstanpy")

#: Parts of the package that cannot change what is trained: they answer from it.
_NO_NUMBERS = (
    "_data",
    "cli/",
    "effects/classes.py",
    "effects/report.py",
    "evidence.py",
    "export.py",
    "files.py",
    "findings.py",
    "future.py",
    "groups.py",
    "jobs/backtest.py",
    "jobs/ingest.py",
    "jobs/logs.py",
    "jobs/monitor.py",
    "jobs/origins.py",
    "jobs/retrain.py",
    "jobs/worker.py",
    "parts.py",
    "plots.py",
    "predict.py",
    "reconcile.py",
    "registry/",
    "scenarios/",
    "serving.py",
    "worlds.py",
)


def digest(*parts: Any) -> str:
    """Hex SHA-256 of JSON-able parts: the same parts, the same digest, on any machine."""
    text = json.dumps(parts, sort_keys=True, separators=(",", ":"), default=str)
    return hashlib.sha256(text.encode()).hexdigest()


@cache
def code_digest() -> str:
    """Hex digest of the source that makes the numbers, so that a change of method makes every run due."""
    root = Path(__file__).parent
    sha = hashlib.sha256()
    for path in sorted(root.rglob("*.py")):
        name = path.relative_to(root).as_posix()
        if not name.startswith(_NO_NUMBERS):
            sha.update(name.encode())
            sha.update(path.read_bytes())
    return sha.hexdigest()


def versions() -> dict[str, str]:
    """The versions that stand behind a run, for its card."""
    found = {name: importlib.metadata.version(name) for name in LIBRARIES}
    return {"orecast": importlib.metadata.version("orecast"), "python": platform.python_version(), **found}

"""Provenance: one fingerprint over data, events, settings, code and libraries of a run.

The code is that of training: what its job and the families import, as far as it can change a number. A renamed
CSV column or a new command changes no name of a run; a change of method changes all.
"""

from __future__ import annotations

import ast
import hashlib
import importlib.metadata
import json
import platform
from collections.abc import Iterator
from functools import cache
from pathlib import Path

#: Packages and modules that can change a number of what is trained.
NUMERICAL_MODULES = (
    "forecast.catalog.vintages",
    "forecast.coupling",
    "forecast.effects",
    "forecast.events",
    "forecast.forecasters",
    "forecast.interventions",
    "forecast.jobs.diversion",
    "forecast.jobs.evidence",
    "forecast.jobs.train",
    "forecast.metrics",
    "forecast.seeds",
    "forecast.timeseries",
    "forecast.training",
)
#: What training imports and what cannot: it keeps, reads and reports. What the catalogue tells is in a run's name by
#: its content.
STORAGE_MODULES = (
    "forecast.answers",
    "forecast.catalog",
    "forecast.errors",
    "forecast.extras",
    "forecast.files",
    "forecast.formats",
    "forecast.jobs.card",
    "forecast.jobs.processes",
    "forecast.names",
    "forecast.provenance",
    "forecast.registry",
    "forecast.settings",
    "forecast.wording",
)
#: Where training begins. A family is imported by its name, which no import statement tells.
TRAINING_ROOTS = ("forecast.jobs.train", "forecast.forecasters.*")
#: Libraries whose version can change a number.
LIBRARIES = ("numpy", "scipy", "pandas", "statsmodels", "prophet", "cmdstanpy", "fracast")


def digest(*parts: object) -> str:
    """Hex SHA-256 of JSON-able parts: the same parts, the same digest, on any machine."""
    text = json.dumps(parts, sort_keys=True, separators=(",", ":"), default=str)
    return hashlib.sha256(text.encode()).hexdigest()


@cache
def code_digest(root: Path = Path(__file__).parent) -> str:
    """Hex digest of the source that makes the numbers, so that a change of method makes every run due.

    ``root``: the folder of the package ``forecast``.
    """
    sha = hashlib.sha256()
    for name in sorted(name for name in trained_by(root) if inside(name, NUMERICAL_MODULES)):
        sha.update(name.encode())
        sha.update(_path(root, name).read_bytes())
    return sha.hexdigest()


def libraries() -> dict[str, str]:
    """The versions of the libraries that can change a number, installed or not."""
    return {name: _version(name) for name in LIBRARIES}


def versions() -> dict[str, str]:
    """The versions that stand behind a run, for its card."""
    return {"orecast": _version("orecast"), "python": platform.python_version(), **libraries()}


def trained_by(root: Path) -> set[str]:
    """Modules that training imports, directly or by others, by the statements in their source."""
    queue = [name for start in TRAINING_ROOTS for name in _named(root, start)]
    found: set[str] = set()
    while queue:
        name = queue.pop()
        if name not in found:
            found.add(name)
            queue += _imports(root, name)
    return found


def inside(name: str, packages: tuple[str, ...]) -> bool:
    """Whether a module is one of these, or in one of them."""
    return any(name == package or name.startswith(f"{package}.") for package in packages)


def _named(root: Path, name: str) -> Iterator[str]:
    """A module itself, or with ``.*`` a package and all modules in it."""
    package = name.removesuffix(".*")
    yield package
    if package != name:
        for path in _path(root, package).parent.rglob("*.py"):
            parts = path.relative_to(root.parent).with_suffix("").parts
            yield ".".join(parts).removesuffix(".__init__")


def _imports(root: Path, name: str) -> Iterator[str]:
    """Modules of the package that one imports, and the packages that hold them; not what only type checkers read."""
    tree = ast.parse(_path(root, name).read_text(encoding="utf-8"))
    for node in _statements(tree):
        wanted = [alias.name for alias in node.names]
        if isinstance(node, ast.ImportFrom):
            wanted = [node.module or "", *(f"{node.module}.{alias.name}" for alias in node.names)]
        for each in wanted:
            parts = each.split(".")
            for end in range(1, len(parts) + 1):
                if parts[0] == "forecast" and _path(root, module := ".".join(parts[:end])).is_file():
                    yield module


def _statements(tree: ast.AST) -> Iterator[ast.Import | ast.ImportFrom]:
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.Import | ast.ImportFrom):
            yield node
        elif isinstance(node, ast.stmt | ast.ExceptHandler | ast.match_case) and not _for_types(node):
            yield from _statements(node)


def _for_types(node: ast.AST) -> bool:
    return isinstance(node, ast.If) and isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING"


def _path(root: Path, name: str) -> Path:
    """The file of a module of the package."""
    place = root.joinpath(*name.split(".")[1:])
    return place / "__init__.py" if place.is_dir() else place.with_suffix(".py")


def _version(library: str) -> str:
    try:
        return importlib.metadata.version(library)
    except importlib.metadata.PackageNotFoundError:
        return "none"

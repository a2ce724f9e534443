"""The extras of the package: libraries that an install may leave out, and the error for what then cannot be done."""

from __future__ import annotations

from importlib.util import find_spec

from forecast.errors import MissingExtra

_TRAIN = ("joblib", "scipy", "statsmodels")
#: What the code imports by an extra of pyproject.toml, others that it holds included.
EXTRAS = {
    "train": _TRAIN,
    "prophet": (*_TRAIN, "pandas", "prophet"),
    "pretrained": (*_TRAIN, "fracast"),
    "worker": (*_TRAIN, "dbos"),
    "pandas": ("pandas",),
    "plot": ("matplotlib",),
    "postgres": ("psycopg",),
    "sources": ("httpx", "pandas", "sdmx"),
}


def installed(extra: str) -> bool:
    return all(find_spec(library) is not None for library in EXTRAS[extra])


def require(extra: str, what: str) -> None:
    """Raises ``MissingExtra``, which says that ``what`` needs it."""
    if not installed(extra):
        raise MissingExtra(what, extra)

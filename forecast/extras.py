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
    "parquet": ("pyarrow",),
    "plot": ("matplotlib",),
    "postgres": ("psycopg",),
    "sources": ("httpx", "pandas", "sdmx"),
}

#: What is enough of an extra: of fracast only the weights are read, and not torch, which it would bring along.
LIGHTER = {"pretrained": "pip install --no-deps fracast==0.1.0"}


def installed(extra: str) -> bool:
    return all(find_spec(library) is not None for library in EXTRAS[extra])


def require(extra: str, what: str) -> None:
    """Raises ``MissingExtra``, which says that ``what`` needs it."""
    if not installed(extra):
        raise missing(extra, what)


def missing(extra: str, what: str) -> MissingExtra:
    """The error that says that ``what`` needs an extra, and how to install it."""
    return MissingExtra(what, extra, LIGHTER.get(extra, ""))

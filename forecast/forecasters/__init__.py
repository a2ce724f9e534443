"""The families by name. Importing this package imports no statsmodels and no Prophet: a family loads when asked for."""

from __future__ import annotations

import importlib
from collections.abc import Iterator, Mapping
from typing import cast

from forecast.errors import NotFound
from forecast.extras import installed, require
from forecast.forecasters.base import Coefficients, Fitted, Forecaster

__all__ = ["FORECASTERS", "Coefficients", "Fitted", "Forecaster", "fittable", "known", "left_out"]

_FAMILIES = {
    "grid": "grid.engine:Grid",
    "random-walk": "random_walk:RandomWalk",
    "seasonal-naive": "seasonal_naive:SeasonalNaive",
    "ets": "ets:Ets",
    "sarimax": "sarimax:Sarimax",
    "ucm": "ucm:Ucm",
    "prophet": "prophet:ProphetForecaster",
    "pretrained": "pretrained.family:Pretrained",
    "ensemble": "ensemble:Ensemble",
}
#: The extra of a family that needs more than training does.
_EXTRAS = {"prophet": "prophet", "pretrained": "pretrained", "ensemble": "pretrained"}
#: Families that one adds: where they are missing, nothing is.
_ADDED = frozenset({"pretrained", "ensemble"})


def known(name: str) -> str:
    """The name of a family, installed or not. Raises ``NotFound``."""
    if name not in _FAMILIES:
        raise NotFound("family", name, _FAMILIES)
    return name


def fittable(name: str) -> str:
    """The name of a family whose libraries are installed. Raises ``NotFound`` and ``MissingExtra``."""
    if extra := _EXTRAS.get(known(name)):
        require(extra, f"the family {name!r}")
    return name


def left_out() -> dict[str, str]:
    """The families of every training whose libraries are not installed, and the extra that each of them needs."""
    return {name: extra for name, extra in _EXTRAS.items() if name not in _ADDED and not installed(extra)}


class _Families(Mapping[str, Forecaster]):
    """Family name -> forecaster with its default settings, of the families whose libraries are installed."""

    def __getitem__(self, name: str) -> Forecaster:
        module, _, attribute = _FAMILIES[fittable(name)].partition(":")
        return cast(Forecaster, getattr(importlib.import_module(f"{__name__}.{module}"), attribute)())

    def __contains__(self, name: object) -> bool:
        return name in tuple(self)  # the mixin's own would catch KeyError only, and would load the family

    def __iter__(self) -> Iterator[str]:
        return (name for name in _FAMILIES if name not in _EXTRAS or installed(_EXTRAS[name]))

    def __len__(self) -> int:
        return sum(1 for _ in self)


FORECASTERS: Mapping[str, Forecaster] = _Families()

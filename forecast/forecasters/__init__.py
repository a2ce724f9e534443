"""The families by name. Importing this package imports no statsmodels and no Prophet: a family loads when asked for."""

from __future__ import annotations

import importlib
from collections.abc import Iterator, Mapping
from typing import cast

from forecast.errors import NotFound
from forecast.forecasters.base import Coefficients, Fitted, Forecaster

__all__ = ["FORECASTERS", "Coefficients", "Fitted", "Forecaster"]

_FAMILIES = {
    "grid": "grid.engine:Grid",
    "random-walk": "random_walk:RandomWalk",
    "seasonal-naive": "seasonal_naive:SeasonalNaive",
    "ets": "ets:Ets",
    "sarimax": "sarimax:Sarimax",
    "ucm": "ucm:Ucm",
    "prophet": "prophet:ProphetForecaster",
}


class _Families(Mapping[str, Forecaster]):
    """Family name -> forecaster with its default settings."""

    def __getitem__(self, name: str) -> Forecaster:
        if name not in _FAMILIES:
            raise NotFound("forecaster", name, _FAMILIES)
        module, _, attribute = _FAMILIES[name].partition(":")
        return cast(Forecaster, getattr(importlib.import_module(f"{__name__}.{module}"), attribute)())

    def __contains__(self, name: object) -> bool:
        return name in _FAMILIES  # the mixin's own would catch KeyError only, and would load the family

    def __iter__(self) -> Iterator[str]:
        return iter(_FAMILIES)

    def __len__(self) -> int:
        return len(_FAMILIES)


FORECASTERS: Mapping[str, Forecaster] = _Families()

"""The pretrained models by name. A model loads when it is asked for, and what it needs is imported then."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cache

from forecast.errors import NotFound
from forecast.forecasters.pretrained.adapters import Chronos2, TimesFM, TiRex
from forecast.forecasters.pretrained.fracast import Fracast
from forecast.forecasters.pretrained.model import ZeroShotModel

_MODELS: Mapping[str, Callable[[str], ZeroShotModel]] = {
    "fracast": Fracast.load,
    "chronos-2": Chronos2.load,
    "timesfm": TimesFM.load,
    "tirex": TiRex.load,
}


@cache
def load(name: str) -> ZeroShotModel:
    """A model by its name, or ``name:source`` with the folder of its weights, or where a hub has them.

    Raises ``NotFound``, ``MissingExtra`` or ``Misconfigured`` where the package is not installed, ``CorruptArtifact``.
    """
    model, _, source = name.partition(":")
    if model not in _MODELS:
        raise NotFound("pretrained model", model, _MODELS)
    return _MODELS[model](source)

"""The pretrained models by name. A model loads when it is asked for, and what it needs is imported then."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from forecast.errors import NotFound
from forecast.forecasters.pretrained.fracast import Fracast
from forecast.forecasters.pretrained.model import ZeroShotModel

_MODELS: Mapping[str, Callable[[], ZeroShotModel]] = {"fracast": Fracast.installed}


def load(name: str) -> ZeroShotModel:
    """A model by its name. Raises ``NotFound``, ``MissingExtra``."""
    if name not in _MODELS:
        raise NotFound("pretrained model", name, _MODELS)
    return _MODELS[name]()

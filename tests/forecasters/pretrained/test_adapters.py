"""Published models behind the one shape, by stand-ins that have the documented signatures; the real ones need torch."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from types import SimpleNamespace

import numpy as np
import numpy.typing as npt
import pytest

from forecast.errors import Misconfigured
from forecast.forecasters.pretrained import models
from forecast.forecasters.pretrained.model import DECILES

Array = npt.NDArray[np.floating]
CONTEXTS = [np.arange(30.0), np.arange(50.0), np.array([1.0, np.nan, 3.0])]


def deciles(contexts: Sequence[Array], horizon: int) -> Array:
    """The last value plus the level, in single precision."""
    assert all(context.dtype == np.float32 for context in contexts)
    last = np.array([context[-1] for context in contexts], dtype=np.float32)
    return np.tile((last[:, None] + np.array(DECILES))[:, None], (1, horizon, 1))


class ChronosPipeline:
    @classmethod
    def from_pretrained(cls, source: str, *, device_map: str) -> ChronosPipeline:
        assert (source, device_map) == ("amazon/chronos-2", "cpu")
        return cls()

    def predict_quantiles(
        self, inputs: list[Array], prediction_length: int | None = None, quantile_levels: Sequence[float] = ()
    ) -> tuple[list[Array], list[Array]]:
        assert prediction_length is not None
        assert tuple(quantile_levels) == DECILES
        q = deciles(inputs, prediction_length)
        return [one[None] for one in q], [one[None, :, 4] for one in q]


class TimesFMModel:
    settings: SimpleNamespace | None = None

    @classmethod
    def from_pretrained(cls, source: str) -> TimesFMModel:
        assert source == "/a/folder"
        return cls()

    def compile(self, forecast_config: SimpleNamespace) -> None:
        self.settings = forecast_config

    def forecast(self, horizon: int, inputs: list[Array]) -> tuple[Array, Array]:
        assert self.settings is not None
        assert not self.settings.infer_is_positive, "logs may be of either sign"
        q = deciles(inputs, self.settings.max_horizon)
        return q[..., 4], np.concatenate([q.mean(axis=2, keepdims=True), q], axis=2)


class TiRexModel:
    def forecast(
        self, context: list[Array], output_type: str = "torch", prediction_length: int = 0
    ) -> tuple[Array, Array]:
        assert output_type == "numpy"
        q = deciles(context, prediction_length)
        return q, q[..., 4]


def load_tirex(path: str, device: str) -> TiRexModel:
    assert (path, device) == ("NX-AI/TiRex", "cpu")
    return TiRexModel()


STANDINS = {
    "chronos-2": ("chronos", SimpleNamespace(BaseChronosPipeline=ChronosPipeline)),
    "timesfm:/a/folder": (
        "timesfm",
        SimpleNamespace(TimesFM_2p5_200M_torch=TimesFMModel, ForecastConfig=SimpleNamespace),
    ),
    "tirex": ("tirex", SimpleNamespace(load_model=load_tirex)),
}


@pytest.mark.parametrize("name", STANDINS)
def test_every_model_gives_deciles_of_each_context(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, *STANDINS[name])
    models.load.cache_clear()
    try:
        q = models.load(name).quantiles(CONTEXTS, 7)
    finally:
        models.load.cache_clear()
    assert q.shape == (3, 7, len(DECILES))
    np.testing.assert_allclose(q[:, 6, 4], [29.5, 49.5, 3.5])
    assert q.dtype == np.float64


@pytest.mark.parametrize(
    ("name", "project"), [("chronos-2", "chronos-forecasting"), ("timesfm", "timesfm"), ("tirex", "tirex-ts")]
)
def test_a_model_whose_package_is_not_installed_says_which(name: str, project: str) -> None:
    models.load.cache_clear()
    with pytest.raises(Misconfigured, match=f"pip install {project}$"):
        models.load(name)

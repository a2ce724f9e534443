"""Published pretrained models behind the one shape: Chronos-2, TimesFM 2.5, TiRex.

Each is installed by whoever wants it (``chronos-forecasting``, ``timesfm``, ``tirex-ts``; all need torch) and imported
when it is loaded; weights come from a local folder, or from the hub under the published name. They get logs, so that
nothing may be taken to be positive. Written to the documented signatures; no test here has run the real packages.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from importlib import import_module
from types import ModuleType
from typing import ClassVar, Protocol, Self

import numpy as np
import numpy.typing as npt

from forecast.errors import Misconfigured
from forecast.forecasters.pretrained.model import DECILES, Provenance
from forecast.forecasters.pretrained.safetensors import Singles
from forecast.timeseries.series import Floats


class _Chronos(Protocol):
    def predict_quantiles(
        self, inputs: list[Singles], *, prediction_length: int, quantile_levels: list[float]
    ) -> tuple[Sequence[npt.ArrayLike], object]:
        """Quantiles (1, H, Q) of each input, and means."""


class _TimesFM(Protocol):
    def compile(self, forecast_config: object) -> None:
        """Fix the settings."""

    def forecast(self, horizon: int, inputs: list[Singles]) -> tuple[object, npt.ArrayLike]:
        """Medians, and (N, H, 10): the mean, then the deciles."""


class _TiRex(Protocol):
    def forecast(
        self, context: list[Singles], *, prediction_length: int, output_type: str
    ) -> tuple[npt.ArrayLike, object]:
        """Deciles (N, H, 9), and means."""


@dataclass(frozen=True, eq=False)
class Chronos2:
    """Chronos-2 (Ansari and others, arXiv:2510.15821)."""

    pipeline: _Chronos

    provenance: ClassVar[Provenance] = Provenance(
        "chronos-2",
        "Apache-2.0",
        "parts of the Chronos and GiftEvalPretrain datasets and made-up series",
        dt.date(2025, 10, 20),
    )
    context: ClassVar[int] = 8192

    @classmethod
    def load(cls, source: str) -> Self:
        """From a folder or a name on the hub. Raises ``Misconfigured`` where the package is not installed."""
        pipelines = _module("chronos", "chronos-forecasting").BaseChronosPipeline
        return cls(pipelines.from_pretrained(source or "amazon/chronos-2", device_map="cpu"))

    def quantiles(self, contexts: Sequence[Floats], horizon: int) -> Floats:
        """(N, horizon, 9) at ``DECILES``."""
        inputs = _inputs(contexts, self.context)
        q, _ = self.pipeline.predict_quantiles(inputs, prediction_length=horizon, quantile_levels=list(DECILES))
        return np.stack([np.asarray(each, dtype=float).reshape(horizon, len(DECILES)) for each in q])


@dataclass(frozen=True, eq=False)
class TimesFM:
    """TimesFM 2.5 (Das and others, arXiv:2310.10688)."""

    model: _TimesFM

    provenance: ClassVar[Provenance] = Provenance(
        "timesfm-2.5",
        "Apache-2.0",
        "the GiftEvalPretrain datasets, Wikipedia page views, Google Trends and made-up series",
        dt.date(2025, 9, 15),
    )
    context: ClassVar[int] = 2048
    _MOST_AHEAD: ClassVar[int] = 256

    @classmethod
    def load(cls, source: str) -> Self:
        """From a folder or a name on the hub. Raises ``Misconfigured`` where the package is not installed."""
        timesfm = _module("timesfm", "timesfm")
        model = timesfm.TimesFM_2p5_200M_torch.from_pretrained(source or "google/timesfm-2.5-200m-pytorch")
        model.compile(
            timesfm.ForecastConfig(
                max_context=cls.context,
                max_horizon=cls._MOST_AHEAD,
                normalize_inputs=True,
                use_continuous_quantile_head=True,
                infer_is_positive=False,
                fix_quantile_crossing=True,
            )
        )
        return cls(model)

    def quantiles(self, contexts: Sequence[Floats], horizon: int) -> Floats:
        """(N, horizon, 9) at ``DECILES``, at most 256 periods ahead."""
        _, q = self.model.forecast(horizon=horizon, inputs=_inputs(contexts, self.context))
        return np.asarray(q, dtype=float)[:, :horizon, 1:]


@dataclass(frozen=True, eq=False)
class TiRex:
    """TiRex (Auer and others, arXiv:2505.23719); its licence sets terms for commercial use."""

    model: _TiRex

    provenance: ClassVar[Provenance] = Provenance(
        "tirex",
        "NXAI Community License",
        "the Chronos and GiftEvalPretrain datasets and made-up series",
        dt.date(2025, 5, 29),
    )
    context: ClassVar[int] = 2048

    @classmethod
    def load(cls, source: str) -> Self:
        """From a folder or a name on the hub. Raises ``Misconfigured`` where the package is not installed."""
        return cls(_module("tirex", "tirex-ts").load_model(source or "NX-AI/TiRex", device="cpu"))

    def quantiles(self, contexts: Sequence[Floats], horizon: int) -> Floats:
        """(N, horizon, 9) at ``DECILES``."""
        inputs = _inputs(contexts, self.context)
        q, _ = self.model.forecast(context=inputs, prediction_length=horizon, output_type="numpy")
        return np.asarray(q, dtype=float)


def _inputs(contexts: Sequence[Floats], most: int) -> list[Singles]:
    return [context[-most:].astype(np.float32) for context in contexts]


def _module(name: str, project: str) -> ModuleType:
    try:
        return import_module(name)
    except ImportError as error:
        raise Misconfigured(f"the pretrained model needs the package {project}: pip install {project}") from error

"""Fracast-0 in numpy: the forward pass of a network of 85,001 weights that forecasts without being fitted.

Apache-2.0 (https://github.com/ztxtech/fracast-0); the design follows TinyCast (arXiv:2608.15767). One causal block,
reused at the dilations 1, 2, 4 … 512, encodes the last 2,048 values; a head reads nine quantiles of the next 48 from
their mean and the last ones, and from a seasonal pattern at the periods that the periodogram shows. The package needs
torch; of it only the weights are read here, and the same numbers come out to a few millionths.

A context is shorter than 2,048 values, mostly: the empty places before it are computed too, once for all contexts in
which the same periods were found. Shapes: B contexts, W places, D features, H horizons, Q levels.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import ClassVar

import numpy as np
import numpy.typing as npt

from forecast.errors import CorruptArtifact
from forecast.extras import require
from forecast.forecasters.pretrained.layers import CausalBlock, GatedUnit, Linear, Norm, padded
from forecast.forecasters.pretrained.model import DECILES, Provenance
from forecast.forecasters.pretrained.safetensors import Singles, read
from forecast.timeseries.series import Floats

CONTEXT, BLOCK = 2048, 48  # values seen, and forecast in one pass
_STAGES, _FUTURE_STAGES, _SEED = 10, 6, 128
_PERIODS, _PHASES = 4, 16
_SIGNIFICANCE = 0.05
_LEAST_SPAN = 1e-5
_FILE = "model.safetensors"
_SHA256 = "0d678f123f3d1f91c5065cca2b5d40eccc469360afc2381b27290486011ded2c"

Periods = npt.NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Contexts:
    """Scaled contexts: ``values`` (B, W) in 0 … 1, 0 where missing; ``known`` (B, W); the scale ``low``, ``span``
    (B, 1)."""

    values: Singles
    known: npt.NDArray[np.bool_]
    low: Floats
    span: Floats

    @classmethod
    def of(cls, rows: Sequence[Floats | Singles]) -> Contexts:
        """From the latest values of series of any lengths, NaN where missing."""
        x = np.full((len(rows), CONTEXT), np.nan, dtype=np.float32)
        for place, row in zip(x, rows, strict=True):
            tail = row[-CONTEXT:]
            place[CONTEXT - len(tail) :] = tail
        low = np.nanmin(x, axis=1, keepdims=True).astype(float)
        span = np.maximum(np.nanmax(x, axis=1, keepdims=True) - low, _LEAST_SPAN)
        known = np.isfinite(x)
        return cls(np.where(known, (x - low) / span, 0.0).astype(np.float32), known, low, span)


@dataclass(frozen=True, eq=False)
class _Empty:
    """Places without values: ``inputs`` of each stage (1, 2 · dilation + L, D), and what comes ``out`` (L, D)."""

    inputs: tuple[Singles, ...]
    out: Singles


@dataclass(frozen=True, eq=False)
class Fracast:
    """The network: layers by their role."""

    values: Linear
    phases: Linear
    scales: Singles
    shifts: Singles
    block: CausalBlock
    norm: Norm
    summary: Linear
    queries: Singles
    decoder: GatedUnit
    smoothing: tuple[tuple[Singles, Singles, Norm], ...]
    future: Linear
    future_block: CausalBlock
    future_out: Linear
    out: Linear

    context: ClassVar[int] = CONTEXT
    provenance: ClassVar[Provenance] = Provenance(
        "fracast-0 0.1.0",
        "Apache-2.0",
        "LOTSA, GiftEvalPretrain, Chronos, BOOM and fev datasets (with FRED-MD and M4 among them) and made-up series",
        dt.date(2025, 9, 30),
    )

    @classmethod
    def load(cls, source: str = "") -> Fracast:
        """From the folder ``source`` that holds the weights, or from those of the installed package ``fracast``, which
        is not imported: that would need torch.

        Raises ``MissingExtra`` where it is not installed, ``CorruptArtifact`` for weights other than those of 0.1.0.
        """
        if not source:
            require("pretrained", "the pretrained model 'fracast'")
        path = Path(source) if source else _installed()
        weights = read(path / _FILE)
        if hashlib.sha256((path / _FILE).read_bytes()).hexdigest() != _SHA256:
            raise CorruptArtifact(_FILE, "these are not the weights of fracast 0.1.0")
        return cls.of(weights)

    @classmethod
    def of(cls, w: Mapping[str, Singles]) -> Fracast:
        condition, smooth = Linear.of(w, "core.scale.to_gb"), "head.fc_blocks.{}"
        gain, shift = np.split(condition(_stage_features()), 2, axis=1)
        smoothing = tuple(
            (w[f"{name}.dw_weight"][:, 0].T, w[f"{name}.dw_bias"], Norm(w[f"{name}.norm.weight"]))
            for name in (smooth.format(i) for i in range(2))
        )
        return cls(
            Linear.of(w, "core.in_proj"),
            Linear.of(w, "core.periodic.proj"),
            1 + gain,
            shift,
            CausalBlock.of(w, "core.block"),
            Norm(w["core.norm.weight"]),
            Linear.of(w, "head.summary_proj"),
            w["head.queries"],
            GatedUnit.of(w, "head.decoder_ffns.0", "head.decoder_norms.0"),
            smoothing,
            Linear.of(w, "head.future_conv.in_proj"),
            CausalBlock.of(w, "head.future_conv.block"),
            Linear.of(w, "head.future_conv.out_proj"),
            Linear.of(w, "head.out_proj"),
        )

    def quantiles(self, contexts: Sequence[Floats], horizon: int) -> Floats:
        """(B, H, Q) quantiles at ``DECILES`` of the next values of each context, oldest value first, NaN where missing.

        Beyond 48 the medians are taken for values and the pass repeated, as the package does.
        """
        rows, blocks = list[Floats | Singles](contexts), []
        for first in range(0, horizon, BLOCK):
            scaled = Contexts.of(rows)
            block = self._forward(scaled, min(horizon - first, BLOCK)) * scaled.span[..., None] + scaled.low[..., None]
            blocks.append(block)
            medians = block[..., len(DECILES) // 2]
            rows = [np.concatenate([row, median]) for row, median in zip(rows, medians, strict=True)]
        return np.concatenate(blocks, axis=1)

    def _forward(self, contexts: Contexts, horizon: int) -> Singles:
        periods = significant_periods(contexts)
        mean, last = self._encode(contexts, periods)
        return self._decode(mean, last, seasonal_fill(contexts, periods[:, 0], horizon))

    def _encode(self, contexts: Contexts, periods: Periods) -> tuple[Singles, Singles]:
        """Mean of what comes out of all places (B, D), and what comes out of the last ones (B, 128, D)."""
        starts, features = np.argmax(contexts.known, axis=1), len(self.norm.weight)
        mean = np.empty((len(starts), features), dtype=np.float32)
        last = np.empty((len(starts), _SEED, features), dtype=np.float32)
        same, group = np.unique(periods, axis=0, return_inverse=True)
        for number, own in enumerate(same):
            rows, phases = np.flatnonzero(group == number), self.phases(phase_features(own))
            empty = self._empty(phases[: starts[rows].max()])
            for i in rows:
                start = int(starts[i])
                entering = self._inputs(contexts.values[i, start:], contexts.known[i, start:], phases[start:])
                out = self._after(empty, entering, start)
                mean[i] = (empty.out[:start].sum(axis=0) + out.sum(axis=0)) / CONTEXT
                last[i] = np.concatenate([empty.out[max(start - _SEED, 0) : start], out])[-_SEED:]
        return mean, last

    def _after(self, empty: _Empty, x: Singles, start: int) -> Singles:
        """(L, D) what comes out of the places from ``start`` on, into which ``x`` (1, L, D) enters."""
        for stage, (before, dilation) in enumerate(zip(empty.inputs, _dilations(_STAGES), strict=True)):
            past = before[:, start : start + 2 * dilation]
            x = self.block(np.concatenate([past, self._scaled(x, stage)], axis=1), dilation)
        return self.norm(x[0])

    def _empty(self, phases: Singles) -> _Empty:
        """The first places, as many as ``phases`` (L, D) has, where they hold no values."""
        nothing = np.zeros(len(phases), dtype=np.float32)
        x, inputs = self._inputs(nothing, nothing, phases, first=0), []
        for stage, dilation in enumerate(_dilations(_STAGES)):
            inputs.append(padded(self._scaled(x, stage), 2 * dilation))
            x = self.block(inputs[-1], dilation)
        return _Empty(tuple(inputs), self.norm(x[0]))

    def _scaled(self, x: Singles, stage: int) -> Singles:
        return np.asarray(x * self.scales[stage] + self.shifts[stage])

    def _inputs(
        self, values: Singles, known: npt.NDArray[np.generic], phases: Singles, first: int | None = None
    ) -> Singles:
        """(1, L, D) what enters at places from ``first`` on, or at the last L ones."""
        first = CONTEXT - len(values) if first is None else first
        recency = recency_features(np.arange(first, first + len(values)))
        columns = np.column_stack([values, known, recency]).astype(np.float32)
        return (self.values(columns) + phases)[None]

    def _decode(self, mean: Singles, last: Singles, fill: Singles) -> Singles:
        """(B, H, Q) scaled quantiles; ``fill`` (B, H): a seasonal pattern."""
        B, H = fill.shape
        recency = np.broadcast_to(recency_features(np.arange(CONTEXT, CONTEXT + H)), (B, H, 5))
        summary = np.concatenate([mean, last[:, -1]], axis=1)[:, None]
        x = self.summary(np.concatenate([recency, np.broadcast_to(summary, (B, H, summary.shape[-1]))], axis=2))
        x = self.decoder(x + self.queries[:H])
        for (taps, bias, norm), dilation in zip(self.smoothing, _dilations(2), strict=True):
            ahead = padded(x, 2 * dilation)
            x = norm(x + bias + sum(tap * ahead[:, k * dilation : k * dilation + H] for k, tap in enumerate(taps)))
        state = np.concatenate([last, self.future(np.concatenate([fill[..., None], recency], axis=2))], axis=1)
        for dilation in _dilations(_FUTURE_STAGES):
            state = self.future_block(padded(state, 2 * dilation), dilation)
        return self.out(x + self.future_out(state[:, -H:]))


def _installed() -> Path:
    """The folder of the weights in the installed package."""
    found = find_spec("fracast")
    assert found is not None
    assert found.origin is not None
    return Path(found.origin).parent / "weights"


def _dilations(stages: int) -> list[int]:
    return [2**stage for stage in range(stages)]


def _stage_features() -> Singles:
    """(10, 8) sine and cosine of the number of each stage, at four frequencies."""
    angles = (np.arange(_STAGES, dtype=np.float32)[:, None] / 2 ** np.arange(4, dtype=np.float32)) * math.pi
    return np.concatenate([np.sin(angles), np.cos(angles)], axis=1)


def recency_features(places: npt.NDArray[np.int64]) -> Singles:
    """(L, 5) how far places are from the last one that is seen, in contexts: the distance, its log, and decays."""
    distance = (places.astype(np.float32) - np.float32(CONTEXT - 1)) / np.float32(CONTEXT)
    size = np.abs(distance)
    log = np.sign(distance) * np.log1p(size) / np.float32(math.log(2.0))
    return np.stack([distance, log, *(np.exp(-np.float32(rate) * size) for rate in (0.5, 2.0, 8.0))], axis=1)


def phase_features(periods: Periods) -> Singles:
    """(W, 2 · 4) sine and cosine of each place's phase in each of four periods; 0 where a period is 0."""
    # in single precision as the weights were learned: far phases are a little off there
    places = np.arange(CONTEXT, dtype=np.float32)[:, None]
    phase = np.float32(2.0 * math.pi) * places / np.maximum(periods, 1).astype(np.float32)
    pairs = np.stack([np.sin(phase), np.cos(phase)], axis=2) * (periods > 0)[:, None]
    return np.asarray(pairs.reshape(CONTEXT, -1), dtype=np.float32)


def significant_periods(contexts: Contexts) -> Periods:
    """(B, 4) periods at the highest significant peaks of the periodogram, highest first, 0 where there are fewer."""
    x, known = contexts.values, contexts.known
    mean = x.sum(axis=1, keepdims=True) / np.maximum(known.sum(axis=1, keepdims=True), 1).astype(np.float32)
    filled = np.where(known, x, mean)
    power = np.abs(np.fft.rfft(filled - filled.mean(axis=1, keepdims=True), axis=1))[:, 1:] ** 2
    share = power / np.maximum(power.sum(axis=1, keepdims=True), np.float32(1e-12))
    bins = share.shape[1]
    peak = np.zeros(share.shape, dtype=bool)
    peak[:, 1:-1] = (share[:, 1:-1] > share[:, :-2]) & (share[:, 1:-1] > share[:, 2:])
    peak[:, 0] = False  # periods from 2 places to half of them
    score = np.where(peak & (share >= math.log(bins / _SIGNIFICANCE) / bins), share, -np.inf)
    best = np.argsort(-score, axis=1, kind="stable")[:, :_PERIODS]
    found = np.isfinite(np.take_along_axis(score, best, axis=1))
    return np.where(found, np.rint(CONTEXT / (best + 1).astype(np.float32)).astype(np.int64), 0)


def seasonal_fill(contexts: Contexts, period: npt.NDArray[np.int64], horizon: int) -> Singles:
    """(B, H) the mean of the values at the phase of each place ahead, in sixteen phases of each one's main ``period``
    (B,); the mean of all where there is none."""
    places = np.arange(CONTEXT + horizon, dtype=np.float32)
    length = np.maximum(period, 1)[:, None].astype(np.float32)
    phase = np.minimum((np.mod(places, length) / length * _PHASES).astype(np.int64), _PHASES - 1)
    past, ahead = phase[:, :CONTEXT], phase[:, CONTEXT:]
    cell = past + _PHASES * np.arange(len(past))[:, None]
    shape = (len(past), _PHASES)
    counts, totals = (
        np.bincount(cell.ravel(), weight.ravel(), shape[0] * shape[1]).reshape(shape)
        for weight in (contexts.known, contexts.values)
    )
    overall = totals.sum(axis=1, keepdims=True) / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    means = np.where(counts > 0, totals / np.maximum(counts, 1), overall)
    return np.take_along_axis(means, ahead, axis=1).astype(np.float32)

"""Layers of convolutional networks in single precision: RMS norm, SwiGLU, a dilated causal block; numpy only.

Shapes: rows are positions in time, oldest first; D features. Weights are those of torch modules: a linear layer has
(out, in), a depthwise convolution (D, 1, kernel), oldest tap first.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from forecast.forecasters.pretrained.safetensors import Singles

_EPS = np.finfo(np.float32).eps  # of the norm: the default of torch
_ROWS = 1024  # rows at a time: what is made of them stays in the cache


@dataclass(frozen=True, eq=False)
class Linear:
    """y = x W + b; ``weight`` (in, out)."""

    weight: Singles
    bias: Singles

    @classmethod
    def of(cls, weights: Mapping[str, Singles], name: str) -> Linear:
        return cls(np.ascontiguousarray(weights[f"{name}.weight"].T), weights[f"{name}.bias"])

    def __call__(self, x: Singles) -> Singles:
        return np.asarray(x @ self.weight + self.bias)


@dataclass(frozen=True, eq=False)
class Norm:
    """Root mean square normalisation (Zhang and Sennrich, NeurIPS 2019)."""

    weight: Singles

    def __call__(self, x: Singles) -> Singles:
        square = np.einsum("...i,...i->...", x, x) / np.float32(x.shape[-1])
        return np.asarray(x * (1 / np.sqrt(square + _EPS))[..., None] * self.weight)


@dataclass(frozen=True, eq=False)
class GatedUnit:
    """Norm of x plus its SwiGLU (Shazeer, arXiv:2002.05202): down(silu(gate) · value), gate and value one layer up."""

    up: Linear
    down: Linear
    norm: Norm

    @classmethod
    def of(cls, weights: Mapping[str, Singles], name: str, norm: str) -> GatedUnit:
        up, down = (Linear.of(weights, f"{name}.{layer}") for layer in ("up", "down"))
        return cls(up, down, Norm(weights[f"{norm}.weight"]))

    def __call__(self, x: Singles) -> Singles:
        """(..., D) from (..., D)."""
        rows = x.reshape(-1, x.shape[-1])
        out = np.empty_like(rows)
        for first in range(0, len(rows), _ROWS):
            some = rows[first : first + _ROWS]
            gate, value = np.split(self.up(some), 2, axis=1)
            with np.errstate(over="ignore"):  # far below 0 the gate is shut
                value *= gate / (1 + np.exp(-gate))
            out[first : first + _ROWS] = self.norm(some + self.down(value))
        return out.reshape(x.shape)


@dataclass(frozen=True, eq=False)
class CausalBlock:
    """Norm of x plus its depthwise separable convolution with three taps, then a gated unit.

    The two linear steps of the convolution and x itself are one matrix: ``taps`` (3 D → D).
    """

    taps: Linear
    norm: Norm
    unit: GatedUnit

    @classmethod
    def of(cls, weights: Mapping[str, Singles], name: str) -> CausalBlock:
        depthwise, mix = weights[f"{name}.dw_weight"][:, 0], weights[f"{name}.pw.weight"]
        taps = np.stack([tap[:, None] * mix.T for tap in depthwise.T])
        taps[-1] += np.eye(len(mix), dtype=np.float32)
        bias = mix @ weights[f"{name}.dw_bias"] + weights[f"{name}.pw.bias"]
        unit = GatedUnit.of(weights, f"{name}.ffn", f"{name}.norm2")
        return cls(Linear(taps.reshape(-1, len(mix)), bias), Norm(weights[f"{name}.norm1.weight"]), unit)

    def __call__(self, x: Singles, dilation: int) -> Singles:
        """(B, L, D) from (B, 2 · dilation + L, D), the rows before the first one wanted ahead."""
        length = x.shape[1] - 2 * dilation
        taps = np.concatenate([x[:, k * dilation : k * dilation + length] for k in range(3)], axis=2)
        return self.unit(self.norm(self.taps(taps)))


def padded(x: Singles, rows: int) -> Singles:
    """(B, rows + L, D): ``x`` (B, L, D) with zeros ahead."""
    return np.pad(x, ((0, 0), (rows, 0), (0, 0)))

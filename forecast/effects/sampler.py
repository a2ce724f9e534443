"""Joint posterior of how each episode acted and how strongly: a mean field, then a Gibbs sampler from there.

Given the others, an episode's candidates are compared by marginal likelihood and its size is normal. With xx, xy as in
``profile`` and the prior N(m, τ²):

    b = (xy + m/τ²)/(xx + 1/τ²),  sd = (xx + 1/τ²)^−½,  log ML = −½ log(τ²(xx + 1/τ²)) + ½(b²(xx + 1/τ²) − m²/τ²).

The mean field (each episode given the mean of the others) settles the noise and is where the draws start; episodes
whose designs do not overlap are independent, so that for them it is the answer.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from forecast.effects.profile import Profile
from forecast.timeseries.series import Floats

Choices = npt.NDArray[np.int16]
Sizes = npt.NDArray[np.float32]

#: Rounds over the episodes: of the mean field, and of the sampler that starts from it.
SETTLE, ROUNDS = 4, 3
#: Degrees of freedom of the prior of a size.
DF = 4.0
#: A whitened design counts where it exceeds this share of its largest value.
_VISIBLE = 1e-2


@dataclass(frozen=True, eq=False)
class Block:
    """One episode: whitened candidates ``E`` (m, K), their ``log_prior`` (K,), prior mean and sd of the size.

    ``level`` (K,): what each candidate averages over the episode's window per unit of size; empty without a window.
    """

    E: Floats
    log_prior: Floats
    mean: float
    sd: float
    level: Floats


@dataclass(frozen=True, eq=False)
class Marginal:
    """Posterior of one episode: weight, conditional mean and sd of the size of each candidate, all (K,)."""

    weight: Floats
    mean: Floats
    sd: Floats


def posterior(xx: Floats, xy: Floats, block: Block) -> tuple[Floats, Floats, Floats]:
    """Conditional mean and sd of the size, and log weight (not normalised), of each candidate; ``xy`` (..., K)."""
    kappa = 1 / block.sd**2
    precision = xx + kappa
    b = (xy + block.mean * kappa) / precision
    constant = block.log_prior - 0.5 * (block.mean**2 * kappa + np.log(precision / kappa))
    return b, precision**-0.5, 0.5 * b * b * precision + constant


def weights(log_weight: Floats) -> Floats:
    """(..., K) normalised."""
    weight = np.exp(log_weight - log_weight.max(axis=-1, keepdims=True))
    return np.asarray(weight / weight.sum(axis=-1, keepdims=True))


@dataclass(frozen=True, eq=False)
class Joint:
    """The episodes of one series: (xx, xy) of each, and for each the others that overlap, with G (K_other, K)."""

    view: Profile
    blocks: tuple[Block, ...]
    products: tuple[tuple[Floats, Floats], ...]
    couplings: tuple[dict[int, Sizes], ...]

    @classmethod
    def of(cls, view: Profile, blocks: Sequence[Block]) -> Joint:
        products = tuple(view.products(block.E) for block in blocks)
        return cls(view, tuple(blocks), products, _coupled(view, blocks))

    def rescaled(self, variance: float) -> Joint:
        """The same with the noise found to have this variance instead of 1."""
        return Joint(
            self.view.rescaled(variance),
            tuple(replace(block, E=block.E / np.sqrt(variance)) for block in self.blocks),
            tuple((xx / variance, xy / variance) for xx, xy in self.products),
            tuple({e: G / np.float32(variance) for e, G in row.items()} for row in self.couplings),
        )

    def mean_field(self) -> list[Marginal]:
        """Each episode's posterior given the mean path of the others."""
        means = [np.zeros(len(block.log_prior)) for block in self.blocks]
        found: list[Marginal] = []
        for _ in range(SETTLE):
            found = []
            for e, (block, (xx, xy)) in enumerate(zip(self.blocks, self.products, strict=True)):
                left = xy - sum(means[other] @ G for other, G in self.couplings[e].items())
                b, sd, log_weight = posterior(xx, left, block)
                found.append(Marginal(weights(log_weight), b, sd))
                means[e] = found[e].weight * b
        return found

    def loosened(self) -> Joint:
        """With the prior sd that each size itself suggests: a Student-t prior as a scale mixture of normals.

        τ² = (ν s² + E[(size − m)²])/(ν + 1), the mean field's update for ν degrees of freedom: what is small hardly
        changes its prior, and what is large beyond doubt is not shrunk as if it were not.
        """
        blocks = []
        for block, q in zip(self.blocks, self.mean_field(), strict=True):
            square = float(q.weight @ ((q.mean - block.mean) ** 2 + q.sd**2))
            blocks.append(replace(block, sd=float(np.sqrt((DF * block.sd**2 + square) / (DF + 1)))))
        return replace(self, blocks=tuple(blocks))

    def settled(self) -> tuple[Joint, list[Marginal]]:
        """With the noise variance that the whole sample shows once the episodes are out of it; and its mean field."""
        marginals = self.mean_field()
        path = sum(block.E @ (q.weight * q.mean) for block, q in zip(self.blocks, marginals, strict=True))
        left = self.view.Y - path
        rss = left @ left - np.sum(self.view.shadow(left) ** 2)
        for (xx, _), block, q in zip(self.products, self.blocks, marginals, strict=True):
            mean = block.E @ (q.weight * q.mean)
            spread = q.weight @ ((q.mean**2 + q.sd**2) * xx) - mean @ mean + np.sum(self.view.shadow(mean) ** 2)
            rss += max(float(spread), 0.0)
        joint = self.rescaled(float(np.clip(rss / self.view.dof, 0.25, 4.0))).loosened()
        return joint, joint.mean_field()

    def draw(self, start: Sequence[Marginal], n: int, rng: np.random.Generator) -> tuple[Choices, Sizes]:
        """Choices (E, n) and sizes (E, n): draw i of all episodes belongs together."""
        choice = np.zeros((len(self.blocks), n), dtype=np.int16)
        size = np.zeros((len(self.blocks), n), dtype=np.float32)
        for e, q in enumerate(start):
            choice[e] = rng.choice(len(q.weight), size=n, p=q.weight)
            size[e] = q.mean[choice[e]] + q.sd[choice[e]] * rng.standard_normal(n)
        for _ in range(ROUNDS):
            for e, couplings in enumerate(self.couplings):
                if couplings:
                    xx, xy = self.products[e]
                    left = np.repeat(xy[None, :].astype(np.float32), n, axis=0)
                    for other, G in couplings.items():
                        left -= size[other][:, None] * G[choice[other]]
                    choice[e], size[e] = _redraw(xx, left, self.blocks[e], rng)
        return choice, size


def _redraw(xx: Floats, xy: Sizes, block: Block, rng: np.random.Generator) -> tuple[Choices, Sizes]:
    """A candidate and a size for each draw, from its own ``xy`` (n, K), in single precision."""
    kappa = np.float32(1 / block.sd**2)
    precision: Sizes = (xx + kappa).astype(np.float32)
    b: Sizes = np.asarray((xy + np.float32(block.mean) * kappa) / precision)
    log_weight = np.float32(0.5) * b * b * precision
    log_weight += (block.log_prior - 0.5 * np.log(precision / kappa)).astype(np.float32)
    log_weight -= log_weight.max(axis=1, keepdims=True)
    cumulated = np.cumsum(np.exp(log_weight, out=log_weight), axis=1)
    n, last = xy.shape[0], xy.shape[1] - 1
    u = rng.random((n, 1), dtype=np.float32) * cumulated[:, -1:]
    choice = np.minimum((cumulated <= u).sum(axis=1), last)
    size = b[np.arange(n), choice] + (1 / np.sqrt(precision[choice])) * rng.standard_normal(n, dtype=np.float32)
    return choice.astype(np.int16), size


def _coupled(view: Profile, blocks: Sequence[Block]) -> tuple[dict[int, Sizes], ...]:
    """For each episode those that overlap with it, with the cross products (K_other, K)."""
    spans = [_visible(block.E) for block in blocks]
    shadows = [view.shadow(block.E) for block in blocks]
    couplings: list[dict[int, Sizes]] = [{} for _ in blocks]
    for a in range(len(blocks)):
        for b in range(a + 1, len(blocks)):
            rows = np.flatnonzero(spans[a] & spans[b])
            if rows.size:
                G = blocks[a].E[rows].T @ blocks[b].E[rows] - shadows[a].T @ shadows[b]
                couplings[b][a], couplings[a][b] = G.astype(np.float32), G.T.astype(np.float32)
    return tuple(couplings)


def _visible(E: Floats) -> npt.NDArray[np.bool_]:
    height = np.abs(E).max(axis=1)
    return np.asarray(height > _VISIBLE * height.max(initial=0.0))

"""Joint posterior of the episodes' candidates and sizes: exact tables for one or two, a Gibbs sampler for more.

For two episodes all cells are tabulated (``joint_tables``) and drawn from: there is no chain, no start and no order.
For more, a Gibbs sampler moves one episode at a time with the sizes of its neighbours integrated out as well (a
collapsed sampler: Liu, The collapsed Gibbs sampler in Bayesian computations, JASA 89, 1994), which is why an idle
neighbour that has taken a real effect gives it back.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from forecast.effects.joint_tables import COLLINEAR_CORRELATION, EpisodeBlock, PosteriorTable, normalised, pair_table
from forecast.effects.profile import Profile
from forecast.timeseries.series import Floats

Ints = npt.NDArray[np.int64]

#: Neighbours whose sizes are integrated out while an episode moves; sizes of others are held.
INTEGRATED_NEIGHBOURS = 6
#: Rounds over the episodes after which the chains are looked at, and at most.
ROUNDS, MOST_ROUNDS = 5, 60
#: Standard errors by which the mean effects of the two kinds of start may differ by chance.
CONVERGENCE_SE = 3.0
#: Chains of the sampler at most; more draws than that repeat them.
CHAINS = 250
#: Episodes whose designs are nowhere correlated beyond this do not overlap.
MAX_SEPARATE_CORRELATION = 0.1
_OFF_VARIANCE = 1e-12


@dataclass(frozen=True, eq=False)
class PosteriorDraws:
    """n joint draws over E episodes, all (E, n): candidate, scale (S where it did nothing) and size on the log.

    ``unsettled``: the episodes whose effect still depended on the start of its chain when the draws were taken.
    """

    choice: Ints
    scale: Ints
    size: Floats
    unsettled: frozenset[int] = frozenset()

    @classmethod
    def off(cls, blocks: Sequence[EpisodeBlock], n: int) -> PosteriorDraws:
        nothing = np.array([len(block.scales.mean) for block in blocks])
        return cls(
            np.zeros((len(blocks), n), dtype=np.int64),
            np.repeat(nothing[:, None], n, axis=1),
            np.zeros((len(blocks), n)),
        )

    @classmethod
    def mixed(cls, parts: Sequence[PosteriorDraws], order: Ints) -> PosteriorDraws:
        """The draws of all parts, in this order."""
        return cls(
            np.concatenate([part.choice for part in parts], axis=1)[:, order],
            np.concatenate([part.scale for part in parts], axis=1)[:, order],
            np.concatenate([part.size for part in parts], axis=1)[:, order],
            frozenset().union(*(part.unsettled for part in parts)),
        )


@dataclass(frozen=True, eq=False)
class JointPosterior:
    """The episodes of one series, in the order of their start: ``products`` (xx, xy) of each; ``designs`` (m, K), what
    of its candidates is no nuisance; ``groups`` that overlap; ``couplings`` with the next of its group, G (K, K_other).
    """

    view: Profile
    blocks: tuple[EpisodeBlock, ...]
    products: tuple[tuple[Floats, Floats], ...]
    designs: tuple[Floats, ...]
    groups: list[list[int]]
    couplings: tuple[dict[int, Floats], ...]

    @classmethod
    def of(cls, view: Profile, blocks: Sequence[EpisodeBlock]) -> JointPosterior:
        products = tuple(view.products(block.E) for block in blocks)
        designs = tuple(block.E - view.shade(block.E) for block in blocks)
        groups = _groups(blocks, designs, products)
        return cls(view, tuple(blocks), products, designs, groups, _coupled(blocks, designs, groups))

    def rescaled(self, variance: float) -> JointPosterior:
        """The same with the noise found to have this variance instead of 1."""
        return JointPosterior(
            self.view.rescaled(variance),
            tuple(replace(block, E=block.E / np.sqrt(variance)) for block in self.blocks),
            tuple((xx / variance, xy / variance) for xx, xy in self.products),
            tuple(design / np.sqrt(variance) for design in self.designs),
            self.groups,
            tuple({e: G / variance for e, G in row.items()} for row in self.couplings),
        )

    def variance(self, state: PosteriorDraws) -> float:
        """Of the noise: mean square of what draws leave of the series, over their mean as over their spread."""
        paths = sum(
            block.E[:, choice] * size for block, choice, size in zip(self.blocks, state.choice, state.size, strict=True)
        )
        left = self.view.Y[:, None] - paths
        rss = np.sum(left**2, axis=0) - np.sum(self.view.shadow(left) ** 2, axis=0)
        return float(rss.mean() / self.view.dof)

    def draw(self, n: int, rng: np.random.Generator) -> PosteriorDraws:
        """n joint draws: exact where no more than two episodes overlap, else of chains that have forgotten their start.

        Half of the chains start with nothing acting, half with one episode alone, each in turn. Rounds go on until
        both halves tell the same of every episode (Gelman and Rubin, Inference from iterative simulation using multiple
        sequences, Statistical Science 7, 1992); where they do not, the episode is ``unsettled``.
        """
        state = PosteriorDraws.off(self.blocks, n)
        unsettled: set[int] = set()
        for group in self.groups:
            if len(group) == 1:
                self._draw_one(group[0], state, slice(0, n), rng)
            elif len(group) == 2:
                self._draw_two(group, state, rng)
            else:
                unsettled |= self._draw_more(group, state, rng)
        return replace(state, unsettled=frozenset(unsettled))

    def _draw_more(self, group: Sequence[int], state: PosteriorDraws, rng: np.random.Generator) -> set[int]:
        """Draws of as many chains as are kept, each as often as it takes; the episodes that have not settled."""
        n = state.size.shape[1]
        chains = PosteriorDraws.off(self.blocks, min(n, CHAINS))
        half = len(chains.size[0]) // 2
        for k, e in enumerate(group):
            self._draw_one(e, chains, slice(half + k, None, len(group)), rng)
        path, unsettled = self._path(group, chains), set(group)
        for _ in range(MOST_ROUNDS // ROUNDS):
            for e in list(group) * ROUNDS:
                moving = [*self._near(e, group), e]
                path -= self._path(moving, chains)
                self._move(moving, chains, path, rng)
                path += self._path(moving, chains)
            unsettled = {e for e in group if self._remembers(e, chains)}
            if not unsettled:
                break
        kept, again = list(group), np.arange(n) % len(chains.size[0])
        state.choice[kept], state.scale[kept] = chains.choice[kept][:, again], chains.scale[kept][:, again]
        state.size[kept] = chains.size[kept][:, again]
        return unsettled

    def _remembers(self, e: int, chains: PosteriorDraws) -> bool:
        """Whether the mean size of an episode differs between the two kinds of start.

        A size counts by how much of the episode's mean design its candidate is.
        """
        block = self.blocks[e]
        design = block.E @ np.exp(block.log_prior)
        size = (design @ block.E)[chains.choice[e]] * chains.size[e]
        half = len(size) // 2
        if not half or not size.any():
            return False
        apart = abs(float(size[:half].mean() - size[half:].mean())) / float(size.std())
        return bool(apart > CONVERGENCE_SE * (2 / half) ** 0.5)

    def _path(self, some: Sequence[int], state: PosteriorDraws) -> Floats:
        """(m, n) what these episodes add to the whitened series in each draw."""
        paths = (self.blocks[e].E[:, state.choice[e]] * state.size[e] for e in some)
        return np.asarray(sum(paths, np.zeros((len(self.view.Y), state.size.shape[1]))))

    def _near(self, e: int, group: Sequence[int]) -> list[int]:
        """The next of its group, whose sizes are integrated out as it moves."""
        at = group.index(e)
        return sorted([o for o in group if o != e], key=lambda o: (abs(group.index(o) - at), o))[:INTEGRATED_NEIGHBOURS]

    def _draw_one(self, e: int, state: PosteriorDraws, some: slice, rng: np.random.Generator) -> None:
        block, (xx, xy) = self.blocks[e], self.products[e]
        table = PosteriorTable.of(xx, xy, block.log_prior, block.scales)
        n = len(state.choice[e, some])
        # What overlaps with nothing did something, however little.
        cell = rng.choice(block.cells - 1, size=n, p=normalised(table.flat[:-1]))
        b = np.append(table.b.ravel(), 0.0)[cell]
        sd = np.append(table.precision.ravel() ** -0.5, 0.0)[cell]
        state.choice[e, some], state.scale[e, some] = _split(cell, block)
        state.size[e, some] = b + sd * rng.standard_normal(n)

    def _draw_two(self, pair: Sequence[int], state: PosteriorDraws, rng: np.random.Generator) -> None:
        i, j = pair
        n = state.choice.shape[1]
        (cells, weight), blocks = self.pair(i, j), (self.blocks[i], self.blocks[j])
        found = np.unravel_index(rng.choice(cells, size=n, p=weight), [block.cells for block in blocks])
        for e, cell in zip(pair, found, strict=True):
            state.choice[e], state.scale[e] = _split(cell, self.blocks[e])
        self._draw_sizes(pair, state, rng)

    def pair(self, i: int, j: int) -> tuple[Ints, Floats]:
        """Cells of the table over two episodes (of i × of j, flat) that hold nearly all of the mass; their weights."""
        log_weight = pair_table(
            self.blocks[i], self.blocks[j], self.products[i], self.products[j], self.couplings[i][j]
        )
        flat = log_weight.ravel()
        cells = np.flatnonzero(flat > flat.max() - 25)
        return cells, normalised(flat[cells])

    def _draw_sizes(
        self, group: Sequence[int], state: PosteriorDraws, rng: np.random.Generator, held: Floats | None = None
    ) -> None:
        A, q = self._system(group, state, held)
        root = np.linalg.cholesky(A)
        z = rng.standard_normal((*q.shape, 1))
        size = np.linalg.solve(A, q[..., None]) + np.linalg.solve(root.transpose(0, 2, 1), z)
        for c, e in enumerate(group):
            state.size[e] = np.where(self._off(e, state), 0.0, size[:, c, 0])

    def _off(self, e: int, state: PosteriorDraws) -> npt.NDArray[np.bool_]:
        return np.asarray(state.scale[e] == len(self.blocks[e].scales.mean))

    def _system(self, group: Sequence[int], state: PosteriorDraws, held: Floats | None) -> tuple[Floats, Floats]:
        """A (n, c, c) and q (n, c) of the sizes of a group; ``held`` (m, n): what all others add to the series."""
        n = state.choice.shape[1]
        A, q = np.zeros((n, len(group), len(group))), np.zeros((n, len(group)))
        for c, e in enumerate(group):
            block, (xx, xy), choice = self.blocks[e], self.products[e], state.choice[e]
            variance = np.append(block.scales.variance, _OFF_VARIANCE)[state.scale[e]]
            mean = np.append(block.scales.mean, 0.0)[state.scale[e]]
            A[:, c, c] = xx[choice] + 1 / variance
            q[:, c] = xy[choice] + mean / variance
            if held is not None:
                q[:, c] -= np.einsum("mn,mn->n", self.designs[e][:, choice], held)
            for d, other in enumerate(group[:c]):
                A[:, c, d] = A[:, d, c] = self.couplings[e][other][choice, state.choice[other]]
        return A, q

    def _move(self, moving: Sequence[int], state: PosteriorDraws, held: Floats, rng: np.random.Generator) -> None:
        """A new candidate, scale and size of the last of these episodes in each draw, and new sizes of the others."""
        *near, e = moving
        block, (xx, xy) = self.blocks[e], self.products[e]
        n = state.choice.shape[1]
        A, q = self._system(near, state, held)
        g = np.stack([self.couplings[e][other].T[state.choice[other]] for other in near], axis=2)
        solved = np.linalg.solve(A, np.concatenate([g.transpose(0, 2, 1), q[:, :, None]], axis=2))
        left = xy - held.T @ self.designs[e] - (g @ solved[:, :, -1:])[..., 0]
        shadow = np.einsum("nkc,nck->nk", g, solved[:, :, :-1])
        table = PosteriorTable.of(np.maximum(xx - shadow, 1e-9), left, block.log_prior, block.scales)
        table.log_weight[self._twins(e, near, state, g)[:, :, None] & block.scales.wide] = -np.inf
        flat = table.flat
        alone = np.all([self._off(other, state) for other in near], axis=0)
        flat[alone, -1] = -np.inf
        cumulated = np.cumsum(np.exp(flat - flat.max(axis=1, keepdims=True)), axis=1)
        u = rng.random((n, 1)) * cumulated[:, -1:]
        cell = np.minimum((cumulated <= u).sum(axis=1), block.cells - 1)
        state.choice[e], state.scale[e] = _split(cell, block)
        self._draw_sizes(moving, state, rng, held)

    def _twins(self, e: int, near: Sequence[int], state: PosteriorDraws, g: Floats) -> npt.NDArray[np.bool_]:
        """(n, K) candidates nearly collinear with one that a neighbour has taken at a wide scale."""
        twins = np.zeros(g.shape[:2], dtype=bool)
        for c, other in enumerate(near):
            wide = np.append(self.blocks[other].scales.wide, False)[state.scale[other]]
            norm = np.outer(self.products[other][0][state.choice[other]], self.products[e][0])
            twins |= wide[:, None] & (g[:, :, c] ** 2 > COLLINEAR_CORRELATION**2 * norm)
        return twins


def _split(cell: Ints, block: EpisodeBlock) -> tuple[Ints, Ints]:
    """Candidate and scale of each cell."""
    scales = len(block.scales.mean)
    nothing = cell == block.cells - 1
    return np.where(nothing, 0, cell // scales), np.where(nothing, scales, cell % scales)


def second_pays(joint: JointPosterior, e: int, state: PosteriorDraws, chance: float) -> bool:
    """Whether a second component of an episode, given the mean path of the others, explains what one leaves.

    By the marginal likelihood of two against that of one; only tried where one is beyond doubt.
    """
    size = state.size[e]
    if abs(size.mean()) < 2 * size.std() or not size.any():
        return False
    block, design = joint.blocks[e], joint.designs[e]
    others = [other for other in range(len(joint.blocks)) if other != e]
    left = joint.products[e][1] - design.T @ joint._path(others, state).mean(axis=1)
    second = replace(block, scales=block.scales.with_chance(chance))
    products = joint.products[e][0], left
    table = pair_table(block, second, products, products, block.E.T @ design)
    weight = np.exp(table - table.max())
    return bool(weight[:, :-1].sum() > weight[:, -1].sum())


def _groups(
    blocks: Sequence[EpisodeBlock], designs: Sequence[Floats], products: Sequence[tuple[Floats, Floats]]
) -> list[list[int]]:
    """Episodes that overlap, directly or through others: designs correlated beyond ``MAX_SEPARATE_CORRELATION``, if
    only by the season."""
    label = list(range(len(blocks)))
    norms = [np.sqrt(np.maximum(xx, 1e-12)) for xx, _ in products]
    for a in range(len(blocks)):
        for b in range(a + 1, len(blocks)):
            if label[a] == label[b]:
                continue
            G = blocks[a].E.T @ designs[b]
            if (np.abs(G) > MAX_SEPARATE_CORRELATION * np.outer(norms[a], norms[b])).any():
                label = [label[a] if one == label[b] else one for one in label]
    return [[e for e, one in enumerate(label) if one == name] for name in dict.fromkeys(label)]


def _coupled(
    blocks: Sequence[EpisodeBlock], designs: Sequence[Floats], groups: Sequence[Sequence[int]]
) -> tuple[dict[int, Floats], ...]:
    """For each episode those that may move with it, with the cross products (K, K_other)."""
    couplings: list[dict[int, Floats]] = [{} for _ in blocks]
    for group in groups:
        for at, a in enumerate(group):
            for b in group[at + 1 : at + 1 + 2 * INTEGRATED_NEIGHBOURS]:
                couplings[a][b] = blocks[a].E.T @ designs[b]
                couplings[b][a] = couplings[a][b].T
    return tuple(couplings)

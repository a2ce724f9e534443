"""The tables are the posterior they claim to be, the sampler agrees with them, and neighbours do not take effects."""

from __future__ import annotations

import itertools
from collections.abc import Sequence

import numpy as np
import pytest
from scipy.special import logsumexp
from scipy.stats import multivariate_normal

from forecast.effects import sampler
from forecast.effects.diagnostics import _left, _spread
from forecast.effects.joint_tables import EpisodeBlock, PosteriorTable, SizePrior, normalised
from forecast.effects.profile import Profile
from forecast.effects.sampler import JointPosterior, PosteriorDraws
from forecast.effects.whitening import Whitening
from forecast.timeseries.series import Floats

MIXED = SizePrior.of(0.8, [0.7, 0.3], [0.0, 0.1], [0.3, 2.0])
CERTAIN = SizePrior.of(1.0, [1.0], [0.0], [0.5])


def white(Y: Floats) -> Profile:
    """A series that is white as it is, without season or controls."""
    whitening = Whitening(np.arange(len(Y) + 1), 0.0, 0.0)
    return Profile(whitening, np.ones(len(Y)), Y, np.zeros((len(Y), 0)), np.zeros(0), float(len(Y)))


def case(episodes: int, seed: int = 0) -> JointPosterior:
    rng = np.random.default_rng(seed)
    E = rng.normal(size=(30, episodes, 3))
    E[:, :, 1:] = 0.8 * E[:, :1, 1:] + 0.4 * E[:, :, 1:]  # every episode has designs like the others'
    Y = 0.4 * E[:, 0, 1] + rng.normal(size=30)
    return JointPosterior.of(white(Y), [EpisodeBlock(E[:, e], np.log([0.5, 0.3, 0.2]), MIXED) for e in range(episodes)])


def by_density(joint: JointPosterior) -> tuple[list[tuple[tuple[int, int] | None, ...]], Floats]:
    """Every combination of candidates and scales, and its weight from the density of the data themselves."""
    options: list[tuple[int, int] | None] = [*itertools.product(range(3), range(2)), None]
    found, log_weight = [], []
    for cells in itertools.product(options, repeat=len(joint.blocks)):
        if all(cell is None for cell in cells):
            continue  # of episodes that overlap at least one did something
        mean, cov, prior = np.zeros(30), np.eye(30), 0.0
        for block, cell in zip(joint.blocks, cells, strict=True):
            if cell is None:
                prior += np.log(0.2)
                continue
            x = block.E[:, cell[0]]
            mean = mean + (0.0, 0.1)[cell[1]] * x
            cov = cov + (0.3, 2.0)[cell[1]] ** 2 * np.outer(x, x)
            prior += np.log(0.8 * (0.5, 0.3, 0.2)[cell[0]] * (0.7, 0.3)[cell[1]])
        found.append(cells)
        log_weight.append(prior + multivariate_normal(mean, cov).logpdf(joint.view.Y))
    weight = np.array(log_weight)
    return found, np.exp(weight - logsumexp(weight))


def test_the_table_of_one_is_the_density_of_the_data() -> None:
    joint = case(1)
    cells, weight = by_density(joint)
    (block,), ((xx, xy),) = joint.blocks, joint.products
    ours = normalised(PosteriorTable.of(xx, xy, block.log_prior, block.scales).flat[:-1])
    assert ours == pytest.approx(weight)  # candidates outermost, scales innermost in both
    assert cells[0] == ((0, 0),)


def test_the_table_of_two_is_the_density_of_the_data() -> None:
    joint = case(2)
    cells, weight = by_density(joint)
    at, ours = joint.pair(0, 1)
    table = np.zeros(49)
    table[at] = ours
    places = [sum(7 ** (1 - e) * (6 if c is None else 2 * c[0] + c[1]) for e, c in enumerate(cell)) for cell in cells]
    kept = table[places] > 0  # twin giants are left out
    assert table[places][kept] == pytest.approx((weight / weight[kept].sum())[kept], abs=1e-7)
    assert weight[~kept].sum() < 0.05


def share(joint: JointPosterior, cells: Sequence[tuple[tuple[int, int] | None, ...]], weight: Floats, e: int) -> Floats:
    """(4,) how likely each candidate of an episode is, and nothing."""
    out = np.zeros(4)
    for cell, w in zip(cells, weight, strict=True):
        one = cell[e]
        out[3 if one is None else one[0]] += w
    return out


def test_the_sampler_draws_three_episodes_as_their_exact_posterior_has_them() -> None:
    joint = case(3, seed=4)
    assert joint.groups == [[0, 1, 2]]
    cells, weight = by_density(joint)
    drawn = [joint.draw(250, np.random.default_rng(seed)) for seed in range(20)]
    for e in range(3):
        choice = np.concatenate([np.where(s.scale[e] == 2, 3, s.choice[e]) for s in drawn])
        ours = np.bincount(choice, minlength=4) / len(choice)
        assert ours == pytest.approx(share(joint, cells, weight, e), abs=0.03)


def test_an_episode_whose_chains_still_know_their_start_is_named() -> None:
    joint = case(3, seed=4)
    off = np.zeros((3, 200), dtype=np.int64)
    sizes = np.random.default_rng(0).normal(0, 0.1, (3, 200))
    sizes[1, :100] += 0.3  # of the second episode the first half of the chains tell another story
    chains = PosteriorDraws(off, off, sizes)
    assert [joint._remembers(e, chains) for e in range(3)] == [False, True, False]
    assert joint.draw(250, np.random.default_rng(0)).unsettled == frozenset()


def test_chains_go_on_while_they_know_their_start_and_say_so_where_they_never_forget(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    joint = case(3, seed=4)
    moves: list[int] = []
    move = JointPosterior._move

    def noted(
        self: JointPosterior, moving: Sequence[int], state: PosteriorDraws, held: Floats, rng: np.random.Generator
    ) -> None:
        moves.append(moving[-1])
        move(self, moving, state, held, rng)

    monkeypatch.setattr(JointPosterior, "_move", noted)
    joint.draw(250, np.random.default_rng(0))
    assert moves == [0, 1, 2] * 5, "five rounds are enough here"
    moves.clear()
    monkeypatch.setattr(JointPosterior, "_remembers", lambda self, e, chains: e == 1)
    assert joint.draw(250, np.random.default_rng(0)).unsettled == {1}
    assert moves == [0, 1, 2] * 60
    mixed = PosteriorDraws.mixed([joint.draw(10, np.random.default_rng(0))] * 2, np.arange(20))
    assert mixed.unsettled == {1}
    monkeypatch.setattr(sampler, "MOST_ROUNDS", 10)
    moves.clear()
    joint.draw(250, np.random.default_rng(0))
    assert moves == [0, 1, 2] * 10


def test_what_a_series_says_of_one_episode_is_less_where_another_may_have_done_the_same() -> None:
    E = np.random.default_rng(6).normal(size=(30, 2))
    E[:, 1] = 0.9 * E[:, 0] + 0.3 * E[:, 1]
    joint = JointPosterior.of(white(case(2).view.Y), [EpisodeBlock(E[:, [e]], np.zeros(1), CERTAIN) for e in range(2)])
    x, z = E.T
    # of the sum x·a + z·b + noise with b ~ N(0, .5²) not known, by the matrix inversion lemma
    expected = x @ x - (x @ z) ** 2 / (z @ z + 1 / 0.25)
    assert _left(joint, 0, _spread(joint)) == pytest.approx([expected])
    alone = JointPosterior.of(joint.view, joint.blocks[:1])
    assert _left(alone, 0, _spread(alone)) == pytest.approx([x @ x])


def test_sizes_are_drawn_from_the_ridge_regression_that_they_are() -> None:
    joint = JointPosterior.of(
        white(case(2).view.Y), [EpisodeBlock(b.E[:, :1], np.zeros(1), CERTAIN) for b in case(2).blocks]
    )
    X = np.column_stack([block.E[:, 0] for block in joint.blocks])
    cov = np.linalg.inv(X.T @ X + np.eye(2) / 0.25)
    size = joint.draw(40_000, np.random.default_rng(1)).size
    assert size.mean(axis=1) == pytest.approx(cov @ X.T @ joint.view.Y, abs=0.005)
    assert np.cov(size) == pytest.approx(cov, abs=0.002)


def test_two_giants_that_cancel_are_no_explanation() -> None:
    rng = np.random.default_rng(2)
    x = rng.normal(size=30)
    either = SizePrior.of(0.8, [0.7, 0.3], [0.0, 0.0], [0.25, 3.0])
    twins = [EpisodeBlock((x + 0.01 * rng.normal(size=30))[:, None], np.zeros(1), either) for _ in range(2)]
    size = JointPosterior.of(white(0.3 * x), twins).draw(4000, np.random.default_rng(0)).size
    assert (size[0] - size[1]).std() < 0.5  # with two giants it would be 4
    assert size.sum(axis=0).mean() == pytest.approx(0.3, abs=0.08)


def test_episodes_without_a_common_period_are_exact_each_by_itself() -> None:
    E = np.zeros((30, 2, 1))
    E[5, 0], E[20, 1] = 1.0, 1.0
    Y = np.zeros(30)
    Y[[5, 20]] = 0.6, -0.4
    joint = JointPosterior.of(white(Y), [EpisodeBlock(E[:, e], np.zeros(1), CERTAIN) for e in range(2)])
    assert joint.groups == [[0], [1]]
    size = joint.draw(40_000, np.random.default_rng(0)).size
    assert size.mean(axis=1) == pytest.approx([0.6 * 0.2, -0.4 * 0.2], abs=0.01)  # xx = 1 against a precision of 4
    assert size.std(axis=1) == pytest.approx([5**-0.5] * 2, abs=0.01)

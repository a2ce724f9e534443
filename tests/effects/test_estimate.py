"""Effects that were put in are found, and what cannot be known is said."""

import datetime as dt
from dataclasses import replace

import numpy as np
import numpy.typing as npt
import pytest

from forecast.effects import Episode, EpisodeEffect
from forecast.effects.controls import controls_for
from forecast.effects.diagnostics import _little
from forecast.effects.estimate import ModelAveraging, estimate, quiet_periods, regress
from forecast.effects.profile import profile
from forecast.events import Stringency
from forecast.events.exposure import Minerals
from forecast.interventions import Decay, Forestalled, Intervention, Licence, Ramp, Shape, Step, Temporary, design
from forecast.timeseries.frequency import Freq
from forecast.timeseries.sample import Sample
from forecast.timeseries.series import Floats, History
from tests.support.records import a_series

MONTHLY = Freq("M")
T = 240
DS = MONTHLY.range("2005-01-01", T)


def correlation(one: Floats, other: Floats) -> float:
    return float(np.asarray(np.corrcoef(one, other))[0, 1])


def episode(row: int, name: str = "e", shape: Shape = Step(), announced: int = 0) -> Episode:  # noqa: B008
    start = np.datetime64(MONTHLY.shift(DS[0], row), "D")
    early: dt.date = MONTHLY.shift(start, -announced).item()
    return Episode(
        name, (name,), Stringency.BAN, -1, early, start.item(), None, 1.0, Intervention(shape, start)
    )  # fmt: skip


def price(seed: int = 0, sd: float = 0.04) -> Sample:
    x = np.cumsum(np.random.default_rng(seed).normal(0, sd, T))
    return Sample(DS, x, MONTHLY, is_price=True)


def volume(seed: int = 0, sd: float = 0.1) -> Sample:
    rng = np.random.default_rng(seed)
    level = np.cumsum(rng.normal(0, 0.02, T))
    x = 8 + level + 0.2 * np.sin(np.arange(T) * np.pi / 6) + rng.normal(0, sd, T)
    return Sample(DS, x, MONTHLY, is_price=False)


def with_effect(sample: Sample, acting: Intervention, size: float) -> Sample:
    return replace(sample, x=sample.x + size * acting.column(sample.ds, sample.freq))


QUICK = ModelAveraging(placebo=False)


@pytest.mark.parametrize("shape", [Step(), Temporary(6), Decay(0.8)])
@pytest.mark.parametrize("make", [price, volume])
def test_a_known_shape_is_found_within_three_standard_errors(make, shape: Shape) -> None:  # type: ignore[no-untyped-def]
    acting = episode(150, shape=shape)
    spoiled = with_effect(make(), acting.intervention, -0.4)
    found = regress(spoiled, design([acting], DS, MONTHLY), prior_sd=1.0)
    sd = float(found.cov[0, 0]) ** 0.5
    assert sd < 0.08
    assert found.mean[0] == pytest.approx(-0.4, abs=3 * sd)


@pytest.mark.parametrize("shape", [Step(), Temporary(6), Decay(0.8)])
def test_an_unknown_shape_is_averaged_over(shape: Shape) -> None:
    spoiled = with_effect(volume(), episode(150, shape=shape).intervention, -0.5)
    record = estimate(spoiled, [episode(150)], n=1000, seed=0, settings=QUICK)
    window = record.effects[0].window(MONTHLY, DS[-1])
    truth = -0.5 * episode(150, shape=shape).intervention.column(window, MONTHLY).mean()
    low, high = np.quantile(record.effects[0].average(MONTHLY, DS[-1]), [0.005, 0.995])
    assert low < truth < high
    assert not record.effects[0].prior_dominated
    assert record.effects[0].identified


def test_a_licence_is_estimated_as_any_measure_is_and_its_recovery_is_seen_without_its_terms() -> None:
    """Nine tenths of the half that was stopped came back after four months."""
    level = np.where(np.arange(12) < 4, 0.5, 0.95)
    acting = Intervention(Temporary(4), episode(150).intervention.start)
    spoiled = with_effect(volume(), acting, float(np.log(0.5 / 0.95)))
    spoiled = with_effect(spoiled, episode(150).intervention, float(np.log(0.95)))
    result, untold = (
        estimate(spoiled, [episode(150, shape=shape)], n=1000, seed=0, settings=QUICK).effects[0]
        for shape in (Licence(4, 0.9), Step())
    )
    assert [c.shape for c in result.candidates] == [c.shape for c in untold.candidates]
    found = np.exp(result.mean(DS[150:162], MONTHLY))
    assert found.mean() == pytest.approx(level.mean(), abs=0.03)
    assert found[:4].mean() == pytest.approx(0.5, abs=0.1)
    assert found[6:] == pytest.approx(level[6:], abs=0.1)


def test_an_effect_that_came_early_is_found_before_its_date() -> None:
    early = replace(episode(150).intervention, lead=2)
    record = estimate(with_effect(volume(), early, -0.6), [episode(150, announced=4)], n=1000, seed=0, settings=QUICK)
    path = record.effects[0].mean(DS, MONTHLY)
    assert path[147] > -0.1
    assert path[149] < -0.3


def test_trade_that_was_brought_forward_is_told_from_what_it_lacked_afterwards_and_prices_have_no_such_thing() -> None:
    ahead = replace(episode(150).intervention, shape=Forestalled(2))
    found = estimate(with_effect(volume(), ahead, -0.6), [episode(150)], n=1000, seed=0, settings=QUICK).effects[0]
    path = np.quantile(found.draws(DS, MONTHLY), [0.05, 0.95], axis=0)
    assert (path[0, 148:150] > 0.1).all()
    assert (path[1, 150:160] < -0.1).all()
    assert not path[:, :140].any()
    (of_price,) = estimate(price(), [episode(150)], n=10, seed=0, settings=QUICK).effects
    assert not any(isinstance(c.shape, Forestalled) for c in of_price.candidates)


def test_two_steps_are_told_apart_and_drawn_jointly() -> None:
    first, second = episode(150, "first"), episode(153, "second")
    spoiled = with_effect(with_effect(price(), first.intervention, 0.3), second.intervention, -0.3)
    record = estimate(spoiled, [first, second], n=2000, seed=0, settings=QUICK)
    paths = [effect.draws(DS[150:165], MONTHLY) for effect in record.effects]
    assert paths[0][:, 0].mean() == pytest.approx(0.3, abs=0.15)
    late = [path[:, -1] for path in paths]
    assert correlation(*late) < -0.1  # what one does not explain the other does
    assert np.std(late[0] + late[1]) < np.hypot(np.std(late[0]), np.std(late[1]))


def test_joint_draws_agree_with_the_regression_when_shapes_are_given() -> None:
    first, second = episode(150, "first"), episode(151, "second")
    spoiled = with_effect(with_effect(price(), first.intervention, 0.3), second.intervention, -0.3)
    joint = regress(spoiled, design([first, second], DS, MONTHLY), prior_sd=0.25)
    from forecast.effects.estimate import quiet_periods
    from forecast.effects.joint_tables import EpisodeBlock, SizePrior
    from forecast.effects.profile import profile
    from forecast.effects.sampler import JointPosterior

    view = profile(spoiled, None, quiet_periods(spoiled, [first, second]))
    E = view.whiten(design([first, second], DS, MONTHLY).X)
    certain = SizePrior.of(1.0, [1.0], [0.0], [0.25])
    ours = JointPosterior.of(view, [EpisodeBlock(E[:, k : k + 1], np.zeros(1), certain) for k in range(2)])
    size = ours.draw(20_000, np.random.default_rng(0)).size
    assert size.mean(axis=1) == pytest.approx(joint.mean, abs=0.04)
    assert np.cov(size) == pytest.approx(joint.cov, abs=0.0006)


def test_the_same_seed_gives_the_same_digits() -> None:
    parts = [
        estimate(volume(), [episode(150, announced=3), episode(160, "f")], n=300, seed=seed).to_arrays()
        for seed in (7, 7, 8)
    ]
    assert all(np.array_equal(parts[0][name], parts[1][name]) for name in parts[0])
    assert not np.array_equal(parts[0]["size"], parts[2]["size"])


def test_comparison_with_unexposed_series_narrows_the_interval() -> None:
    rng = np.random.default_rng(3)
    common = np.cumsum(rng.normal(0, 0.05, T))
    controls = np.column_stack([common + np.cumsum(rng.normal(0, 0.01, T)) for _ in range(4)])
    x = common + np.cumsum(rng.normal(0, 0.02, T))
    spoiled = with_effect(Sample(DS, x, MONTHLY, is_price=True), episode(150).intervention, 0.2)
    design_ = design([episode(150)], DS, MONTHLY)
    alone, compared = regress(spoiled, design_), regress(spoiled, design_, controls=controls)
    assert compared.cov[0, 0] < 0.5 * alone.cov[0, 0]
    assert compared.mean[0] == pytest.approx(0.2, abs=0.08)
    holes = np.where(rng.random(controls.shape) < 0.1, np.nan, controls)
    assert regress(spoiled, design_, controls=holes).mean[0] == pytest.approx(0.2, abs=0.1)


def test_gaps_are_no_differences() -> None:
    spoiled = with_effect(price(), episode(150).intervention, -0.5)
    x = spoiled.x.copy()
    x[[20, 21, 22, 149, 151, 152, 200]] = np.nan
    record = estimate(replace(spoiled, x=x), [episode(150)], n=1000, seed=0, settings=QUICK)
    assert record.effects[0].average(MONTHLY, DS[-1]).mean() == pytest.approx(-0.4, abs=0.2)


def test_an_event_the_sample_cannot_speak_of_is_its_prior_and_says_so() -> None:
    x = price().x.copy()
    x[180:-1] = np.nan
    record = estimate(replace(price(), x=x), [episode(150, "seen"), episode(T + 5, "unseen")], n=4000, seed=0)
    seen, unseen = record.effects
    assert seen.identified
    assert not unseen.identified
    assert unseen.prior_dominated
    assert unseen.likelihood is None
    assert unseen.size.std() == pytest.approx(0.25, rel=0.1)
    assert any("unseen" in note for note in record.notes)


def test_episodes_that_begin_in_one_gap_of_the_series_are_told_together_and_their_sum_is_found() -> None:
    spoiled = with_effect(volume(), episode(150).intervention, -1.0)
    x = spoiled.x.copy()
    x[146:151] = np.nan
    found = [episode(row, f"e{row}") for row in (147, 148, 149, 150)]
    record = estimate(replace(spoiled, x=x), found, n=1000, seed=0, settings=QUICK)
    (told,) = record.reported
    assert sorted(told.episode.events) == ["e147", "e148", "e149", "e150"]
    assert told.draws(DS, MONTHLY)[:, 151:163].mean() == pytest.approx(-1.0, abs=0.15)


def test_two_episodes_with_one_column_are_told_together_as_one_would_be_alone() -> None:
    spoiled = with_effect(price(), episode(150).intervention, -0.3)
    (both,) = estimate(spoiled, [episode(150, "a"), episode(150, "b")], n=2000, seed=0, settings=QUICK).reported
    alone = estimate(spoiled, [episode(150)], n=2000, seed=0, settings=QUICK).effects[0]
    assert sorted(both.episode.events) == ["a", "b"]
    after = DS[150:162]
    assert both.draws(after, MONTHLY).mean() == pytest.approx(alone.draws(after, MONTHLY).mean(), abs=0.03)


def test_hardly_any_history_leaves_the_prior() -> None:
    short = Sample(DS[:5], price().x[:5], MONTHLY, is_price=True)
    record = estimate(short, [episode(3)], n=4000, seed=0)
    assert record.effects[0].size.std() == pytest.approx(0.25, rel=0.1)
    assert "5 observations" in record.notes[0]


@pytest.mark.parametrize("level", [0.0, 1.0, np.log(100)])
@pytest.mark.parametrize("is_price", [True, False])
def test_a_constant_series_gives_no_effect_and_no_warning(level: float, is_price: bool) -> None:
    flat = Sample(DS, np.full(T, level), MONTHLY, is_price=is_price)
    assert abs(estimate(flat, [episode(150)], n=200, seed=0).effects[0].average(MONTHLY, DS[-1])).max() < 1e-3


def test_a_given_prior_is_the_answer_where_data_are_silent() -> None:
    given = ModelAveraging(priors={"unseen": (0.3, 0.05)}, placebo=False)
    record = estimate(price(), [episode(T + 5, "unseen")], n=4000, seed=0, settings=given)
    assert record.effects[0].size.mean() == pytest.approx(0.3, abs=0.01)
    assert record.effects[0].prior == (0.3, 0.05)


def test_an_effect_ranks_high_among_dates_without_events_and_nothing_ranks_anywhere() -> None:
    strong = estimate(with_effect(price(), episode(150).intervention, 0.4), [episode(150)], n=400, seed=0)
    assert strong.effects[0].placebo_rank is not None
    assert strong.effects[0].placebo_rank > 0.95
    ranks = [estimate(price(seed), [episode(150)], n=400, seed=0).effects[0].placebo_rank for seed in range(20)]
    assert 0.25 < np.mean([rank for rank in ranks if rank is not None]) < 0.75


@pytest.mark.parametrize(
    ("shift", "prior", "little"),
    [(-1.0, (0.0, 0.25), False), (0.0, (0.0, 0.25), True), (-1.0, (-1.0, 0.25), True), (0.0, (0.0, 0.5), False)],
)
def test_a_clear_effect_is_mostly_prior_only_if_the_prior_is_clear_too(
    shift: float, prior: tuple[float, float], little: bool
) -> None:
    # Draws evenly over a width of 1 have variance 1/12 = 0.083: more than 0.7 of 0.25², less than 0.7 of 0.5².
    size = np.linspace(-0.5, 0.5, 101, dtype=np.float32) + np.float32(shift)
    act = episode(150)
    effect = EpisodeEffect(act, (act.intervention,), np.zeros(101, np.int16), size, False, True, prior)
    assert _little(effect, np.ones(1), np.ones(1)) is little


def history(series_id: str, mineral: str, **more: str) -> History:
    plain = a_series(series_id, mineral, "price", "target", "world", "WLD", "WLD", "USD/t", "M", 5)
    y = np.exp(np.cumsum(np.random.default_rng(len(series_id)).normal(0, 0.05, T)))
    return History(replace(plain, **more), DS, y, np.full(T, "reported"))  # type: ignore[arg-type]


def test_controls_are_neither_relatives_nor_aggregates_nor_another_kind() -> None:
    minerals = Minerals.from_rows(
        [("coal", "", "mineral"), ("thermal-coal", "coal", "mineral"), ("tin", "", "mineral")]
    )
    panel = [
        history("price.thermal-coal", "thermal-coal"),
        history("price.coal", "coal"),
        history("price.tin", "tin"),
        history("index.all", "", measure="index"),
        history("volume.tin", "tin", measure="volume", flow="export", reporter="CHN"),
        history("price.cotton", ""),
        history("price.quarterly", "tin", freq="Q"),
    ]
    histories = {one.series.series_id: one for one in panel}
    target = panel[0]
    found = controls_for(target.series, Sample.of(target), histories, minerals)
    assert found is not None
    assert np.array_equal(found.T, np.log([histories["price.cotton"].y, histories["price.tin"].y]))


# -- numbers that can be worked out by hand ----------------------------------------------------------------------------

#: The moves of a price that goes up or down by 4 % and is white: its noise has one sd, known exactly.
MOVES = 0.04 * np.sign(np.random.default_rng(7).normal(size=T))
EVEN = Sample(DS, np.cumsum(MOVES), MONTHLY, is_price=True)


def test_the_regression_is_least_squares_on_the_moves() -> None:
    spell, growth = episode(150, "spell", Temporary(3)), episode(150, "growth", Ramp(3))
    found = regress(EVEN, design([spell, growth], DS, MONTHLY), prior_sd=0.2)
    # moves of the columns: +1 at 150 and -1 at 153; a third at 150, 151 and 152
    cross = np.array([[2.0, 1 / 3], [1 / 3, 1 / 3]]) / 0.04**2 + np.eye(2) / 0.2**2
    towards = np.array([MOVES[150] - MOVES[153], MOVES[150:153].sum() / 3]) / 0.04**2
    assert found.cov == pytest.approx(np.linalg.inv(cross), rel=1e-6)
    assert found.mean == pytest.approx(np.linalg.solve(cross, towards), rel=1e-6)
    # apart, each would be surer of itself
    alone = regress(EVEN, design([spell], DS, MONTHLY), prior_sd=0.2)
    assert alone.cov[0, 0] == pytest.approx(1 / (2 / 0.04**2 + 1 / 0.2**2), rel=1e-6)


def test_the_raw_likelihood_is_of_what_happened_in_two_periods_from_the_announcement() -> None:
    for announced in (0, 2, 5):
        at = 153 - announced
        record = estimate(EVEN, [episode(153, announced=announced)], n=50, seed=0, settings=QUICK)
        assert record.effects[0].likelihood is not None
        mean, error = record.effects[0].likelihood
        assert mean == pytest.approx(MOVES[at] + MOVES[at + 1], abs=1e-6)
        assert error == pytest.approx(0.04 * 2**0.5, rel=0.05)
    assert len({float(MOVES[at] + MOVES[at + 1]) for at in (153, 151, 148)}) > 1


@pytest.mark.parametrize("announced", [0, 2])
@pytest.mark.parametrize(("delay", "back"), [(2, 0.5), (10, 0.0)])
def test_the_raw_likelihood_of_a_licence_is_of_its_terms(announced: int, delay: int, back: float) -> None:
    """It bites at once and gives half back on the day of the grants, if that is within the half year."""
    act = episode(153, shape=Licence(delay, 0.5), announced=announced)
    (found,) = estimate(EVEN, [act], n=50, seed=0, settings=QUICK).effects
    assert found.likelihood is not None
    mean, error = found.likelihood
    assert mean == pytest.approx((MOVES[153 - announced] - back * MOVES[155]) / (1 + back**2), abs=1e-6)
    assert error == pytest.approx(0.04 / (1 + back**2) ** 0.5, rel=0.05)


def test_the_raw_likelihood_of_a_flow_ends_half_a_year_after_the_start() -> None:
    sample, act = volume(), episode(150)
    record = estimate(sample, [act], n=50, seed=0, settings=QUICK)
    view = profile(sample, None, quiet_periods(sample, [act]))
    E = view.whiten(Intervention(Ramp(2), act.intervention.start).column(DS, MONTHLY)[:, None])
    E[view.whitening.periods > 156] = 0.0
    xx, xy = view.products(E)
    assert record.effects[0].likelihood is not None
    assert record.effects[0].likelihood[0] == pytest.approx(xy[0] / xx[0], rel=1e-9)


def test_effects_that_overlap_are_less_sure_than_apart() -> None:
    def averages(*starts: int) -> list[npt.NDArray[np.float64]]:
        """Each takes a third off for good."""
        sample = volume()
        path = sum(-0.4 * (np.arange(len(sample)) >= start) for start in starts)
        acts = [episode(start, name) for start, name in zip(starts, "ab", strict=False)]
        effects = estimate(replace(sample, x=sample.x + path), acts, n=3000, seed=0, settings=QUICK).effects
        return [effect.average(MONTHLY, DS[-1]) for effect in effects]

    near, apart, alone = averages(150, 151), averages(150, 210), averages(150)
    for one, other in zip(near, apart, strict=True):
        assert np.std(one) > 1.5 * np.std(other)
    # What one does not explain the other does: the data know the sum, and no worse than if it were of two apart.
    assert correlation(*near) < -0.8
    assert np.std(near[0] + near[1]) < 1.1 * np.std(apart[0])
    assert np.mean(near[0] + near[1]) == pytest.approx(-0.8, abs=2 * float(np.std(near[0] + near[1])))
    assert correlation(*apart) == pytest.approx(0, abs=0.1)
    assert np.std(apart[0]) == pytest.approx(np.std(alone[0]), rel=0.15)


@pytest.mark.parametrize(
    ("sd", "identified", "dominated"), [(0.04, True, False), (0.8, True, True), (20.0, False, True)]
)
def test_noise_decides_what_an_effect_is_worth(sd: float, identified: bool, dominated: bool) -> None:
    noisy = replace(EVEN, x=EVEN.x * sd / 0.04)
    record = estimate(noisy, [episode(150)], n=2000, seed=0, settings=QUICK)
    (found,) = record.effects
    assert (found.identified, found.prior_dominated) == (identified, dominated)
    assert (found.likelihood is not None) is identified
    says = {
        (True, False): [],
        (True, True): ["the data say little of its effect"],
        (False, True): ["the data say nothing of its effect"],
    }
    expected = says[identified, dominated]
    assert len(record.notes) == len(expected)
    assert all(word in note for word, note in zip(expected, record.notes, strict=True))


def test_a_prior_with_a_mean_is_not_taken_for_what_the_data_say() -> None:
    given = ModelAveraging(priors={"e": (0.5, 0.05)}, placebo=False)
    (found,) = estimate(replace(EVEN, x=EVEN.x * 20), [episode(150)], n=2000, seed=0, settings=given).effects
    assert found.prior_dominated


@pytest.mark.parametrize(
    ("periods", "announced", "ranked"), [(69, 0, True), (68, 0, False), (71, 2, True), (70, 2, False), (100, 0, True)]
)
def test_twenty_dates_a_year_away_from_events_and_ends_make_a_rank(periods: int, announced: int, ranked: bool) -> None:
    # an episode at row 30, felt ``announced`` rows before: free are 12 to 17 - announced, and 43 to T - 13
    short = Sample(DS[:periods], EVEN.x[:periods], MONTHLY, is_price=True)
    (found,) = estimate(short, [episode(30, announced=announced)], n=50, seed=0).effects
    assert (found.placebo_rank is not None) is ranked
    if ranked and periods < 100:
        unseen = replace(short, x=np.where(np.arange(periods) == 45, np.nan, short.x))
        (one_less,) = estimate(unseen, [episode(30, announced=announced)], n=50, seed=0).effects
        assert one_less.placebo_rank is None


def test_a_rank_is_among_a_hundred_dates_at_most() -> None:
    ranks = [estimate(price(seed), [episode(150)], n=50, seed=0).effects[0].placebo_rank for seed in range(3)]
    hundreds = [100 * rank for rank in ranks if rank is not None]
    assert hundreds == pytest.approx([round(rank) for rank in hundreds])
    assert any(round(rank) % 10 for rank in hundreds)


def test_a_rank_is_the_share_of_dates_where_less_was_found() -> None:
    short = replace(EVEN, ds=DS[:69], x=EVEN.x[:69])
    strong = with_effect(short, episode(30).intervention, 1.0)
    assert estimate(strong, [episode(30)], n=400, seed=0).effects[0].placebo_rank == 1.0
    rank = estimate(short, [episode(30)], n=400, seed=0).effects[0].placebo_rank
    assert rank is not None
    assert rank * 20 == pytest.approx(round(rank * 20))
    twins = estimate(short, [episode(30, "a"), episode(30, "b")], n=50, seed=0).effects
    assert [effect.placebo_rank for effect in twins] == [None, None]

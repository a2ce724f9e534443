"""What a run found is read against what it saw, and beside what other events of a kind did."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from forecast.answers.cache import Cache
from forecast.answers.event_priors import Evidence
from forecast.answers.findings import Kin, _kin, findings
from forecast.catalog import Catalog
from forecast.effects.affected import Affected
from forecast.errors import NotEstimated, NotFound
from forecast.events import Act, Event
from forecast.registry import Registry
from forecast.registry.sealed import sealed
from tests.support.records import EventFacts, changed
from tests.support.small_world import BAN, EVIDENCE, FLOW, a_ban, an_effect
from tests.support.trained_home import COPPER, EARTHS, NICKEL, make_home

Stores = tuple[Catalog, Registry]


@pytest.fixture
def stores(tmp_path: Path) -> Iterator[Stores]:
    settings = make_home(tmp_path)
    catalog = Catalog.open(settings)
    yield catalog, Registry(settings.models_dir)
    catalog.close()


def test_an_episode_is_found_by_any_of_its_events(stores: Stores) -> None:
    found = findings(*stores, EARTHS)
    record = found.run.record
    several = next(effect.episode for effect in record.effects if len(effect.episode.events) > 1)
    for event_id in several.events:
        (episode,) = findings(*stores, EARTHS, event_id).episodes
        assert episode.effect.episode.episode_id == several.episode_id
    reported = [e.episode.episode_id for e in record.effects if e.episode.apart and not e.episode.told_with]
    assert 0 < len(reported) < len(record.effects)
    shown = [e.effect.episode.episode_id for e in found.episodes]
    first = len(record.clear & set(reported))
    assert set(shown[:first]) <= record.clear  # clear effects first, each kind in order of its start
    assert shown == sorted(reported, key=lambda name: (name not in record.clear, reported.index(name)))
    assert found.titles[several.episode_id] == stores[0].events()[several.episode_id].title
    with pytest.raises(NotFound, match="no event 'no-such'"):
        findings(*stores, EARTHS, "no-such")


LATER = dt.datetime(2026, 8, 1, tzinfo=dt.UTC)


def on_earths(stores: Stores, facts: EventFacts) -> Event:
    """An event of one's own on the series of rare earths."""
    plain = stores[0].events()["cn-ree-total-control-2025"]
    return changed(replace(plain, event_id="mine", own=True, acts=()), facts)


def own(stores: Stores, facts: EventFacts) -> Event:
    """The same, taken in after the series was trained."""
    mine = on_earths(stores, facts)
    stores[0].add(events=[mine], known_at=LATER)
    return mine


def why(stores: Stores, event_id: str = "mine", series_id: str = EARTHS) -> str:
    with pytest.raises(NotEstimated) as caught:
        findings(*stores, series_id, event_id)
    start = f"the effect of {event_id} on {series_id} was not estimated: "
    assert str(caught.value) == start + caught.value.why
    return caught.value.why


@pytest.mark.parametrize(
    ("announced", "effective", "message"),
    [
        (
            "1990-01-01",
            "1991-12-31",
            "it began on 1991-12-31, and the sample on 1992-01-01: what holds from the first period to the last cannot "
            "be told from the level",
        ),
        (
            "2026-07-01",
            "2027-02-03",
            "it begins on 2027-02-03, after the last period that was seen, which began on 2026-02-01",
        ),
        (
            "2026-07-20",
            "2026-07-21",
            "it became known on 2026-07-20, and the run knows what was known on 2026-07-15: "
            "orecast train volume.rare-earths.export.cn",
        ),
        (
            "2024-03-01",
            "2024-03-02",
            "it was taken in, or changed, after the run of 2026-07-15 was trained: "
            "orecast train volume.rare-earths.export.cn",
        ),
    ],
)
def test_an_event_of_ones_own_without_an_estimate_is_told_why_with_its_dates(
    stores: Stores, announced: str, effective: str, message: str
) -> None:
    dates: EventFacts = {"announced": dt.date.fromisoformat(announced), "effective": dt.date.fromisoformat(effective)}
    own(stores, dates | {"ended": None, "end_known": None})
    assert why(stores) == message
    assert findings(*stores, EARTHS).not_estimated == {"mine": message}
    assert findings(*stores, COPPER).not_estimated == {}


def test_an_act_on_a_measure_is_told_in_whose_path_it_is(stores: Stores) -> None:
    days: EventFacts = {
        "announced": dt.date(2025, 6, 1),
        "effective": dt.date(2025, 6, 2),
        "ended": None,
        "end_known": None,
    }
    own(stores, days | {"acts": (Act("suspends", "cn-7ree-licence-2025"),)})
    assert why(stores) == (
        "it acts on cn-7ree-licence-2025, and its effect is told with it; it was in force from 2025-06-02 on; "
        f"orecast effects {EARTHS} --event {leader(stores, 'cn-7ree-licence-2025')}"
    )


def leader(stores: Stores, event_id: str) -> str:
    """The episode that an event of the record is told with."""
    (episode,) = findings(*stores, EARTHS, event_id).episodes
    return episode.effect.episode.episode_id


def test_acts_on_acts_are_followed_to_the_measure_that_is_in_the_record(stores: Stores) -> None:
    """A rise of a rise of a duty: its effect is told with that of the duty."""
    days: EventFacts = {
        "announced": dt.date(2025, 6, 1),
        "effective": dt.date(2025, 6, 2),
        "ended": None,
        "end_known": None,
    }
    first = replace(on_earths(stores, days), event_id="first", acts=(Act("suspends", "cn-7ree-licence-2025"),))
    second: EventFacts = {
        "announced": dt.date(2025, 6, 10),
        "effective": dt.date(2025, 6, 11),
        "ended": dt.date(2025, 7, 1),
    }
    extends = replace(first, event_id="mine", acts=(Act("extends", "first"),))
    mine = changed(extends, second, end_known=dt.date(2025, 7, 1))
    stores[0].add(events=[first, mine], known_at=LATER)
    assert why(stores) == (
        "it acts on cn-7ree-licence-2025 by way of first, and its effect is told with it; "
        "it was in force from 2025-06-11 to 2025-07-01; "
        f"orecast effects {EARTHS} --event {leader(stores, 'cn-7ree-licence-2025')}"
    )


def test_an_act_that_begins_after_the_sample_is_told_so_whatever_it_acts_on(stores: Stores) -> None:
    days: EventFacts = {
        "announced": dt.date(2026, 6, 1),
        "effective": dt.date(2026, 7, 2),
        "ended": None,
        "end_known": None,
    }
    own(stores, days | {"acts": (Act("suspends", "cn-7ree-licence-2025"),)})
    assert why(stores) == "it begins on 2026-07-02, after the last period that was seen, which began on 2026-02-01"


def test_an_act_on_what_began_before_the_sample_has_the_reason_of_that(stores: Stores) -> None:
    old: EventFacts = {
        "announced": dt.date(1990, 1, 1),
        "effective": dt.date(1991, 12, 31),
        "ended": None,
        "end_known": None,
    }
    first = replace(on_earths(stores, old), event_id="first")
    days: EventFacts = {"announced": dt.date(1999, 6, 1), "effective": dt.date(1999, 6, 2)}
    mine = changed(replace(first, event_id="mine", acts=(Act("extends", "first"),)), days)
    stores[0].add(events=[first, mine], known_at=LATER)
    assert why(stores) == (
        "it acts on first, and its effect is told with it; it was in force from 1999-06-02 on; of first: it began on "
        "1991-12-31, and the sample on 1992-01-01: what holds from the first period to the last cannot be told from "
        "the level"
    )


def test_an_event_that_does_not_touch_the_series_is_told_what_it_names_and_what_the_series_has(stores: Stores) -> None:
    assert why(stores, "id-nickel-ban-2020", COPPER) == (
        "it does not touch the series: it is about nickel, and price.copper is of copper"
    )
    assert why(stores, "m23-bisie-2025") == (
        "it does not touch the series: it is about tin, tantalum, and volume.rare-earths.export.cn is of rare-earths"
    )


def test_kin_are_weighed_with_its_own_data_by_precision(stores: Stores) -> None:
    """The posterior mean of two normal distributions, worked out for each episode from the evidence without it."""
    found, evidence = findings(*stores, EARTHS), Evidence.of(stores[1])
    for effect in found.run.record.effects:
        episode, kin = effect.episode, found.kin[effect.episode.episode_id]
        others = Evidence(tuple(s for s in evidence.likelihoods if not set(s.events) & set(episode.events)))
        kind = others.prior(episode.stringency, found.series).towards(episode.direction)
        mean, sd = (episode.exposure * episode.dose * one for one in kind[:2])
        assert effect.likelihood is not None
        estimate, error = effect.likelihood
        weight = sd**2 / (sd**2 + error**2)
        assert kin.size == pytest.approx((mean + weight * (estimate - mean), error * weight**0.5, False), rel=1e-9)
        same = [s for s in others.likelihoods if (s.stringency, s.affected) == (episode.stringency, Affected.VOLUMES)]
        events = {s.events[0] for s in same}
        assert kin.others == len(events)


def test_where_its_own_data_say_nothing_it_is_its_kind_in_its_direction() -> None:
    silent = an_effect(a_ban("ban"))
    size = EVIDENCE.prior(BAN, FLOW).towards(-1)
    assert size.mean < -0.1
    for effect in (silent, replace(silent, likelihood=(0.5, 0.1), identified=False)):
        assert _kin(effect, FLOW, EVIDENCE) == Kin(40, size)


def test_a_value_that_was_revised_since_is_read_as_the_run_saw_it(stores: Stores) -> None:
    catalog, _ = stores
    before = findings(*stores, EARTHS)
    seen = catalog.observations(EARTHS)
    later = dt.datetime(2026, 8, 1, tzinfo=dt.UTC)
    revised = [replace(old, value=2 * old.value, known=later, assumed=False) for old in seen[-24:]]
    catalog.add(observations=revised, known_at=later)
    after = findings(*stores, EARTHS)
    assert after is not before
    assert catalog.observations(EARTHS)[-1].value == 2 * seen[-1].value
    for old, new in zip(before.episodes, after.episodes, strict=True):
        np.testing.assert_array_equal(new.actual, old.actual)


def test_it_is_worked_out_again_when_the_evidence_or_the_catalogue_changes(stores: Stores) -> None:
    catalog, registry = stores
    cache = Cache(8)
    before = findings(*stores, EARTHS, cache=cache)
    assert findings(*stores, EARTHS, cache=cache) is before
    (registry.root / "classes.json").write_bytes(sealed({"runs": {}, "likelihoods": []}))
    without = findings(*stores, EARTHS, cache=cache)
    assert without is not before
    assert findings(*stores, EARTHS, cache=cache) is without
    catalog.add(
        series=[replace(catalog.get(NICKEL), notes="read again")], known_at=dt.datetime(2026, 8, 1, tzinfo=dt.UTC)
    )
    assert findings(*stores, EARTHS, cache=cache) is not without


def test_what_came_later_on_the_day_of_training_was_not_seen(stores: Stores) -> None:
    catalog, registry = stores
    run = registry.champion(EARTHS)
    before = findings(*stores, EARTHS)
    seen = catalog.observations(EARTHS)
    evening = run.card.trained_at + dt.timedelta(hours=1)
    catalog.add(observations=[replace(seen[-1], value=10.0, known=evening, assumed=False)], known_at=evening)
    for old, new in zip(before.episodes, findings(*stores, EARTHS).episodes, strict=True):
        np.testing.assert_array_equal(new.actual, old.actual)

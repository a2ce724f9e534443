"""The gate in a real home: with its catalogue, its forecasts and its events, in whatever order deliveries come."""

from __future__ import annotations

import datetime as dt
import itertools
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from forecast.catalog import Catalog, Observation
from forecast.catalog.quarantine import Held, Reason, Settlement
from forecast.events import Events
from forecast.intake.gate import Gate
from forecast.intake.judgement import Background, judge, onsets
from forecast.registry import Registry
from tests.intake.test_judgement import PRICE, background
from tests.support.records import NOTHING_SAID, changed
from tests.support.trained_home import COPPER, EARTHS, NICKEL, add_run, make_home

FIRST = dt.datetime(2026, 11, 1, 9, tzinfo=dt.UTC)
MAGNETS = "volume.magnets.export.cn"
BAN = changed(
    replace(NOTHING_SAID, event_id="ban"),
    kind="export_ban",
    announced=dt.date(2026, 8, 3),
    minerals=["ndfeb-magnets"],
    flows=[("CHN", "WLD")],
)


@pytest.fixture
def home(tmp_path: Path) -> Iterator[tuple[Catalog, Registry]]:
    settings = make_home(tmp_path)
    catalog = Catalog.open(settings)
    yield catalog, Registry(settings.models_dir)
    catalog.close()


def deliver(
    catalog: Catalog,
    registry: Registry | None,
    rows: Sequence[tuple[str, str, float]],
    now: dt.datetime,
    source: str = "",
) -> dict[str, str]:
    """Take rows (series, month, value) in through the gate; of each held period, why."""
    held: dict[str, str] = {}
    for series_id in sorted({series_id for series_id, _, _ in rows}):
        mine = [
            Observation(one, dt.date.fromisoformat(f"{month}-01"), value, "reported", now, source=source)
            for one, month, value in rows
            if one == series_id
        ]
        judged = Gate(catalog, registry, now).judge(catalog.get(series_id), mine)
        catalog.add(observations=judged.passed, held=judged.held, known_at=now)
        held |= {f"{one.observation.ds:%Y-%m}": one.reason.value for one in judged.held}
    return held


def level(catalog: Catalog, series_id: str) -> float:
    """The last value of a series."""
    return float(catalog.standing(series_id)[1][-1])


def standing(catalog: Catalog, series_id: str, since: str = "2026-07") -> dict[str, float]:
    """What counts of a series, by month."""
    ds, y = catalog.standing(series_id)
    months = ds.astype("datetime64[M]").astype(str).tolist()
    return {month: value for month, value in zip(months, y.tolist(), strict=True) if month >= since}


# -- one delivery ------------------------------------------------------------------------------------------------------


def test_a_poisoned_month_of_a_series_with_a_forecast_is_held(home: tuple[Catalog, Registry]) -> None:
    catalog, registry = home
    price = level(catalog, COPPER)
    assert deliver(catalog, registry, [(COPPER, "2026-07", price * 1000)], FIRST) == {"2026-07": "slip"}
    assert standing(catalog, COPPER) == {}
    assert deliver(catalog, registry, [(COPPER, "2026-07", price * 1.1)], FIRST + dt.timedelta(hours=1)) == {}
    assert standing(catalog, COPPER) == {"2026-07": price * 1.1}


def test_what_only_the_forecast_thought_possible_passes(home: tuple[Catalog, Registry]) -> None:
    """A run of a level of its own says what is possible, where the history alone would not."""
    catalog, registry = home
    price = level(catalog, NICKEL)
    early = dt.datetime(2026, 8, 3, tzinfo=dt.UTC)
    far = [(NICKEL, "2026-07", price * 20)]
    assert deliver(catalog, None, far, early)
    registry.promote(NICKEL, add_run(registry, catalog, NICKEL, level=20.0, name="b"))
    assert deliver(catalog, registry, far, early) == {}


def test_an_event_of_the_same_delivery_explains(
    home: tuple[Catalog, Registry], monkeypatch: pytest.MonkeyPatch
) -> None:
    catalog, registry = home
    series = catalog.get(MAGNETS)
    now = dt.datetime(2026, 10, 1, tzinfo=dt.UTC)
    last = catalog.standing(MAGNETS)[0][-1].astype("datetime64[M]")
    month: dt.date = (last + 1).astype("datetime64[D]").item()
    stop = [Observation(MAGNETS, month, 0.0, "reported", now)]
    monkeypatch.setattr(catalog, "events", lambda as_of=None: Events([]))
    gate = Gate(catalog, registry, now)
    assert [held.reason for held in gate.judge(series, stop).held] == [Reason.SIZE]
    assert gate.judge(series, stop, [changed(BAN, announced=month)]).held == ()


def test_a_retired_series_is_judged_by_what_it_had(home: tuple[Catalog, Registry]) -> None:
    catalog, registry = home
    series, price = catalog.get(COPPER), level(catalog, COPPER)
    catalog.retire(COPPER, now=FIRST)
    wrong = Observation(COPPER, dt.date(2026, 7, 1), price * 1000, "reported", FIRST)
    assert [held.reason for held in Gate(catalog, registry, FIRST).judge(series, [wrong]).held] == [Reason.SLIP]


def test_a_discarded_claim_says_so_when_it_comes_again(home: tuple[Catalog, Registry]) -> None:
    catalog, registry = home
    price = level(catalog, COPPER)
    deliver(catalog, registry, [(COPPER, "2026-07", price * 1000)], FIRST)
    catalog.quarantine.discard(COPPER, None, by="A. Smith", now=FIRST)
    wrong = Observation(COPPER, dt.date(2026, 7, 1), price * 1000, "reported", FIRST + dt.timedelta(days=1))
    (held,) = Gate(catalog, registry, FIRST + dt.timedelta(days=1)).judge(catalog.get(COPPER), [wrong]).held
    assert held.why.endswith("(discarded by A. Smith on 1 Nov 2026)")
    catalog.add(held=[held], known_at=FIRST + dt.timedelta(days=1))
    assert catalog.quarantine.values(COPPER) == []


def test_an_early_value_is_held_and_passes_when_it_comes_again_after_the_end(home: tuple[Catalog, Registry]) -> None:
    catalog, registry = home
    price = level(catalog, COPPER)
    assert deliver(catalog, registry, [(COPPER, "2026-11", price)], FIRST) == {"2026-11": "early"}
    later = dt.datetime(2026, 12, 3, tzinfo=dt.UTC)
    assert deliver(catalog, registry, [(COPPER, "2026-11", price)], later) == {}
    (one,) = catalog.observations(COPPER, start=dt.date(2026, 11, 1))
    assert (one.value, one.known) == (price, later)
    (record,) = catalog.quarantine.values(COPPER, settled=True)
    assert (record.outcome, record.settled) == (Settlement.CONFIRMED, later)


def test_what_the_next_month_confirms_counts_since_its_own_delivery(home: tuple[Catalog, Registry]) -> None:
    catalog, registry = home
    price, later = level(catalog, NICKEL), FIRST + dt.timedelta(days=1)
    assert deliver(catalog, registry, [(NICKEL, "2026-07", price * 18)], FIRST) == {"2026-07": "size"}
    assert deliver(catalog, registry, [(NICKEL, "2026-08", price * 17)], later) == {}
    first, second = catalog.observations(NICKEL, start=dt.date(2026, 7, 1))
    assert (first.value, first.known, second.value, second.known) == (price * 18, FIRST, price * 17, later)
    (record,) = catalog.quarantine.values(NICKEL, settled=True)
    assert (record.outcome, record.settled, record.by) == (Settlement.CONFIRMED, later, "")


def test_another_source_confirms_and_both_are_on_record(home: tuple[Catalog, Registry]) -> None:
    catalog, registry = home
    price, later = level(catalog, NICKEL), FIRST + dt.timedelta(days=1)
    assert deliver(catalog, registry, [(NICKEL, "2026-07", price * 18)], FIRST, "LME") == {"2026-07": "size"}
    assert deliver(catalog, registry, [(NICKEL, "2026-07", price * 18)], later, "LME") == {"2026-07": "size"}
    assert deliver(catalog, registry, [(NICKEL, "2026-07", price * 18.01)], later, "Fastmarkets") == {}
    assert standing(catalog, NICKEL) == {"2026-07": price * 18.01}
    (first,) = catalog.observations(NICKEL, FIRST.date(), start=dt.date(2026, 7, 1))
    assert first.value == price * 18


# -- in every order ----------------------------------------------------------------------------------------------------

# Of one flow: a month in kg, a ban to 0 that an event explains, a jump to fourfold that the next month bears out, a
# month that is not over. What is usual is about 5,000.
DELIVERIES = {
    "poison": [("2026-07", 5.2e6)],
    "ban": [("2026-08", 0.0)],
    "jump": [("2026-09", 2.2e4), ("2026-10", 2.4e4)],
    "early": [("2026-11", 1500.0)],
}
COUNTS = {"2026-08": 0.0, "2026-09": 2.2e4, "2026-10": 2.4e4}


@pytest.mark.parametrize("series_id", [MAGNETS, EARTHS], ids=["without a forecast", "with a forecast"])
@pytest.mark.parametrize("order", list(itertools.permutations(DELIVERIES)), ids="-".join)
def test_what_counts_and_what_is_held_does_not_depend_on_the_order(
    home: tuple[Catalog, Registry], order: Sequence[str], series_id: str
) -> None:
    catalog, registry = home
    catalog.add(events=[replace(BAN, minerals=(catalog.get(series_id).mineral,))], known_at=FIRST)
    held = {}
    for k, name in enumerate(order):
        rows = [(series_id, month, value) for month, value in DELIVERIES[name]]
        held[name] = deliver(catalog, registry, rows, FIRST + dt.timedelta(hours=k))
    assert held == {"poison": {"2026-07": "slip"}, "ban": {}, "jump": {}, "early": {"2026-11": "early"}}
    assert standing(catalog, series_id) == COUNTS
    assert [str(one.held.observation.ds) for one in catalog.quarantine.values()] == ["2026-07-01", "2026-11-01"]
    assert catalog.history(series_id).y[-1] == 2.4e4, "a forecast starts from the last value that counts"


# Of a price without an event: a jump to sixfold that stays, month by month, beside a slip and a month that is not over.
MONTHS = ["2026-07", "2026-08", "2026-09", "2026-10"]


@given(st.permutations([*MONTHS, "slip", "early"]))
def test_a_jump_that_stays_is_known_in_the_end_in_whatever_order_its_months_come(order: list[str]) -> None:
    kept: dict[str, float] = {}
    days = np.arange("2023-07", "2026-07", dtype="datetime64[M]").astype("datetime64[D]")
    y = 30000.0 * np.exp(np.random.default_rng(1).normal(0, 0.04, len(days)))
    waiting: dict[dt.date, Held] = {}
    for k, name in enumerate(order):
        now = FIRST + dt.timedelta(hours=k)
        month, value = {"slip": ("2026-06", 3e7), "early": ("2026-11", 9e4)}.get(name, (name, 1.8e5))
        one = Observation(PRICE.series_id, dt.date.fromisoformat(f"{month}-01"), value, "reported", now)
        known = dict(zip(days.tolist(), y.tolist(), strict=True)) | {
            dt.date.fromisoformat(f"{m}-01"): v for m, v in kept.items()
        }
        judged = judge(background(known=known, held=tuple(waiting.values()), today=now.date()), [one])
        for passed in judged.passed:
            kept[f"{passed.ds:%Y-%m}"] = passed.value
            waiting.pop(passed.ds, None)
        waiting |= {each.observation.ds: each for each in judged.held}
    assert kept == dict.fromkeys(MONTHS, 1.8e5)
    assert sorted(f"{ds:%Y-%m}" for ds in waiting) == ["2026-06", "2026-11"]


# -- the bundled history -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("series_id", "first", "last"),
    [
        (COPPER, "2008-09", "2009-06"),
        (COPPER, "2020-02", "2020-08"),
        (NICKEL, "2022-02", "2022-06"),
        ("price.gold", "2025-01", "2026-06"),
        ("volume.gallium.export.cn", "2023-07", "2026-06"),
        (EARTHS, "2025-03", "2026-06"),
        (MAGNETS, "2025-03", "2026-06"),
        ("volume.magnets.export.cn.us", "2025-03", "2026-06"),
    ],
)
def test_real_shocks_pass_on_the_day_on_which_they_came(
    catalog: Catalog, series_id: str, first: str, last: str
) -> None:
    series, seen = catalog.get(series_id), catalog.observations(series_id)
    judged = [one for one in seen if first <= f"{one.ds:%Y-%m}" <= last]
    assert judged
    for one in judged:
        before = [other for other in seen if other.ds < one.ds]
        ds, y = np.array([o.ds for o in before], dtype="datetime64[D]"), np.array([o.value for o in before])
        day = one.known.date()
        about = onsets(catalog.events(day).values(), series, catalog.minerals())
        assert judge(Background(series, day, ds, y, None, about), [one]).held == ()


def test_no_bundled_history_has_a_value_that_is_held_when_it_comes_as_one_file(catalog: Catalog) -> None:
    held: list[Held] = []
    for series_id in catalog.targets():
        seen = catalog.observations(series_id)
        about = onsets(catalog.events().values(), catalog.get(series_id), catalog.minerals())
        none = np.array([], dtype="datetime64[D]"), np.array([])
        held += judge(Background(catalog.get(series_id), FIRST.date(), *none, None, about), seen).held
    assert held == []

"""Strategies of hypothesis: questions about what there is in a trained home, as people who know it would ask them."""

from __future__ import annotations

import datetime as dt

from hypothesis import strategies as st

from tests.support.documents import Json
from tests.support.trained_home import COPPER, HORIZON, NOW, TRAINED

RUN = "2026-06-01-a"
BRANCHES = ("us-refined-copper-phased-2027", "cn-suspension-no70-2025")
EVENTS = ("cn-7ree-licence-2025", "us-s232-copper-2025", "id-copper-conc-ban-2023", *BRANCHES)
MINERALS = ("copper", "rare-earths", "magnets", "nickel", "gallium")
FLOWS = ("CHN>WLD", "WLD>USA", "CHN>USA", "CHL>WLD", "EU>CHN")
TODAY = NOW.date()

PAST = st.dates(dt.date(2026, 7, 15), TODAY).map(str)
TO_COME = st.dates(dt.date(2026, 8, 1), dt.date(2028, 6, 1)).map(str)
SHAPES = st.sampled_from(["step", "pulse", "temporary-6", "ramp-3", "decay-0.8"])
PERCENT = st.integers(-90, 200)


def _optional(**members: st.SearchStrategy[Json]) -> st.SearchStrategy[Json]:
    return st.fixed_dictionaries({}, optional=members)


EFFECTS = st.dictionaries(
    st.sampled_from(["price", "volume", *TRAINED]),
    st.fixed_dictionaries({"percent": PERCENT}, optional={"plus_minus": st.integers(0, 50)}),
    max_size=2,
)
SLIPS = st.tuples(st.integers(0, 3), st.integers(3, 6)).map(list)
#: How an event acts: as was measured of another, under a licence, or as is stated.
ACTING = st.one_of(
    st.fixed_dictionaries({"like": st.sampled_from(EVENTS[:3])}),
    st.fixed_dictionaries(
        {"licence": st.fixed_dictionaries({"approval": st.floats(0, 1), "delay_months": st.integers(1, 24)})}
    ),
    _optional(effect=EFFECTS, shape=SHAPES, slips=SLIPS),
    _optional(effect=EFFECTS, rates=st.lists(TO_COME, max_size=3, unique=True).map(sorted).map(
        lambda days: [{"from": day, "rate": 10.0 * (k + 1)} for k, day in enumerate(days)]
    )),
)  # fmt: skip


def _merged(*parts: st.SearchStrategy[Json]) -> st.SearchStrategy[Json]:
    return st.tuples(*parts).map(lambda made: {name: one for part in made for name, one in part.items()})


TAKES = _merged(
    st.fixed_dictionaries(
        {"branch": st.sampled_from(BRANCHES)}, optional={"starts": TO_COME, "probability": st.floats(0, 1)}
    ),
    ACTING,
)
ADDS = _merged(
    st.fixed_dictionaries(
        {
            "event": st.just("mine"),
            "effective": TO_COME,
            "minerals": st.just([MINERALS[0]]),
            "flows": st.just(["WLD>USA"]),
        },
        optional={"kind": st.sampled_from(["tariff", "export_ban", "quota"]), "price": st.sampled_from(["up", "down"])},
    ),
    ACTING,
)
AMENDS = _merged(st.fixed_dictionaries({"event": st.sampled_from(EVENTS[:2])}, optional={"ended": TO_COME}), ACTING)
SCENARIOS = _optional(
    probability=st.floats(0, 0.3),
    title=st.text(max_size=20),
    add=st.lists(ADDS, max_size=1),
    remove=st.lists(st.sampled_from(EVENTS[:1]), max_size=1),
    amend=st.lists(AMENDS, max_size=1),
    take=st.lists(TAKES, max_size=1),
)


def _named(scenarios: list[Json]) -> list[Json]:
    return [{"name": f"s{k}", **scenario} for k, scenario in enumerate(scenarios)]


#: Bodies of questions about scenarios, most of which make sense.
QUESTIONS: st.SearchStrategy[Json] = st.fixed_dictionaries(
    {
        "series": st.lists(st.sampled_from(TRAINED), min_size=1, max_size=3, unique=True),
        "scenarios": st.lists(SCENARIOS, max_size=3).map(_named),
    },
    optional={
        "h": st.integers(1, HORIZON),
        "level": st.lists(st.integers(1, 99), min_size=1, max_size=3, unique=True),
        "origin": st.sampled_from(["today", "last"]),
        "as_of": PAST,
        "coherent": st.booleans(),
    },
)

#: What stands in a path.
IN_PATHS: dict[str, st.SearchStrategy[str]] = {
    "series_id": st.sampled_from(TRAINED),
    "event_id": st.sampled_from(EVENTS),
    "run_id": st.just(RUN),
}
#: Values of parameters that name what there is, or a moment at which there is something.
IN_QUERIES: dict[str, st.SearchStrategy[Json]] = {
    "series_id": st.sampled_from(TRAINED),
    "event": st.sampled_from(EVENTS),
    "group": st.just(COPPER),
    "mineral": st.sampled_from(MINERALS),
    "country": st.sampled_from(["CHN", "USA", "WLD"]),
    "partner": st.sampled_from(["CHN", "USA", "WLD"]),
    "place": st.sampled_from(["CHN", "USA", "WLD"]),
    "actor": st.sampled_from(["CHN", "USA", "EU"]),
    "origin": st.sampled_from(["CHN", "CHL", "today", "last"]),
    "destination": st.sampled_from(["USA", "EU"]),
    "as_of": st.dates(dt.date(2026, 5, 1), TODAY).map(str),
    "since": st.dates(dt.date(2020, 1, 1), TODAY).map(str),
    "from": st.dates(dt.date(2025, 1, 1), dt.date(2028, 12, 31)).map(str),
    "until": st.dates(dt.date(2025, 1, 1), dt.date(2028, 12, 31)).map(str),
    "start": st.dates(dt.date(2000, 1, 1), TODAY).map(str),
    "end": st.dates(dt.date(2000, 1, 1), TODAY).map(str),
}

"""Which claims of a delivery are news: in columns it comes out as it would one by one."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from forecast.catalog import Observation
from forecast.catalog.claims import WITHDRAWN, ClaimKind, Claims, news

NOW = datetime(2026, 3, 1, tzinfo=UTC)
Said = tuple[float, str]
Vintage = dict[datetime, Said]


def moment(day: int) -> datetime:
    """The last of them is ``NOW``."""
    return NOW - timedelta(days=9 - day)


def one_by_one(stored: dict[tuple[str, date], Vintage], told: list[Observation]) -> list[ClaimKind]:
    """The same rule, said for one claim after another in order of their moments."""
    moments = []
    for one in told:
        period = one.series_id, one.ds
        others = [other.known for other in told if (other.series_id, other.ds) == period and other.known < one.known]
        recorded = stored.get(period, {}).get(one.known) == (one.value, one.flag)
        moments.append(NOW if one.assumed and not recorded and (others or stored.get(period)) else one.known)
    kinds = [ClaimKind.HELD] * len(told)
    known = {period: dict(vintage) for period, vintage in stored.items()}
    for k in sorted(range(len(told)), key=lambda k: moments[k]):
        one, at = told[k], moments[k]
        vintage, claim = known.setdefault((one.series_id, one.ds), {}), (one.value, one.flag)
        before = [vintage[earlier] for earlier in sorted(vintage) if earlier <= at]
        taken_back = len(before) > 1 and before[-1][1] == WITHDRAWN and before[-2] == claim and at == NOW
        if (before and before[-1] == claim) or taken_back:
            kinds[k] = ClaimKind.UNCHANGED
        elif at in vintage:
            kinds[k] = ClaimKind.CONTRADICTS
        else:
            kinds[k] = ClaimKind.REVISED if vintage else ClaimKind.ADDED
            vintage[at] = claim
    return kinds


PERIODS = st.tuples(st.sampled_from(["price.a", "price.b"]), st.sampled_from([date(2026, 1, 1), date(2026, 2, 1)]))
SAID = st.tuples(st.sampled_from([1.0, 2.0]), st.sampled_from(["reported", "derived"]))
VINTAGES = st.dictionaries(st.integers(0, 7).map(moment), SAID, max_size=3)


@st.composite
def deliveries(draw: st.DrawFn) -> tuple[dict[tuple[str, date], Vintage], list[Observation]]:
    """What is stored, at times with a withdrawal at the end, and one row a period and moment of a delivery."""
    stored = {period: vintage for period, vintage in draw(st.dictionaries(PERIODS, VINTAGES)).items() if vintage}
    for vintage in stored.values():
        if draw(st.booleans()):
            vintage[moment(8)] = (float("nan"), WITHDRAWN)
    rows = draw(st.dictionaries(st.tuples(PERIODS, st.sampled_from([0, 3, 5, 9]).map(moment)), SAID, max_size=6))
    # at most one row of a period does not say its moment: it is known since now, or that is assumed
    silent = {period for period, known in rows if known == NOW}
    found = []
    for (period, known), (value, flag) in rows.items():
        assumed = period not in silent and draw(st.booleans())
        if assumed:
            silent.add(period)
        found.append(Observation(*period, value, flag, known, assumed))
    return stored, found


def columns(stored: dict[tuple[str, date], Vintage]) -> Claims:
    claims = Claims.of(
        [
            Observation(*period, value, flag, known)
            for period, vintage in sorted(stored.items())
            for known, (value, flag) in sorted(vintage.items())
        ]
    )
    return replace(claims, ids=["price.a", "price.b"], series=_numbers(claims))


def _numbers(claims: Claims) -> np.ndarray[tuple[int], np.dtype[np.int32]]:
    number = {"price.a": 0, "price.b": 1}
    return np.array([number[claims.ids[k]] for k in claims.series], dtype=np.int32)


@given(deliveries())
def test_in_columns_as_one_by_one(case: tuple[dict[tuple[str, date], Vintage], list[Observation]]) -> None:
    stored, told = case
    claims = Claims.of(told)
    claims = replace(claims, ids=["price.a", "price.b"], series=_numbers(claims))
    found = news(columns(stored), claims, NOW)
    expected = one_by_one(stored, told)
    assert [ClaimKind(kind) for kind in found.kind] == expected
    contradictions = [k for k, kind in enumerate(expected) if kind == ClaimKind.CONTRADICTS]
    assert sorted(found.contradicted) == contradictions


@pytest.mark.parametrize(
    ("day", "value", "kind"),
    [
        (2, 1.0, ClaimKind.UNCHANGED),  # known by the end of the day: what came at noon stood then
        (2, 2.0, ClaimKind.REVISED),
        (3, 1.0, ClaimKind.UNCHANGED),
        (1, 1.0, ClaimKind.REVISED),
    ],
)
def test_a_moment_that_is_told_as_a_day_means_its_end(day: int, value: float, kind: ClaimKind) -> None:
    noon = moment(2) + timedelta(hours=12)
    before = Claims.of([Observation("price.a", date(2026, 1, 1), 1.0, "reported", noon)])
    told = Claims.of([Observation("price.a", date(2026, 1, 1), value, "reported", moment(day))])
    found = news(before, replace(told, dated=np.array([True])), NOW)
    assert found.kind.tolist() == [kind]


def test_a_value_that_comes_back_after_others_of_its_delivery_is_news() -> None:
    # the last value was stored first, as known early: the vintages between put another one before it
    early, ds = moment(1), date(2026, 1, 1)
    before = Claims.of([Observation("price.a", ds, 1.0, "reported", early)])
    told = Claims.of([Observation("price.a", ds, y, "reported", moment(day)) for day, y in ((4, 2.0), (6, 1.0))])
    found = news(before, replace(told, dated=np.array([True, True])), NOW)
    assert found.kind.tolist() == [ClaimKind.REVISED, ClaimKind.REVISED]
    stored = Claims.of([before.observation(0), told.observation(0), told.observation(1)])
    again = news(stored, replace(told, dated=np.array([True, True])), NOW)
    assert again.kind.tolist() == [ClaimKind.UNCHANGED, ClaimKind.UNCHANGED]


def test_a_delivery_of_nothing_has_no_news() -> None:
    assert not news(Claims.of([]), Claims.of([]), NOW).new.any()

"""What a fetch brings: values through the gate, one series at a time, and what went wrong, told and kept."""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field

import pytest

from forecast.catalog import Catalog
from forecast.errors import SourceFailed
from forecast.jobs.fetch import FIRST_DAY, REVISED_FOR, Fetching, FetchResult
from forecast.sources.configuration import ConfiguredSource
from forecast.sources.source import Quote, Source
from forecast.sources.web import Validators, Web

NOW = dt.datetime(2026, 11, 28, 2, tzinfo=dt.UTC)
MONTHS = [dt.date(2023 + k // 12, k % 12 + 1, 1) for k in range(36)]


@dataclass
class Exchange(Source):
    """A source that gives what a test says; ``asked``: since when it was asked, and whether it knew a page."""

    name: str = "exchange"
    title: str = "prices of the test"
    publisher: str = "The exchange"
    address: str = "http://127.0.0.1:9/"
    page: str = "http://127.0.0.1:9/about"
    licence: str = "free"
    values: dict[str, dict[dt.date, float]] = field(default_factory=dict)
    unit: str = "USD/t"
    known: dt.datetime | None = None
    fault: str = ""
    bug: Exception | None = None
    asked: list[tuple[dt.date, bool]] = field(default_factory=list)

    def fetch(self, web: Web, keys: Collection[str], since: dt.date) -> Iterator[Quote]:
        self.asked.append((since, bool(web.known)))
        web.seen["page"] = Validators(digest=str(len(self.asked)))
        for key in keys:
            for ds, value in self.values.get(key, {}).items():
                if ds >= since:
                    yield Quote(key, ds, value, self.unit, known=self.known)
        if self.fault:
            raise SourceFailed(self.name, self.fault)
        if self.bug:
            raise self.bug


ENTRIES: tuple[Mapping[str, object], ...] = (
    {"key": "NEO", "series_id": "price.neodymium.test", "delivered": "USD/t", "factor": 0.001, "unit": "USD/kg"},
    {"key": "CU", "series_id": "price.copper", "delivered": "USD/t"},
)
FACTS = {"measure": "price", "mineral": "rare-earths", "freq": "M", "release_lag_days": 5}


@pytest.fixture
def exchange() -> Exchange:
    steady = {month: 70_000.0 + 100 * k for k, month in enumerate(MONTHS)}
    return Exchange(values={"NEO": steady})


def fetched(
    catalog: Catalog,
    exchange: Exchange,
    now: dt.datetime = NOW,
    since: dt.date | None = None,
    entries: tuple[Mapping[str, object], ...] = ENTRIES,
) -> FetchResult:
    entries = tuple({**FACTS, **entry} if "unit" in entry else entry for entry in entries)
    source = ConfiguredSource(exchange, exchange.address, entries=entries, file="sources.toml")
    return Fetching(catalog, None, source, now, since).run()


def test_a_series_that_is_new_is_described_and_its_values_are_converted(catalog: Catalog, exchange: Exchange) -> None:
    result = fetched(catalog, exchange)
    assert (result.status, result.series, result.counts.observations, result.faults) == ("fetched", 1, 36, ())
    series = catalog.get("price.neodymium.test")
    assert (series.publisher, series.licence, series.unit) == ("The exchange", "free", "USD/kg")
    assert catalog.history("price.neodymium.test").y[:2].tolist() == [70.0, 70.1]


def test_a_history_that_comes_at_once_was_known_when_it_was_released(catalog: Catalog, exchange: Exchange) -> None:
    fetched(catalog, exchange)
    first, *_ = catalog.observations("price.neodymium.test")
    assert (first.known, first.assumed) == (dt.datetime(2023, 2, 5, tzinfo=dt.UTC), True)
    exchange.values["NEO"][dt.date(2026, 1, 1)] = 73_700.0
    fetched(catalog, exchange)
    *_, last = catalog.observations("price.neodymium.test")
    assert (last.known, last.assumed) == (NOW, False)


def test_a_history_before_the_first_value_that_is_stored_was_known_when_it_was_released(
    catalog: Catalog, exchange: Exchange
) -> None:
    whole, late = dict(exchange.values["NEO"]), MONTHS[24]
    exchange.values["NEO"] = {ds: value for ds, value in whole.items() if ds >= late}
    fetched(catalog, exchange)
    exchange.values["NEO"] = whole
    fetched(catalog, exchange, NOW + dt.timedelta(days=1), MONTHS[0])
    first, *_ = catalog.observations("price.neodymium.test")
    assert (first.ds, first.known, first.assumed) == (MONTHS[0], dt.datetime(2023, 2, 5, tzinfo=dt.UTC), True)


def test_what_the_publisher_says_of_when_it_was_known_is_believed_once(catalog: Catalog, exchange: Exchange) -> None:
    exchange.known = dt.datetime(2026, 1, 15, tzinfo=dt.UTC)
    fetched(catalog, exchange)
    assert {one.known for one in catalog.observations("price.neodymium.test")} == {exchange.known}
    exchange.values["NEO"][MONTHS[-1]] += 50
    assert fetched(catalog, exchange).counts.revised == 1
    *_, last = catalog.observations("price.neodymium.test")
    assert last.known == NOW


def test_the_same_again_changes_nothing(catalog: Catalog, exchange: Exchange) -> None:
    fetched(catalog, exchange)
    edition = catalog.edition()
    result = fetched(catalog, exchange, NOW + dt.timedelta(days=1))
    assert (result.status, result.counts.changed) == ("unchanged", 0)
    assert catalog.edition() == edition


def test_values_of_years_ago_that_are_rounded_anew_are_no_revisions(catalog: Catalog, exchange: Exchange) -> None:
    long_ago, years_ago, new = dt.date(2005, 6, 1), dt.date(2015, 1, 1), dt.date(2026, 1, 1)
    exchange.values["CU"] = {long_ago: 3524.0, years_ago: 5831.0, new: 13_011.0}
    assert fetched(catalog, exchange).counts.revised == 1
    stored = dict(zip(*(column.tolist() for column in catalog.standing("price.copper")), strict=True))
    assert (stored[years_ago], stored[new]) == (5830.54, 13_011.0)
    assert fetched(catalog, exchange, since=long_ago).counts.revised == 2


def test_bundled_values_with_a_flag_of_their_own_stay_as_they_are(catalog: Catalog, exchange: Exchange) -> None:
    history = catalog.history("price.copper")
    stored = zip(history.ds.tolist(), history.y.tolist(), strict=True)
    exchange.values = {"CU": {ds: value for ds, value in stored if ds >= FIRST_DAY}}
    assert fetched(catalog, exchange).counts.changed == 0


def test_a_thousandfold_is_held_and_the_rest_comes_in(catalog: Catalog, exchange: Exchange) -> None:
    exchange.values["NEO"][MONTHS[-1]] *= 1000
    result = fetched(catalog, exchange)
    assert (result.counts.observations, result.counts.held) == (35, 1)
    assert catalog.history("price.neodymium.test").last == MONTHS[-2]
    (held,) = catalog.quarantine.values("price.neodymium.test")
    assert held.held.source == "exchange"


def test_another_unit_than_agreed_is_held(catalog: Catalog, exchange: Exchange) -> None:
    fetched(catalog, exchange)
    exchange.unit = "CNY/t"
    exchange.values["NEO"][dt.date(2026, 1, 1)] = 75_000.0
    result = fetched(catalog, exchange)
    assert (result.counts.changed, result.counts.held) == (0, 14), "all that was asked for again"


def test_what_is_no_value_is_told_and_takes_nothing_with_it(catalog: Catalog, exchange: Exchange) -> None:
    exchange.values["NEO"] |= {dt.date(2026, 1, 1): -1.0, dt.date(2026, 2, 1): 0.0, dt.date(2026, 3, 2): 75_000.0}
    exchange.values["CU"] = {dt.date(2026, 7, 1): 13_500.0}
    result = fetched(catalog, exchange)
    assert (result.status, result.counts.observations) == ("partial", 37)
    assert result.faults == (
        "price.neodymium.test 2026-01-01: -1: expected a number, zero or more; left out",
        "price.neodymium.test 2026-02-01: 0: expected more than 0, as a price is; left out",
        "price.neodymium.test 2026-03-02: 75000: expected the first day of a period, 2026-03-01; left out",
    )


def test_what_came_before_a_source_failed_is_kept_and_asked_for_again(catalog: Catalog, exchange: Exchange) -> None:
    exchange.fault = "the second page is cut"
    result = fetched(catalog, exchange)
    assert (result.status, result.counts.observations, result.faults) == ("partial", 36, ("the second page is cut",))
    state = catalog.fetches.states()["exchange"]
    assert (state.succeeded, state.fault, state.fault_since) == (None, "the second page is cut", NOW)
    later = NOW + dt.timedelta(days=1)
    fetched(catalog, exchange, later)
    assert catalog.fetches.states()["exchange"].fault_since == NOW, "since when it fails"
    exchange.fault = ""
    fetched(catalog, exchange, later)
    assert exchange.asked == [(FIRST_DAY, False)] * 3, "the whole history is asked for until it came"
    state = catalog.fetches.states()["exchange"]
    assert (state.succeeded, state.fault, state.fault_since) == (later, "", None)


def test_what_came_whole_is_asked_for_only_if_it_changed(catalog: Catalog, exchange: Exchange) -> None:
    fetched(catalog, exchange)
    fetched(catalog, exchange)
    fetched(catalog, exchange, since=dt.date(2020, 1, 1))
    window = NOW.date() - REVISED_FOR
    assert exchange.asked == [(FIRST_DAY, False), (window, True), (dt.date(2020, 1, 1), False)]


def test_a_series_that_joins_a_source_is_asked_for_from_its_beginning(catalog: Catalog, exchange: Exchange) -> None:
    fetched(catalog, exchange, entries=ENTRIES[:1])
    fetched(catalog, exchange)
    assert exchange.asked[1] == (FIRST_DAY, False)


def test_a_faulty_table_is_told_and_nothing_is_asked(catalog: Catalog, exchange: Exchange) -> None:
    entries = ({"key": "CU", "series_id": "price.coper", "delivered": "USD/t", "factor": "none"},)
    source = ConfiguredSource(exchange, exchange.address, entries=entries, file="sources.toml")
    result = Fetching(catalog, None, source, NOW).run()
    assert (result.status, exchange.asked) == ("failed", [])
    assert "sources.toml: exchange.series 1: factor = 'none': expected a number above zero" in result.faults
    assert any("nearest: price.copper" in fault for fault in result.faults)


def test_a_history_that_is_another_altogether_is_told_and_not_taken_in(catalog: Catalog, exchange: Exchange) -> None:
    fetched(catalog, exchange)
    exchange.values["NEO"] = {ds: 0.3 * value for ds, value in exchange.values["NEO"].items()}
    exchange.values["CU"] = {dt.date(2026, 7, 1): 13_500.0}
    result = fetched(catalog, exchange)
    assert (result.counts.revised, result.counts.observations) == (0, 1)
    assert result.faults == (
        "price.neodymium.test: 13 of 13 known values would become 0.3 times what they are; is it the same thing, and "
        "the same base? Nothing of it was taken in; this takes it in: orecast fetch exchange --since DAY",
    )
    assert fetched(catalog, exchange, since=dt.date(2023, 1, 1)).counts.revised == 36


def test_a_revision_of_a_whole_year_is_taken_in(catalog: Catalog, exchange: Exchange) -> None:
    fetched(catalog, exchange)
    exchange.values["NEO"] = {ds: 1.02 * value for ds, value in exchange.values["NEO"].items()}
    result = fetched(catalog, exchange)
    assert (result.counts.revised, result.faults) == (13, ())


def test_what_nobody_thought_of_is_a_fault_of_its_source(catalog: Catalog, exchange: Exchange) -> None:
    exchange.bug = OverflowError("int too large\x1b[31m")
    result = fetched(catalog, exchange)
    assert (result.status, result.counts.observations) == ("partial", 36)
    assert result.faults == ("its answer cannot be read: OverflowError: int too large [31m",)


def test_a_key_that_the_publisher_repeats_is_neither_told_nor_kept(catalog: Catalog, exchange: Exchange) -> None:
    exchange.fault = "the key s3cret has expired"
    source = ConfiguredSource(exchange, exchange.address, key="s3cret", entries=ENTRIES[1:], file="sources.toml")
    assert Fetching(catalog, None, source, NOW).run().faults == ("the key KEY has expired",)
    assert catalog.fetches.states()["exchange"].fault == "the key KEY has expired"


def test_of_several_values_of_one_period_none_is_believed(
    catalog: Catalog, exchange: Exchange, monkeypatch: pytest.MonkeyPatch
) -> None:
    quotes = [Quote("NEO", ds, value) for value in (70_000.0, 71_000.0) for ds in MONTHS[:2]]
    monkeypatch.setattr(Exchange, "fetch", lambda *_: iter([*quotes, Quote("NEO", MONTHS[2], 70_000.0)]))
    result = fetched(catalog, exchange)
    assert (result.status, result.counts.observations) == ("partial", 1)
    assert result.faults[0] == "NEO 2023-01-01: 70000, 71000: expected one value a period; left out"


def test_a_revision_that_came_while_the_clock_was_back_counts_once_it_is_right(
    catalog: Catalog, exchange: Exchange
) -> None:
    month, hour = dt.date(2025, 12, 1), dt.timedelta(hours=1)
    fetched(catalog, exchange)
    for now, value in ((NOW + hour, 73_600.0), (NOW - hour, 73_700.0)):
        exchange.values["NEO"][month] = value
        fetched(catalog, exchange, now)
        assert catalog.history("price.neodymium.test").y[-1] == 73.6, "what is known later stands"
    assert catalog.fetches.pages("exchange")["page"][2] == "2", "the third answer is read again"
    fetched(catalog, exchange, NOW + 2 * hour)
    assert catalog.history("price.neodymium.test").y[-1] == 73.7


def test_two_keys_of_one_series_are_told(catalog: Catalog, exchange: Exchange) -> None:
    result = fetched(catalog, exchange, entries=(ENTRIES[1], {**ENTRIES[1], "key": "COPPER"}))
    assert (result.status, exchange.asked) == ("failed", [])
    assert "each series once" in result.faults[0]

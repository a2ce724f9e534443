"""What users rely on: the bundled figures are whole, agree with each other, and say where they come from."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path

import numpy as np
import pytest

from forecast.catalog import Catalog
from forecast.catalog.csv_records import EventRow, SeriesRow
from forecast.catalog.duty_records import DutyRow, duty_lines
from forecast.events import RELATIONS, Act, Events, KindFamily, state
from forecast.events.duty_lines import ALL_GOODS
from forecast.events.exposure import exposure
from forecast.settings import Settings, data_dir
from forecast.timeseries.series import FLAGS, ROLES

DATA = data_dir()
EVIDENCE_ENDS = date(2026, 10, 9)


@pytest.fixture(scope="module")
def bundled(seeded: Path) -> Iterator[Catalog]:
    catalog = Catalog.open(Settings.from_env({"ORECAST_DATABASE_URL": f"sqlite:///{seeded}"}))
    yield catalog
    catalog.close()


def rows(name: str) -> list[dict[str, str]]:
    with (DATA / name).open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def test_how_much_there_is(bundled: Catalog) -> None:
    series = bundled.series().values()
    assert [sum(one.measure == m for one in series) for m in ("price", "volume", "value", "index")] == [109, 51, 39, 17]
    assert [sum(one.role == role for one in series) for role in ROLES] == [64, 24, 128]
    assert sum(np.isfinite(history.y).sum() for history in bundled.histories().values()) == 18108
    assert len(bundled.events()) == 248


def test_every_series_has_observations_a_publisher_and_a_licence(bundled: Catalog) -> None:
    assert set(bundled.histories()) == set(bundled.series())
    assert all(one.publisher and one.licence and one.source_url for one in bundled.series().values())


@pytest.mark.parametrize(
    ("series_id", "ds", "value"),
    [
        ("price.copper", "2026-06-01", 13552),
        ("volume.rare-earths.export.cn", "2026-02-01", 4407.0),
        ("index.applied-tariff.import.us", "2013-01-01", 1.8272),
        ("price.rare-earths.import.us.cn.annual", "2011-01-01", 72.027648),
        ("volume.rare-earths.import.in.cn", "2026-07-01", 55220),
        ("volume.rare-earths-no-cerium.import.in.cn", "2025-07-01", 25),
        ("value.steel.import.us.cn", "2018-04-01", 47498676),
        ("index.applied-tariff.copper.import.us.cn", "2019-07-01", 25.441275),
        ("volume.phosphate.export.cn.annual", "2008-01-01", 1528031.152174),
    ],
)
def test_single_figures(bundled: Catalog, series_id: str, ds: str, value: float) -> None:
    history = bundled.history(series_id)
    assert history.y[history.ds == np.datetime64(ds)].tolist() == [value]


def test_yearly_series_say_so_in_their_ids(bundled: Catalog) -> None:
    assert all(name.endswith(".annual") is (one.freq == "Y") for name, one in bundled.series().items())


def test_what_is_forecast_is_long_enough_and_still_published(bundled: Catalog) -> None:
    # Known before: sparse, and told of for their events.
    sparse = {"volume.gallium.export.cn", "volume.germanium.export.cn", "volume.magnets.export.cn.us"}
    for name, history in bundled.histories().items():
        if history.series.is_target and name not in sparse:
            least, day = (15, date(2024, 1, 1)) if history.series.freq == "Y" else (24, date(2025, 9, 1))
            assert history.used.sum() >= least, name
            assert history.last >= np.datetime64(day), name


def test_parts_of_a_trade_are_never_more_than_the_whole(bundled: Catalog) -> None:
    # Two flows of different publishers or of one revised month may differ by what was rounded.
    histories = bundled.histories()
    whole = {parent for one in bundled.series().values() if (parent := one.parent) in histories}
    assert "value.steel.import.us" in whole
    for name in whole:
        total = histories[name]
        parts = np.zeros(len(total))
        for part in (one for one in histories.values() if one.series.parent == name):
            _, at, of = np.intersect1d(total.ds, part.ds, return_indices=True)
            assert part.series.unit == total.series.unit, part.series.series_id
            parts[at] += np.nan_to_num(part.y[of])
        assert not (parts > 1.001 * total.y).any(), name


def test_evidence_that_was_taken_to_tell_what_events_do_is_touched_by_one(
    bundled: Catalog, bundled_events: Events
) -> None:
    minerals = bundled.minerals()
    for name, history in bundled.histories().items():
        if history.series.is_evidence and history.used.sum() >= 15:
            first, last = history.ds[0].item(), history.series.calendar.end(history.ds[-1]).item()
            within = [e for e in bundled_events.values() if first <= (e.effective or e.known_from) <= last]
            assert any(exposure(event, history.series, minerals) >= 0.3 for event in within), name


def test_revisions_of_the_british_customs_are_known_since_their_own_day(bundled: Catalog) -> None:
    copper = "value.copper.import.gb"
    before, after = (bundled.history(copper, date(2026, 7, day)) for day in (17, 18))
    changed = (before.ds != after.ds[: len(before)]) | (before.y != after.y[: len(before)])
    assert changed.sum() == 5
    assert (before.last, after.last) == (np.datetime64("2026-04-01"), np.datetime64("2026-05-01"))
    assert len(bundled.history(copper, date(2025, 1, 31))) == 9, (
        "what was published before recording began is taken to be usual"
    )


def test_each_measure_has_its_own_file(bundled: Catalog) -> None:
    for path in (DATA / "observations").glob("*.csv"):
        series = {row["series_id"] for row in rows(f"observations/{path.name}")}
        assert {bundled.get(series_id).measure for series_id in series} == {path.stem}


def test_imputed_months_are_two_equal_halves(bundled: Catalog) -> None:
    history = bundled.history("volume.rare-earths.export.cn")
    imputed = history.flag == "imputed"
    assert imputed.sum() > 0
    january = imputed & (history.ds.astype("datetime64[M]").astype(int) % 12 == 0)
    np.testing.assert_array_equal(np.flatnonzero(imputed)[1::2], np.flatnonzero(january) + 1)
    np.testing.assert_allclose(history.y[january], history.y[np.flatnonzero(january) + 1])


def test_minerals_of_series_and_events_stand_in_the_tree(bundled: Catalog) -> None:
    minerals = bundled.minerals()
    named = {one.mineral for one in bundled.series().values()} - {""}
    named |= {slug for event in bundled.events().values() for slug in event.minerals}
    assert named <= set(minerals.parents)


@pytest.mark.parametrize(
    ("a", "b", "related"),
    [
        ("rare-earths-heavy", "rare-earths", True),
        ("samarium", "rare-earths", True),
        ("yttrium", "rare-earths", True),
        ("dysprosium", "rare-earths-heavy", True),
        ("neodymium", "rare-earths-heavy", False),
        ("rare-earths", "ndfeb-magnets", False),
        ("rare-earths-heavy", "rare-earths-light", False),
        ("thermal-coal", "coal", True),
        ("thermal-coal", "coking-coal", False),
        ("copper", "copper-refined", True),
        ("copper", "base-metals", False),
        ("graphite-synthetic", "graphite", True),
        ("aluminium", "bauxite", False),
    ],
)
def test_what_is_a_part_of_what(bundled: Catalog, a: str, b: str, related: bool) -> None:
    assert bundled.minerals().related(a, b) is bundled.minerals().related(b, a) is related


def test_the_baskets(bundled: Catalog) -> None:
    assert bundled.minerals().baskets == {"all-cn-origin", "all-non-exempt"}


# Events.


def test_acts_go_to_events_that_are_there_in_seven_relations(bundled_events: Events) -> None:
    found = [act for event in bundled_events.values() for act in event.acts]
    assert {act.target for act in found} <= set(bundled_events)
    assert {act.relation for act in found} == set(RELATIONS) - {"reinstates"}
    assert len(found) == len({(event.event_id, act) for event in bundled_events.values() for act in event.acts})


def test_the_suspension_of_november_2025_acts_on_six_controls(bundled_events: Events) -> None:
    acts = [act.target for act in bundled_events["cn-suspension-no70-2025"].acts if act.relation == "suspends"]
    assert acts == [f"cn-mofcom-{number}-2025" for number in (62, 55, 56, 57, 58, 61)]


def test_what_was_triggered_responds(bundled_events: Events) -> None:
    assert Act("responds_to", "us-bis-semicon-dec-2024") in bundled_events["cn-us-ban-gagesb-2024"].acts
    assert bundled_events["us-bis-semicon-dec-2024"].acts == ()


def test_an_end_that_an_act_brought_about_is_the_date_of_that_act(bundled_events: Events) -> None:
    explained = 0
    for event in bundled_events.values():
        ends = [
            by
            for by, act in bundled_events.acts_on(event.event_id)
            if act.relation in ("suspends", "terminates") and by.family is not KindFamily.THREAT
        ]
        if not ends or event.status not in ("lapsed", "suspended"):
            continue
        assert event.ended is not None, event.event_id
        days = {event.ended, event.ended + timedelta(days=1)}
        if any(by.effective in days for by in ends):
            explained += 1
        else:
            assert event.event_id == "us-ieepa-reciprocal-country-2025-04"
    assert explained > 30


@pytest.mark.parametrize(
    ("event_id", "end_known"),
    [
        ("cn-mofcom-55-2025", date(2025, 11, 7)),  # announced date of the suspension
        ("us-ieepa-cn-fent-2025-02", date(2026, 2, 20)),  # of the ruling
        ("cn-ree-quota-2010", date(2009, 12, 31)),  # fixed in its own text
        ("cn-suspension-no70-2025", date(2025, 11, 7)),
        ("us-s122-10-2026", date(2026, 2, 20)),
        ("gfc-2008", date(2009, 6, 30)),  # nothing better than the end
        ("us-s232-canada-aluminium-2020", date(2020, 9, 15)),  # told afterwards
        ("cn-7ree-licence-2025", None),
    ],
)
def test_when_an_end_could_be_known(bundled_events: Events, event_id: str, end_known: date | None) -> None:
    assert bundled_events[event_id].end_known == end_known


def test_no_end_is_known_before_its_event_and_none_after_the_evidence(bundled_events: Events) -> None:
    for event in bundled_events.values():
        for day in (event.known_from, event.end_known, event.status_as_of):
            assert day is None or day <= EVIDENCE_ENDS, event.event_id
        assert event.end_known is None or event.known_from <= event.end_known, event.event_id
        final = event.status in ("lapsed", "suspended", "withdrawn") or event.ended is not None
        assert not final or event.end_known is not None, event.event_id


def test_every_event_has_a_state_on_every_day_it_was_known(bundled_events: Events) -> None:
    for known_on in (date(2012, 1, 1), date(2019, 6, 1), date(2025, 4, 10), EVIDENCE_ENDS):
        known = bundled_events.known_on(known_on)
        for event_id in known:
            assert state(known, event_id, known_on, known_on).status != "unannounced"


def test_levels_are_numbers_or_text(bundled_events: Events) -> None:
    steps = bundled_events["us-refined-copper-phased-2027"]
    assert (steps.value_before, steps.value_after, steps.value_text) == (0, None, "0 -> 15->30")
    tariff = bundled_events["us-s232-copper-2025"]
    assert (tariff.value_before, tariff.value_after, tariff.value_text) == (0, 50, "")


def test_verified_events_name_their_sources(bundled_events: Events) -> None:
    assert all(event.sources for event in bundled_events.values() if event.certainty == "verified")


# The document.


def test_every_column_and_flag_is_explained() -> None:
    text = (DATA / "README.md").read_text(encoding="utf-8")
    columns = {*SeriesRow.model_fields, *EventRow.model_fields, *FLAGS, *RELATIONS}
    assert [name for name in sorted(columns) if f"`{name}`" not in text] == []
    # Of no bundled series does the publisher say its resolution: the column is left out, as a user may.
    assert set(rows("series.csv")[0]) == SeriesRow.model_fields.keys() - {"resolution"}
    assert set(rows("events.csv")[0]) == EventRow.model_fields.keys()
    assert [name for name in DutyRow.model_fields if f"`{name}`" not in text] == []
    assert set(rows("duties.csv")[0]) == DutyRow.model_fields.keys()


def test_every_duty_line_quotes_an_event_that_says_its_rate(bundled_events: Events) -> None:
    """Nothing is from memory: the words are those of the record, and the numbers those of the words."""
    for line in duty_lines(DATA):
        assert line.event_id in bundled_events, line
        assert line.is_known(bundled_events), (line.event_id, line.states)
        words = " ".join(words for _, words in line.states)
        numbers = {float(number) for number in re.findall(r"\d+(?:\.\d+)?", words)}
        stated = {rate for rate in (line.low, line.high) if rate}
        assert stated <= numbers, (line.event_id, line.states, stated)
        # Nothing is charged where the words say so, and is else only what is the least that it can be.
        nil = line.low == line.high == 0
        assert not nil or 0 in numbers or re.search("exempt|NOT on|removed|removes|excluded", words), line


def test_every_duty_line_is_of_minerals_and_layers_that_there_are(bundled: Catalog, bundled_events: Events) -> None:
    lines = duty_lines(DATA)
    minerals = bundled.minerals()
    assert len(lines) == 152
    assert {slug for line in lines for slug in line.minerals if slug not in minerals} == {ALL_GOODS}
    assert all(line.is_exact or line.note or "all-non-exempt" in line.minerals for line in lines)
    kinds = {bundled_events[line.event_id].kind for line in lines}
    assert kinds == {"tariff", "tariff_relief", "truce"}
    assert [line.event_id for line in lines if bundled_events[line.event_id].kind == "truce"] == ["us-cn-geneva-2025"]


def test_no_bundled_event_was_given_another_rate_than_its_lines_state(bundled_events: Events) -> None:
    of_file = {(line.event_id, line.states) for line in duty_lines(DATA)}
    assert {(line.event_id, line.states) for event in bundled_events.values() for line in event.duties} == of_file


def test_tariff_steps_are_dated_and_in_order() -> None:
    steps = rows("tariff_steps.csv")
    by_partner: dict[str, list[date]] = {}
    for step in steps:
        by_partner.setdefault(step["partner"], []).append(date.fromisoformat(step["date"]))
        assert float(step["added_tariff_pct"]) >= 0
    assert all(days == sorted(days) for days in by_partner.values())

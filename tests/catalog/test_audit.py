"""The audit has every change, with how it was before and after, and no change is made without it."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from forecast.answers import promotion
from forecast.catalog import Catalog, Observation
from forecast.catalog.audit import AuditQuestion, Facts
from forecast.catalog.quarantine import Held, Reason
from forecast.errors import InvalidInput, NotFound, Unavailable
from forecast.events import Action, EventChange
from forecast.registry import Registry
from forecast.settings import Settings
from tests.support.trained_home import COPPER, add_run, make_home, settings_in

NOW = dt.datetime(2026, 7, 15, 12, tzinfo=dt.UTC)
LICENCE = "cn-7ree-licence-2025"
LAST, NEXT = dt.date(2026, 6, 1), dt.date(2026, 7, 1)


@pytest.fixture(params=["sqlite", "postgresql"])
def keeper(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Catalog]:
    """A seeded catalogue on each of the two databases, in the hands of A. Smith."""
    url = request.getfixturevalue("postgres_url") if request.param == "postgresql" else ""
    catalog = Catalog.open(Settings.from_env({"ORECAST_HOME": str(tmp_path), "ORECAST_DATABASE_URL": url}))
    yield catalog.acting("A. Smith")
    catalog.close()


def told(catalog: Catalog, question: AuditQuestion = AuditQuestion()) -> list[tuple[str, str, str, Facts, Facts]]:  # noqa: B008
    return [
        (entry.by, entry.change.action.value, entry.change.subject, entry.change.before, entry.change.after)
        for entry in catalog.audit.entries(question)
    ]


def copper(ds: dt.date, value: float) -> Observation:
    return Observation(COPPER, ds, value, "reported", NOW, False)


def test_the_bundled_data_are_no_change_of_anybody(keeper: Catalog) -> None:
    assert told(keeper) == []


def test_values_that_come_in_are_counted_by_series(keeper: Catalog) -> None:
    keeper.add(observations=[copper(LAST, 9000.0), copper(NEXT, 9100.0)], known_at=NOW)
    assert told(keeper) == [("A. Smith", "observations.add", COPPER, {}, {"added": 1, "revised": 1})]
    keeper.add(observations=[copper(LAST, 9000.0)], known_at=NOW)
    assert len(told(keeper)) == 1, "what is there already is no change"


def test_facts_of_a_series_are_told_before_and_after(keeper: Catalog) -> None:
    before = keeper.get(COPPER)
    mine = replace(before, series_id="price.copper.mine")
    keeper.add(series=[replace(before, notes="renamed"), mine], known_at=NOW)
    first, second = told(keeper)
    assert first == ("A. Smith", "series.change", COPPER, {"notes": before.notes}, {"notes": "renamed"})
    assert second[:4] == ("A. Smith", "series.add", "price.copper.mine", {})
    assert second[4]["unit"] == before.unit


def test_values_withdrawn_are_kept_in_it(keeper: Catalog) -> None:
    (last,) = keeper.observations(COPPER, start=LAST, end=LAST)
    assert keeper.withdraw({COPPER: [LAST]}, now=NOW) == (1, 0)
    assert keeper.withdraw({COPPER: [LAST]}, now=NOW) == (0, 1)
    wanted = ("A. Smith", "observations.withdraw", COPPER, {str(LAST): last.value}, {"withdrawn": True})
    assert told(keeper) == [wanted]


def test_values_held_and_settled_are_told(keeper: Catalog) -> None:
    held = [Held(copper(NEXT, 13.0), Reason.SLIP, "a slip")]
    keeper.add(held=held, known_at=NOW)
    keeper.quarantine.discard(COPPER, [NEXT], by="B. Jones", now=NOW)
    values = {"held": {str(NEXT): 13.0}}
    assert told(keeper) == [
        ("A. Smith", "observations.hold", COPPER, {}, values),
        ("B. Jones", "observations.settle", COPPER, values, {"outcome": "discarded"}),
    ]
    keeper.add(held=[Held(copper(NEXT, 14.0), Reason.SLIP, "a slip")], accepted_by="A. Smith", known_at=NOW)
    actions = [(action, after) for _, action, _, _, after in told(keeper)[2:]]
    assert ("observations.settle", {"outcome": "accepted"}) in actions
    assert ("observations.add", {"added": 1}) in actions


def test_an_event_is_told_as_it_was_and_as_it_is(keeper: Catalog) -> None:
    before = keeper.events()[LICENCE]
    keeper.change_event(EventChange(LICENCE, Action.AMEND, NOW, NOW, "B. Jones", "a gazette", {"title": "Another"}))
    keeper.change_event(EventChange(LICENCE, Action.RETIRE, NOW, NOW, "B. Jones", "a rumour"))
    keeper.change_event(EventChange(LICENCE, Action.BRING_BACK, NOW, NOW, "B. Jones"))
    keeper.add(events=[replace(before, title="A third")], known_at=NOW)
    keeper.add(events=[replace(before, event_id="mine-2026")], known_at=NOW)
    *changed, added = told(keeper)
    assert changed == [
        ("B. Jones", "events.amend", LICENCE, {"title": before.title}, {"title": "Another"}),
        ("B. Jones", "events.retire", LICENCE, {"retired": False}, {"retired": True}),
        ("B. Jones", "events.bring-back", LICENCE, {"retired": True}, {"retired": False}),
        ("A. Smith", "events.amend", LICENCE, {"title": "Another"}, {"title": "A third"}),
    ]
    assert added[:4] == ("A. Smith", "events.add", "mine-2026", {})
    assert added[4]["announced"] == str(before.announced)
    assert [entry.change.why for entry in keeper.audit.entries(AuditQuestion())][:2] == ["a gazette", "a rumour"]


def test_what_is_refused_or_only_looked_at_leaves_no_line(keeper: Catalog) -> None:
    with pytest.raises(NotFound):
        keeper.add(observations=[replace(copper(LAST, 1.0), series_id="price.none")], known_at=NOW)
    with pytest.raises(InvalidInput):
        keeper.withdraw({COPPER: [dt.date(1700, 1, 1)]}, now=NOW)
    with keeper.writing(NOW, keep=False) as writer:
        writer.add([], [copper(LAST, 1.0)], [])
    assert told(keeper) == []


def test_questions_choose_lines_and_keep_their_order(keeper: Catalog) -> None:
    day = dt.timedelta(days=1)
    keeper.retire(COPPER, now=NOW)
    keeper.acting("B. Jones").bring_back(COPPER, now=NOW + day)
    keeper.add(observations=[copper(LAST, 9000.0)], known_at=NOW + 2 * day)

    def actions(question: AuditQuestion) -> list[str]:
        return [action for _, action, *_ in told(keeper, question)]

    every = ["series.retire", "series.bring-back", "observations.add"]
    assert actions(AuditQuestion()) == actions(AuditQuestion(subject=COPPER)) == every
    assert actions(AuditQuestion(by="B. Jones")) == every[1:2]
    assert actions(AuditQuestion(action="series")) == every[:2]
    assert actions(AuditQuestion(action="series.retire")) == every[:1]
    assert actions(AuditQuestion(action="nothing")) == []
    assert actions(AuditQuestion(since=NOW + day)) == every[1:]
    assert actions(AuditQuestion(last=2)) == every[1:]


# -- which run serves --------------------------------------------------------------------------------------------------


def test_promotion_and_rollback_are_told_with_the_champion_before(tmp_path: Path) -> None:
    settings = make_home(tmp_path)
    catalog, registry = Catalog.open(settings).acting("A. Smith"), Registry(settings.models_dir)
    first, second = registry.champion_id(COPPER), add_run(registry, catalog, COPPER, name="b")
    promotion.promote(catalog, registry, COPPER, second, NOW, "better")
    assert promotion.rollback(catalog, registry, COPPER, NOW) == first == registry.champion_id(COPPER)
    with pytest.raises(NotFound):
        promotion.rollback(catalog, registry, COPPER, NOW)
    with pytest.raises(NotFound):
        promotion.promote(catalog, registry, COPPER, "2026-06-01-none", NOW)
    assert told(catalog) == [
        ("A. Smith", "runs.promote", COPPER, {"champion": first}, {"champion": second}),
        ("A. Smith", "runs.rollback", COPPER, {"champion": second}, {"champion": first}),
    ]
    catalog.close()


def test_no_run_is_promoted_that_the_audit_cannot_tell_of(tmp_path: Path) -> None:
    settings = make_home(tmp_path)
    catalog, registry = Catalog.open(settings), Registry(settings.models_dir)
    first, second = registry.champion_id(COPPER), add_run(registry, catalog, COPPER, name="b")
    catalog.close()
    (tmp_path / "var" / "orecast.db").rename(tmp_path / "away.db")
    (tmp_path / "var" / "orecast.db").mkdir()
    away = Catalog.opened(settings_in(tmp_path))
    with pytest.raises(Unavailable):
        promotion.promote(away, registry, COPPER, second, NOW)
    assert registry.champion_id(COPPER) == first

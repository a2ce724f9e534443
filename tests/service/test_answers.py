"""What caches may keep: a tag changes with all that its answer rests on, and with nothing else."""

from __future__ import annotations

from dataclasses import replace

import pytest
from flask.testing import FlaskClient

from forecast.answers.event_priors import refresh
from forecast.registry.sealed import sealed
from service import answers as answers_module
from service import ready
from tests.service.conftest import JSON_FORECAST, Fresh, get
from tests.support.trained_home import COPPER, EARTHS, NICKEL, add_run, clock

LISTS = ["/v1/series", f"/v1/series/{COPPER}", "/v1/events", "/v1/runs", f"/v1/series/{COPPER}/observations"]


@pytest.mark.parametrize("path", [JSON_FORECAST, "/v1/forecasts?h=2", f"/v1/series/{EARTHS}/effects", *LISTS])
def test_what_a_client_has_is_not_sent_again(client: FlaskClient, path: str) -> None:
    first = client.get(path)
    again = client.get(path, headers={"If-None-Match": first.headers["ETag"]})
    assert (again.status_code, again.data) == (304, b"")
    assert again.headers["ETag"] == first.headers["ETag"]
    assert first.headers["Cache-Control"] == "no-cache"
    assert "Accept" in first.headers["Vary"]


def test_the_tag_changes_with_the_question_the_run_and_the_facts(fresh: Fresh) -> None:
    client, catalog, registry = fresh
    asked = [
        JSON_FORECAST,
        JSON_FORECAST + "&format=csv",
        f"/v1/forecasts/{COPPER}?h=11",
        JSON_FORECAST + "&as_of=2026-07-14",
    ]
    tags = [client.get(path).headers["ETag"] for path in asked]
    assert len(set(tags)) == len(tags)
    registry.promote(COPPER, add_run(registry, catalog, COPPER, level=2.0, name="b"))
    changed = client.get(JSON_FORECAST, headers={"If-None-Match": tags[0]})
    assert changed.status_code == 200
    assert changed.get_json()["run"] == "2026-06-01-b"


ONE, EFFECTS, CLASSES = f"/v1/forecasts/{COPPER}", f"/v1/series/{EARTHS}/effects", "/v1/effects"
BACKTEST, EXPORT = f"/v1/series/{COPPER}/backtest", "/v1/export/forecasts.csv"
QUESTIONS = (
    *(ONE, f"{ONE}?h=11", f"{ONE}?level=80", f"{ONE}?level=95", f"{ONE}?as_of=2026-07-14", f"{ONE}?format=csv"),
    *(f"/v1/forecasts/{NICKEL}", f"/v1/forecasts?series_id={COPPER}", f"/v1/forecasts?series_id={COPPER},{NICKEL}"),
    *(f"/v1/forecasts?series_id={NICKEL},{COPPER}", f"/v1/forecasts?series_id={COPPER},{NICKEL}&coherent=true"),
    *(EFFECTS, f"{EFFECTS}?detail=path", f"{EFFECTS}?event=cn-7ree-licence-2025", f"{EFFECTS}?format=csv"),
    *(f"/v1/series/{COPPER}/effects", f"/v1/series/{NICKEL}/effects", CLASSES, f"{CLASSES}?format=csv"),
    *(BACKTEST, f"{BACKTEST}?format=csv", f"/v1/series/{NICKEL}/backtest", f"{BACKTEST}?detail=path"),
    *(
        f"{BACKTEST}?detail=path&level=50",
        EXPORT,
        f"{EXPORT}?shape=wide",
        f"{EXPORT}?bom=true",
        f"{EXPORT}?history=true",
    ),
    *(f"{EXPORT}?series_id={COPPER}", "/v1/export/effects.csv", "/v1/export/events.csv", "/v1/export/backtests.csv"),
    *("/v1/export/observations.csv", "/v1/export/observations.csv?shape=wide"),
)


def tags(client: FlaskClient, *paths: str) -> dict[str, str]:
    return {path: client.get(path).headers["ETag"] for path in paths}


def test_no_two_questions_have_one_tag(client: FlaskClient) -> None:
    found = tags(client, *QUESTIONS)
    assert len(set(found.values())) == len(QUESTIONS) == 34


def test_a_tag_changes_with_each_thing_that_its_answer_rests_on_and_no_other(
    fresh: Fresh, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ready, "GIVEN_FOR", 0.0)  # files are written here behind the back of the registry
    client, catalog, registry = fresh
    asked = (ONE, EFFECTS, CLASSES, BACKTEST)
    held = tags(client, *asked)

    def changed() -> set[str]:
        before = dict(held)
        held.update(tags(client, *asked))
        return {path for path in asked if held[path] != before[path]}

    assert changed() == set()
    event = catalog.events()["cn-7ree-licence-2025"]
    catalog.add(events=[replace(event, title="Another title")], known_at=clock())
    assert changed() == {ONE, EFFECTS}, "the catalogue"
    registry.promote(COPPER, add_run(registry, catalog, COPPER, level=2.0, name="b"))
    assert changed() == {ONE, BACKTEST}, "the run that serves"
    registry.promote(EARTHS, add_run(registry, catalog, EARTHS, level=2.0, name="b"))
    assert changed() == {EFFECTS}, "the run that serves"
    refresh(registry, ())
    assert changed() == set(), "all runs say of events of a kind what they said before"
    (registry.root / "classes.json").write_bytes(sealed({"runs": {}, "likelihoods": []}))
    assert changed() == {ONE, EFFECTS, CLASSES}, "what all runs say of events of a kind"
    monkeypatch.setattr(answers_module, "VERSION", "another")
    assert changed() == set(asked), "the version of the code"


def test_a_promoted_run_serves_at_once_and_so_does_the_one_before_after_a_rollback(
    fresh: Fresh,
) -> None:
    client, catalog, registry = fresh
    before = get(client, JSON_FORECAST)
    registry.promote(COPPER, add_run(registry, catalog, COPPER, level=2.0, name="b"))
    assert get(client, JSON_FORECAST)["data"][0]["yhat"] == pytest.approx(2 * before["data"][0]["yhat"], rel=1e-4)
    registry.rollback(COPPER)
    assert get(client, JSON_FORECAST) == before

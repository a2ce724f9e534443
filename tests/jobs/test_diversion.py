"""Diversion from training to answer: what a training writes is what the service, the command and Python tell."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pytest
from flask.testing import FlaskClient

from forecast.answers.diversion import diversion
from forecast.catalog import Catalog
from forecast.cli import call
from forecast.effects.diverted import diverted
from forecast.errors import CorruptArtifact, NotEstimated, NotFound
from forecast.home import Home
from forecast.jobs.diversion import estimate_diversion
from forecast.jobs.retrain import train_now
from forecast.registry import Registry, diversions
from forecast.settings import Settings
from forecast.training.panel import PanelSet
from service import create_app
from tests.support.trained_home import COPPER, clock, make_home, settings_in

TODAY = dt.date(2026, 7, 15)
INDIA, CHINA = "value.rare-earths.import.in", "value.rare-earths.import.in.cn"
LICENCES = "cn-7ree-licence-2025"


@dataclass(frozen=True)
class Estimated:
    """A home in which the groups of India's imports were estimated."""

    settings: Settings
    catalog: Catalog
    registry: Registry
    client: FlaskClient

    def train(self, *series_ids: str) -> None:
        estimate_diversion(self.catalog, self.registry, self.settings, series_ids, PanelSet.of(self.catalog, TODAY))


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Estimated]:
    folder = tmp_path_factory.mktemp("home")
    make_home(folder)
    settings = settings_in(folder, draws="200", jobs="1")
    catalog, registry = Catalog.open(settings), Registry(settings.models_dir)
    client = create_app(settings, catalog=catalog, registry=registry, clock=clock).test_client()
    found = Estimated(settings, catalog, registry, client)
    found.train(CHINA)
    yield found
    catalog.close()


def test_training_a_series_estimates_the_groups_that_hold_it(home: Estimated) -> None:
    assert diversions.names(home.registry.root) == [INDIA]


def test_what_the_worker_trains_has_its_group_estimated(home: Estimated, tmp_path: Path) -> None:
    outcome = train_now(home.settings.model_copy(update={"models_dir": tmp_path}), "value.zinc.import.us.cn")
    assert outcome["status"] == "trained"
    assert diversions.names(tmp_path) == ["value.zinc.import.us"]


def test_the_answer_is_the_same_wherever_it_is_asked_for(
    home: Estimated, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    served = home.client.get(f"/v1/events/{LICENCES}/diversion").get_json()
    (group,) = served["data"]
    assert (group["group"], group["event_ids"], group["unit"]) == (INDIA, [LICENCES], "USD million")
    assert [(row["what"], row["partner"], row["role"]) for row in group["data"]] == [
        ("partner", "CHN", "hit"),
        ("partner", "rest", "other"),
        ("partners hit", None, None),
        ("other partners", None, None),
        ("total", None, None),
    ]
    with Home(home.settings, TODAY) as opened:
        assert json.loads(json.dumps(opened.diversion(LICENCES).json_object(), default=str)) == served
        months = opened.diversion_paths(LICENCES, group=CHINA)
        assert len(months.data) == 5 * group["periods"]
        assert len(months.to_frame()) == len(months.data)
    monkeypatch.setenv("ORECAST_HOME", str(home.settings.home))
    assert call(["diversion", LICENCES, "--format", "json"]) == 0
    assert json.loads(capsys.readouterr().out) == served
    assert call(["diversion", LICENCES, "--group", INDIA]) == 0
    page = capsys.readouterr().out
    assert page.startswith(f"{INDIA}, USD million\n")
    assert "diversion cannot be told from none" in " ".join(page.split())
    assert call(["diversion", LICENCES, "--paths", "--format", "csv"]) == 0
    assert capsys.readouterr().out.count("\n") == 1 + 5 * group["periods"]


def test_the_observed_sums_are_those_of_the_published_values(home: Estimated) -> None:
    (group,) = home.client.get(f"/v1/events/{LICENCES}/diversion").get_json()["data"]
    rows = home.client.get(f"/v1/series/{CHINA}/observations?start={group['first']}&end={group['last']}").get_json()
    assert group["missing"] == 0
    assert group["data"][0]["y"] == pytest.approx(sum(row["y"] for row in rows["data"]))


def test_what_was_estimated_is_kept_in_its_file_draw_by_draw(home: Estimated, tmp_path: Path) -> None:
    stored = diversions.load(home.registry.root, INDIA)
    diversions.save(tmp_path, stored)
    again = diversions.load(tmp_path, INDIA)
    assert (again.digest, again.as_of, again.record.unit) == (stored.digest, TODAY, "USD million")
    one, other = diverted(stored.record, [LICENCES]), diverted(again.record, [LICENCES])
    assert one is not None
    assert other is not None
    np.testing.assert_array_equal(one.amount, other.amount)


def test_nothing_is_estimated_again_until_something_changes(home: Estimated) -> None:
    before = diversions.identity(home.registry.root, INDIA)
    home.train(CHINA)
    assert diversions.identity(home.registry.root, INDIA) == before
    changed = replace(home, settings=settings_in(home.settings.home, draws="200", jobs="1", seed="7"))
    changed.train(CHINA)
    assert diversions.identity(home.registry.root, INDIA) != before


def test_a_group_that_is_none_any_more_is_forgotten(home: Estimated) -> None:
    stored = diversions.load(home.registry.root, INDIA)
    diversions.save(home.registry.root, replace(stored, record=replace(stored.record, name="value.gone")))
    home.train(COPPER)
    assert diversions.names(home.registry.root) == [INDIA]


def test_what_cannot_be_told_is_refused_with_the_reason(home: Estimated) -> None:
    def refused(path: str, status: int = 404) -> str:
        response = home.client.get(path)
        assert response.status_code == status
        return str(response.get_json()["detail"])

    assert "no event 'cn-7ree'" in refused("/v1/events/cn-7ree/diversion")
    assert "no group of flows by partner holds it" in refused(f"/v1/events/{LICENCES}/diversion?group={COPPER}")
    assert "acts on no partner of a group alone" in refused("/v1/events/us-s301-list1-2018/diversion")
    refused(f"/v1/events/{LICENCES}/diversion?groups={INDIA}", 422)


def test_without_a_training_it_is_said_that_there_was_none(tmp_path: Path) -> None:
    settings = make_home(tmp_path)
    catalog, registry = Catalog.open(settings), Registry(settings.models_dir)
    try:
        with pytest.raises(NotEstimated, match="run: orecast train"):
            diversion(catalog, registry, [LICENCES])
        with pytest.raises(NotFound, match="nearest: cn-7ree"):
            diversion(catalog, registry, ["cn-7ree-licences-2025"])
    finally:
        catalog.close()


def test_a_group_is_not_told_with_a_partner_that_was_retired_since(home: Estimated, tmp_path: Path) -> None:
    catalog = Catalog.open(make_home(tmp_path))
    try:
        assert diversion(catalog, home.registry, [LICENCES]).data
        catalog.retire(CHINA, now=dt.datetime(2026, 7, 16, tzinfo=dt.UTC))
        with pytest.raises(NotEstimated, match="a series of its group was retired since"):
            diversion(catalog, home.registry, [LICENCES])
    finally:
        catalog.close()


@pytest.mark.parametrize("size", [0, 3, 5000])
def test_a_file_that_was_cut_short_is_reported_as_damaged_and_made_anew(
    home: Estimated, tmp_path: Path, size: int
) -> None:
    diversions.save(tmp_path, diversions.load(home.registry.root, INDIA))
    path = tmp_path / diversions.FOLDER / f"{INDIA}.npz"
    path.write_bytes(path.read_bytes()[:size])
    with pytest.raises(CorruptArtifact, match=f"{diversions.FOLDER}/{INDIA}.npz.*orecast train"):
        diversions.load(tmp_path, INDIA)
    again = replace(home, registry=Registry(tmp_path))
    again.train(CHINA)
    assert diversions.load(tmp_path, INDIA).record.name == INDIA


def test_a_group_that_was_changed_by_anybody_else_is_damaged(home: Estimated, tmp_path: Path) -> None:
    diversions.save(tmp_path, diversions.load(home.registry.root, INDIA))
    path = tmp_path / diversions.FOLDER / f"{INDIA}.npz"
    with np.load(path) as arrays:
        content = {name: arrays[name] for name in arrays.files}
    np.savez(path, **{**content, "level": 2 * content["level"]})  # a sound archive, of other numbers
    with pytest.raises(CorruptArtifact, match="it was changed after it was written"):
        diversions.load(tmp_path, INDIA)


def test_a_group_of_an_older_version_has_no_seal_and_is_read(home: Estimated, tmp_path: Path) -> None:
    diversions.save(tmp_path, diversions.load(home.registry.root, INDIA))
    path = tmp_path / diversions.FOLDER / f"{INDIA}.npz"
    with np.load(path) as arrays:
        content = {name: arrays[name] for name in arrays.files}
    document = json.loads(content["document"].tobytes())
    del document["sha256"]
    np.savez(path, **{**content, "document": np.frombuffer(json.dumps(document).encode(), dtype=np.uint8)})
    assert diversions.load(tmp_path, INDIA).record.name == INDIA


def test_a_damaged_group_takes_no_other_with_it_and_is_told(home: Estimated, tmp_path: Path) -> None:
    registry, folder = Registry(tmp_path), tmp_path / diversions.FOLDER
    diversions.save(tmp_path, diversions.load(home.registry.root, INDIA))
    client = create_app(home.settings, catalog=home.catalog, registry=registry, clock=clock).test_client()
    whole = client.get(f"/v1/events/{LICENCES}/diversion?group={CHINA}").get_json()
    (folder / "value.copper.import.us.npz").write_bytes(b"PK no archive")
    told = "corrupt artifact .diversion/value.copper.import.us.npz: it cannot be read"
    answer = client.get(f"/v1/events/{LICENCES}/diversion").get_json()
    assert answer["data"] == whole["data"]
    (left_out,) = answer["left_out"]
    assert (left_out["series_id"], left_out["why"][: len(told)]) == ("value.copper.import.us", told)
    assert client.get(f"/v1/events/{LICENCES}/diversion?group={CHINA}").get_json() == whole
    assert told in client.get("/readyz").get_json()["detail"], "nothing is trained here"
    (folder / f"{INDIA}.npz").write_bytes(b"")
    assert client.get(f"/v1/events/{LICENCES}/diversion").status_code == 503


def test_an_answer_that_the_client_has_is_not_made_again(home: Estimated) -> None:
    first = home.client.get(f"/v1/events/{LICENCES}/diversion")
    again = home.client.get(f"/v1/events/{LICENCES}/diversion", headers={"If-None-Match": first.headers["ETag"]})
    assert again.status_code == 304

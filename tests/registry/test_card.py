"""A card is written in one format, read in every older one, and refused with a sentence in a newer one."""

from __future__ import annotations

import datetime as dt
import hashlib
import json
import shutil
from dataclasses import FrozenInstanceError, replace
from pathlib import Path

import numpy as np
import pytest

from forecast.answers.forecast import ForecastQuestion, forecast
from forecast.answers.span import Span
from forecast.catalog import Catalog
from forecast.cli import call
from forecast.errors import CorruptArtifact, Damaged, UnknownFormat
from forecast.events import Branch
from forecast.registry import Payload, Registry
from forecast.registry.card import CARD_FORMAT, FamilyScores, read
from forecast.settings import Settings, SpanOrigin
from service import create_app
from tests.registry.test_store import LAST, SERIES, save, some_card, some_record
from tests.support.trained_home import COPPER, NICKEL, NOW, clock, make_home

V1 = Path(__file__).parent / "card-v1"
DAP, V1_RUN = "price.dap", "2026-06-01-b3b02f6eaa"


def sealed(folder: Path, **changed: object) -> None:
    """Rewrite a card as somebody else's code would have written it, with its digest."""
    path = folder / "card.json"
    content = json.loads(path.read_text()) | changed
    del content["sha256"]
    content["sha256"] = hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()
    path.write_text(json.dumps(content))


def test_a_card_comes_back_as_it_was_and_nobody_can_change_it(tmp_path: Path) -> None:
    branch = Branch("cn-truce", "suspension_end", ("cn-licence",), dt.date(2026, 11, 10), 0.3, False, "The truce ends")
    branch = replace(branch, stated=0.7, stated_of="longer", extension="longer", probability_source="A. Forecaster")
    branch = replace(branch, probability_date=dt.date(2026, 10, 7))
    threat = Branch("us-threat", "threat", ("us-threat",), None, None, True, "A tariff")
    scores = FamilyScores(24, 0.97, (0.9, None), {80: 0.75, 95: None}, (0.25, 0.75))
    card = replace(
        some_card(),
        score=0.971,
        backtest={"grid": scores},
        families=("grid", "ets"),
        branches=(branch, threat),
        notes=("intervals: calibrated",),
        versions={"numpy": "2.4.6"},
    )
    registry = Registry(tmp_path)
    registry.save(SERIES, "a", card, Payload(np.zeros((50, 24)), some_record(), None))
    back = registry.get(SERIES, "a").card
    assert replace(back, effects={}, payloads={}) == card
    assert back.effects == some_record().describe()
    assert read(json.loads(json.dumps(back.document()))) == back
    assert back.document()["branches"][0]["starts"] == "2026-11-10"
    assert list(back.document())[:2] == ["format", "series"]
    assert back.document()["format"] == CARD_FORMAT == 2
    with pytest.raises(FrozenInstanceError):
        back.score = 0.1  # type: ignore[misc]
    with pytest.raises(FrozenInstanceError):
        registry.get(SERIES, "a").last = LAST  # type: ignore[misc]


# -- older formats -----------------------------------------------------------------------------------------------------


@pytest.fixture
def v1(settings: Settings) -> Settings:
    """A home with a run as the first format had it: trained and written by the code of then."""
    shutil.copytree(V1, settings.models_dir)
    return settings


def test_a_card_of_the_first_format_is_read_and_its_run_serves(v1: Settings, catalog: Catalog) -> None:
    registry = Registry(v1.models_dir)
    run = registry.champion(DAP)
    assert registry.faults() == ()
    assert (run.card.format, run.card.known_on, run.card.as_of) == (1, None, dt.date(2026, 7, 15))
    assert (run.card.champion_family, run.card.families) == ("random-walk", ("random-walk",))
    assert run.card.backtest["random-walk"].origins == 24
    assert run.card.known_by == dt.date(2026, 7, 15), "events were known to then"
    made = forecast(catalog, registry, DAP, ForecastQuestion(dt.date(2026, 7, 15), Span(3, SpanOrigin.LAST)))
    # What the code of then answered, whose quantiles were those of each path with one effect.
    assert [row.yhat for row in made.data] == pytest.approx([789.179, 791.548, 784.674], rel=5e-3)
    assert made.data[0].interval(80) == pytest.approx((730.614, 845.812), rel=5e-3)
    assert made.data[0].interval(95) == pytest.approx((680.721, 876.933), rel=5e-3)
    assert registry.runs(DAP)[0].last == "2026-06-01"


def test_effects_of_the_first_format_are_read_as_of_one_component(
    v1: Settings, catalog: Catalog, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    stored = {name: np.load(V1 / DAP / V1_RUN / f"effects.{name}.npy") for name in ("choice", "size")}
    record = Registry(v1.models_dir).champion(DAP).record
    assert record.effects
    assert stored["choice"].shape == stored["size"].shape == (len(record.effects), record.n)
    for effect, choice, size in zip(record.effects, stored["choice"], stored["size"], strict=True):
        assert (effect.choice.tolist(), effect.size.tolist()) == ([choice.tolist()], [size.tolist()])
        day = np.array([effect.episode.intervention.start])
        column = np.array([candidate.column(day, record.freq)[0] for candidate in effect.candidates])
        assert effect.draws(day, record.freq)[:, 0] == pytest.approx(size * column[choice])
    assert record.reported == tuple(
        sorted(record.effects, key=lambda e: (e.episode.intervention.start.astype(int), e.episode.episode_id))
    )
    assert record.latent == {}
    monkeypatch.setenv("ORECAST_HOME", str(v1.home))
    assert call(["effects", DAP, "--format", "json"]) == 0
    shown = json.loads(capsys.readouterr().out)
    assert {row["episode_id"] for row in shown["data"]} == {e.episode.episode_id for e in record.effects}
    assert all(row["apart"] for row in shown["data"])


def test_its_seal_still_tells_a_card_that_was_changed(v1: Settings) -> None:
    path = v1.models_dir / DAP / V1_RUN / "card.json"
    path.write_text(path.read_text().replace('"draws": 100', '"draws": 101'))
    with pytest.raises(CorruptArtifact, match="changed after it was written"):
        Registry(v1.models_dir).get(DAP, V1_RUN)


def test_an_old_card_is_shown_whole_by_http_and_by_command(
    v1: Settings, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    stored = json.loads((v1.models_dir / DAP / V1_RUN / "card.json").read_text())
    del stored["sha256"]
    shown = create_app(v1, clock=clock).test_client().get(f"/v1/runs/{V1_RUN}").get_json()["card"]
    stored["series"]["resolution"] = None  # nobody could say one then
    assert {name: shown[name] for name in stored} == stored
    monkeypatch.setenv("ORECAST_HOME", str(v1.home))
    capsys.readouterr()  # the log of the service
    assert call(["runs", "show", DAP]) == 0
    assert json.loads(capsys.readouterr().out)["card"] == shown


def test_a_card_with_words_that_this_code_does_not_know_is_read(tmp_path: Path) -> None:
    folder = save(Registry(tmp_path), "2026-06-aa")
    stored = json.loads((folder / "card.json").read_text())
    sealed(folder, mood="good", data={**stored["data"], "outliers": 3})
    assert Registry(tmp_path).get(SERIES, "2026-06-aa").card.data.observations == 414


@pytest.mark.parametrize("gone", ["series", "data", "settings", "effects", "payloads", "as_of"])
def test_a_card_that_lacks_a_word_is_no_card(tmp_path: Path, gone: str) -> None:
    folder = save(Registry(tmp_path), "2026-06-aa")
    stored = json.loads((folder / "card.json").read_text())
    del stored[gone]
    (folder / "card.json").write_text(json.dumps(stored))
    with pytest.raises(CorruptArtifact, match=f"the card has no '{gone}'"):
        Registry(tmp_path).get(SERIES, "2026-06-aa")


# -- newer formats -----------------------------------------------------------------------------------------------------


def test_a_run_in_a_newer_format_is_refused_with_a_sentence_and_the_one_before_serves(tmp_path: Path) -> None:
    registry = Registry(tmp_path)
    for run_id in ("2026-05-aa", "2026-06-bb"):
        registry.promote(SERIES, save(registry, run_id).name)
    sealed(tmp_path / SERIES / "2026-06-bb", format=3, series="said otherwise")
    says = "its card has format 3, and this version of orecast reads formats up to 2: upgrade orecast, or train the"
    with pytest.raises(UnknownFormat, match=says):
        registry.get(SERIES, "2026-06-bb")
    assert registry.champion(SERIES).run_id == "2026-05-aa"
    (fault,) = registry.faults()
    assert says in fault
    assert "corrupt" not in fault
    assert fault.endswith("serving 2026-05-aa")
    assert [says in row.fault for row in registry.runs(SERIES)] == [False, True]
    with pytest.raises(UnknownFormat):
        registry.promote(SERIES, "2026-06-bb")
    shutil.rmtree(tmp_path / SERIES / "2026-05-aa")
    with pytest.raises(Damaged, match=says):
        registry.champion(SERIES)


@pytest.mark.parametrize("version", [3, "two", None, 2.5])
def test_whatever_a_newer_card_calls_its_format_it_is_no_traceback(
    version: object, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    settings = make_home(tmp_path)
    sealed(settings.models_dir / COPPER / "2026-06-01-a", format=version)
    client = create_app(settings, clock=clock).test_client()
    refused = client.get(f"/v1/forecasts/{COPPER}")
    assert refused.status_code == 503
    assert "its card has format" in refused.get_json()["detail"]
    assert client.get(f"/v1/forecasts/{NICKEL}").status_code == 200
    run = Registry(settings.models_dir).root / COPPER / "2026-06-01-a"
    run.rename(run.with_name("2026-06-01-new"))
    shown = client.get("/v1/runs/2026-06-01-new")
    assert (shown.status_code, shown.get_json()["type"]) == (503, "urn:orecast:problem:unknown-format")
    run.with_name("2026-06-01-new").rename(run)
    assert "its card has format" in client.get("/readyz").get_json()["faults"][0]
    monkeypatch.setenv("ORECAST_HOME", str(tmp_path))
    assert call(["forecast", COPPER, "--as-of", str(NOW.date())]) == 5, "as for a damaged run"
    assert "Traceback" not in capsys.readouterr().err

"""What other series teach one: from all of its kind, itself left out, dated, and the same however it is asked for."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path

import numpy as np
import pytest

from forecast.catalog import Catalog, Observation
from forecast.forecasters.calibration import student_levels
from forecast.names import Measure
from forecast.settings import Settings
from forecast.timeseries.frequency import Freq
from forecast.timeseries.series import History
from forecast.training.panel import HistoryPanel, PanelSet, max_panel_series, panel_key, panels

TODAY = date(2026, 7, 15)
CUTOFF = np.datetime64("2015-06-01")
COPPER, EARTHS, STEEL = "price.copper", "volume.rare-earths.export.cn", "volume.steel.export.cn"


@pytest.fixture(scope="module")
def bundled(seeded: Path) -> Iterator[Catalog]:
    """The bundled catalogue, only read."""
    catalog = Catalog.open(Settings.from_env({"ORECAST_DATABASE_URL": f"sqlite:///{seeded}"}))
    yield catalog
    catalog.close()


@pytest.fixture(scope="module")
def panel_set(bundled: Catalog) -> PanelSet:
    return PanelSet.of(bundled, TODAY)


@pytest.fixture(scope="module")
def metals(bundled: Catalog) -> HistoryPanel:
    """Few prices, so that passes are short."""
    names = (COPPER, "price.tin", "price.zinc", "price.nickel", "price.lead", "price.gold", "price.silver")
    return HistoryPanel(bundled.histories(names, TODAY))


def changed(panel: HistoryPanel, series_id: str, factor: float, first: np.datetime64) -> HistoryPanel:
    """Peers of which one series is another one from ``first`` on."""
    history: History = panel.histories[series_id]
    y = np.where(history.ds >= first, history.y * factor, history.y)
    return HistoryPanel({**panel.histories, series_id: replace(history, y=y)})


def test_company_is_kept_by_kind(bundled: Catalog, panel_set: PanelSet) -> None:
    prices, volumes = panel_set.like(bundled.get(COPPER)), panel_set.like(bundled.get(EARTHS))
    assert prices is not None
    assert volumes is not None
    assert COPPER in prices.histories
    assert "price.brent" in prices.histories, "comparisons teach too"
    assert EARTHS in volumes.histories
    assert not set(prices.histories) & set(volumes.histories)
    assert not any(name.startswith("index.") for name in prices.histories)
    assert panel_set.like(replace(bundled.get(COPPER), freq="W-FRI")) is None


def test_evidence_teaches_no_other_series(catalog: Catalog) -> None:
    catalog.add(series=[replace(catalog.get("price.brent"), role="evidence")], known_at=datetime.now(UTC))
    panel = PanelSet.of(catalog, TODAY).like(catalog.get(COPPER))
    assert panel is not None
    assert "price.brent" not in panel.names, "no panel, so no control either"
    (asked,) = panels(catalog, [COPPER], TODAY)
    assert "price.brent" not in asked.names
    assert not any(
        catalog.get(name).is_evidence for one in PanelSet.of(catalog, TODAY).by_key.values() for name in one.names
    )


def test_lessons_hold_nothing_of_later(metals: HistoryPanel) -> None:
    other = changed(metals, "price.tin", 5.0, np.datetime64("2015-07-01"))
    before, after = (panel.statistics(COPPER, CUTOFF) for panel in (metals, other))
    np.testing.assert_array_equal(before.calibration.z, after.calibration.z)
    assert before.pooled is not None
    assert after.pooled is not None
    upto = before.pooled.ds <= CUTOFF
    np.testing.assert_array_equal(before.pooled.log_slow[upto], after.pooled.log_slow[upto])
    later = np.datetime64("2016-06-01")
    assert (metals.statistics(COPPER, later).calibration.z != other.statistics(COPPER, later).calibration.z).any()


def test_a_series_is_not_told_its_own(metals: HistoryPanel) -> None:
    own, stranger = metals.statistics(COPPER, CUTOFF).pooled, metals.statistics("price.never-seen", CUTOFF).pooled
    assert own is not None
    assert stranger is not None
    assert (own.log_slow != stranger.log_slow).any()
    without = HistoryPanel({name: history for name, history in metals.histories.items() if name != COPPER})
    alone = without.statistics(COPPER, CUTOFF).pooled
    assert alone is not None
    shared = np.isin(own.ds, alone.ds)
    # what the others say was itself weighted by what it had said to them: little
    away = [np.nanmax(np.abs(result.log_slow[shared] - alone.log_slow)) for result in (own, stranger)]
    assert away[0] < 0.01 < away[1]


def test_quantiles_of_all_in_one_pass_are_those_of_each_alone(metals: HistoryPanel) -> None:
    days = np.array(["2012-03-01", "2015-06-01"], dtype="datetime64[D]")
    together = metals.quantiles({COPPER: days, "price.tin": days[1:]})
    assert together[COPPER].shape == (2, 24, 15)
    np.testing.assert_allclose(metals.quantiles({COPPER: days[1:]})[COPPER][0], together[COPPER][1], rtol=1e-12)
    assert (np.diff(together[COPPER], axis=-1) >= 0).all()
    plain = metals.quantiles({COPPER: days}, calibrated=False)[COPPER]
    np.testing.assert_allclose(plain[..., 7], together[COPPER][..., 7])
    assert (plain[..., 0] != together[COPPER][..., 0]).all()
    # without what they learned from outcomes they are a Student-t
    sd = (plain[..., -1] - plain[..., 7]) / student_levels()[-1]
    np.testing.assert_allclose(plain - plain[..., 7:8], sd[..., None] * student_levels(), atol=1e-9)


def test_a_digest_is_of_observations_and_names(metals: HistoryPanel) -> None:
    assert metals.digest == HistoryPanel(dict(metals.histories)).digest
    assert metals.digest != changed(metals, COPPER, 1.01, np.datetime64("2026-05-01")).digest


def test_asked_for_series_come_among_their_like_once(bundled: Catalog) -> None:
    found = list(panels(bundled, [EARTHS, COPPER, STEEL, COPPER], TODAY, 30))
    assert len(found) == 2
    assert all(panel.horizon == 30 for panel in found)
    everyone = [name for panel in found for name in panel.histories]
    assert len(everyone) == len(set(everyone))
    assert {COPPER, EARTHS, STEEL, "price.tin", "price.brent"} <= set(everyone)
    (fewer,) = panels(bundled, [COPPER], TODAY, 6)
    assert fewer.horizon == 24, "calibration looks two years ahead"


def test_too_many_are_asked_in_panels(catalog: Catalog, panel_set: PanelSet, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("forecast.training.panel.MAX_MONTHLY_SERIES", 4)
    names = [COPPER, "price.tin", "price.zinc", "price.nickel", "price.lead"]
    found = [set(panel.histories) for panel in panels(catalog, names, TODAY)]
    assert [len(each) for each in found] == [4, 4]
    assert set(names[:4]) == found[0]
    assert names[4] in found[1]
    assert len(PanelSet.of(catalog, TODAY).by_key[panel_key(catalog.get(COPPER))].histories) == 4


def test_a_series_without_observations_is_no_peer(catalog: Catalog) -> None:
    empty = replace(catalog.get(COPPER), series_id="price.empty")
    catalog.add(series=[empty], known_at=datetime(2026, 7, 1, tzinfo=UTC))
    panel = PanelSet.of(catalog, TODAY).like(empty)
    assert panel is not None
    assert "price.empty" not in panel.histories


def test_a_series_of_imputed_values_is_no_peer(catalog: Catalog) -> None:
    filled = replace(catalog.get(COPPER), series_id="price.filled")
    known = datetime(2026, 7, 1, tzinfo=UTC)
    seen = [Observation("price.filled", date(2026, month, 1), 1.0, "imputed", known) for month in (4, 5)]
    catalog.add(series=[filled], observations=seen, known_at=known)
    panel = PanelSet.of(catalog, TODAY).like(filled)
    assert panel is not None
    assert "price.filled" not in panel.histories


@pytest.mark.parametrize(("code", "most"), [("Y", 400), ("Q", 400), ("M", 400), ("W-SUN", 92), ("B", 24), ("D", 24)])
def test_as_many_periods_are_looked_at_together_as_of_monthly_series(code: str, most: int) -> None:
    assert max_panel_series(Freq(code)) == most


def test_lessons_are_those_of_the_period_that_contains_the_cutoff(metals: HistoryPanel) -> None:
    first = metals.statistics(COPPER, CUTOFF)
    inside, after = (metals.statistics(COPPER, np.datetime64(day)) for day in ("2015-06-30", "2015-07-01"))
    np.testing.assert_array_equal(first.calibration.z, inside.calibration.z)
    assert (first.calibration.z != after.calibration.z).any()


def test_what_may_not_be_judged_by_calibrates_nothing(metals: HistoryPanel) -> None:
    tin = metals.histories["price.tin"]
    doubtful = replace(tin, flag=np.where(tin.flag != "", "suspect_publisher", ""))
    other = HistoryPanel({**metals.histories, "price.tin": doubtful})
    assert other.digest != metals.digest
    before, after = (panel.statistics(COPPER, CUTOFF).calibration.outcomes[0] for panel in (metals, other))
    known = int((tin.used & (tin.ds <= CUTOFF)).sum())
    assert before - after == pytest.approx(min(known, 360), rel=0.15)


def test_a_kind_without_observations_has_no_company(metals: HistoryPanel) -> None:
    series = metals.histories[COPPER].series
    assert PanelSet(TODAY, {panel_key(series): HistoryPanel({})}).like(series) is None
    assert PanelSet(TODAY, {panel_key(series): metals}).like(series) is metals
    assert PanelSet(TODAY, {panel_key(series): metals}).like(replace(series, measure=Measure.VOLUME)) is None

"""What is changed, lost or added below the folder of runs is noticed, and nothing that nobody promised is opened."""

from __future__ import annotations

import json
import os
from pathlib import Path

import joblib
import numpy as np
import pytest

from forecast.errors import CorruptArtifact
from forecast.registry import Registry
from forecast.registry.checks import BELIEVED, RunChecks
from forecast.registry.run import identity
from forecast.registry.sealed import sealed
from tests.registry.test_store import SERIES, save

RUN = "2026-06-aa"


@pytest.fixture
def registry(tmp_path: Path) -> Registry:
    registry = Registry(tmp_path / "models")
    save(registry, RUN)
    registry.promote(SERIES, RUN)
    return registry


def flip(path: Path) -> None:
    """Change one byte, and set the time of the file back."""
    stat = path.stat()
    data = bytearray(path.read_bytes())
    data[-5] ^= 1
    with path.open("r+b") as file:
        file.write(data)
    os.utime(path, ns=(stat.st_atime_ns, stat.st_mtime_ns))
    assert (path.stat().st_mtime_ns, path.stat().st_size) == (stat.st_mtime_ns, stat.st_size)


@pytest.mark.parametrize("name", ["draws.npy", "effects.size.npy", "fitted.joblib", "card.json"])
def test_a_byte_that_is_changed_behind_the_time_of_its_file_is_noticed_at_once(registry: Registry, name: str) -> None:
    assert registry.champion(SERIES).run_id == RUN
    assert registry.faults() == ()
    flip(registry.root / SERIES / RUN / name)
    (fault,) = registry.faults()
    assert f"{RUN}/{name}" in fault
    with pytest.raises(CorruptArtifact):
        registry.champion(SERIES)


def test_a_byte_that_rots_without_a_trace_is_noticed_within_the_hour(
    registry: Registry, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = registry.root / SERIES / RUN
    seconds = [0.0]
    checks, before = RunChecks(lambda: seconds[0]), identity(folder)
    checks.passed(folder)
    flip(folder / "draws.npy")
    monkeypatch.setattr("forecast.registry.checks.identity", lambda folder: before)  # as if no time had changed
    assert checks.passed(folder) == before
    seconds[0] = BELIEVED
    with pytest.raises(CorruptArtifact, match=r"draws\.npy: its bytes are not those its card promises"):
        checks.passed(folder)


def test_a_file_that_no_card_lists_is_told_and_not_opened(registry: Registry) -> None:
    folder, before = registry.root / SERIES / RUN, registry.champion(SERIES).record.to_arrays()
    np.save(folder / "effects.strange.npy", np.ones(3))
    np.save(folder / "trade.npy", np.zeros((50, 24), dtype=np.uint8))
    run = registry.champion(SERIES)
    assert run.trade is None
    assert run.record.to_arrays().keys() == before.keys()
    assert registry.faults() == tuple(
        f"{SERIES}: {SERIES}/{RUN}/{name}: its card does not list it, and nothing opens it"
        for name in ("effects.strange.npy", "trade.npy")
    )


@pytest.mark.parametrize("name", ["draws.npy", "fitted.joblib"])
def test_what_a_run_needs_and_its_card_does_not_list_is_damage(registry: Registry, name: str) -> None:
    folder = registry.root / SERIES / RUN
    card = json.loads((folder / "card.json").read_text())
    del card["sha256"], card["payloads"][name]
    (folder / "card.json").write_bytes(sealed(card))
    if name == "fitted.joblib":
        joblib.dump({"anything": "at all"}, folder / name)
    with pytest.raises(CorruptArtifact, match=f"{name}: its card does not list it"):
        registry.champion(SERIES) if name == "draws.npy" else registry.fitted(SERIES, RUN)


def test_no_card_reaches_out_of_its_folder(registry: Registry, tmp_path: Path) -> None:
    folder = registry.root / SERIES / RUN
    card = json.loads((folder / "card.json").read_text())
    del card["sha256"]
    card["payloads"]["../../../secret"] = "0" * 64
    (folder / "card.json").write_bytes(sealed(card))
    (tmp_path / "secret").write_text("secret")
    with pytest.raises(CorruptArtifact, match="the file is missing"):
        registry.get(SERIES, RUN)


@pytest.mark.parametrize("text", ["[" * 100_000, '{"a":' * 50_000, "[" * 500 + "]" * 500])
def test_a_card_of_lists_in_lists_without_end_is_no_card(registry: Registry, text: str) -> None:
    (registry.root / SERIES / RUN / "card.json").write_text(text)
    with pytest.raises(CorruptArtifact, match="it is not a card"):
        registry.get(SERIES, RUN)


# -- the champion line -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("damage", ["gone", "empty", "a folder", "no run"])
def test_a_champion_line_that_is_lost_is_read_from_its_copy_and_told(registry: Registry, damage: str) -> None:
    save(registry, "2026-07-bb", seed=1)
    line = registry.root / SERIES / "champion"
    line.unlink()
    if damage == "a folder":
        line.mkdir()
    elif damage != "gone":
        line.write_text({"empty": "", "no run": "?\n"}[damage])
    assert registry.champion(SERIES).run_id == registry.champion_id(SERIES) == RUN, "not the newest that there is"
    (fault,) = registry.faults()
    assert fault.startswith(f"{SERIES}: corrupt artifact {SERIES}/champion: ")
    assert fault.endswith(f"; its copy is read; serving {RUN}")


@pytest.mark.parametrize("lost", ["champion", "champion.copy"])
def test_the_next_sweep_writes_the_line_or_its_copy_again(registry: Registry, lost: str) -> None:
    before = (registry.root / SERIES / lost).read_bytes()
    (registry.root / SERIES / lost).unlink()
    registry.sweep()
    assert (registry.root / SERIES / lost).read_bytes() == before
    assert registry.faults() == ()


def test_a_champion_whose_folder_is_gone_is_damage_and_not_a_run_nobody_knows(registry: Registry) -> None:
    (registry.root / SERIES / RUN).rename(registry.root / SERIES / "2026-06-moved")
    with pytest.raises(CorruptArtifact, match="the folder is missing"):
        registry.get(SERIES, RUN)


def test_a_thorough_look_reads_every_run_again(registry: Registry, monkeypatch: pytest.MonkeyPatch) -> None:
    old = save(registry, "2026-05-old", seed=2)
    assert registry.faults(thorough=True) == ()
    read: list[Path] = []

    def check(folder: Path) -> frozenset[str]:
        read.append(folder)
        return frozenset()

    monkeypatch.setattr("forecast.registry.checks.check", check)
    registry.faults()
    assert read == []
    registry.faults(thorough=True)
    assert sorted(read) == [old, registry.root / SERIES / RUN]

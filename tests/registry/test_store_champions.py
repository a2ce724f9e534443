"""The line of champions: how long it is, what stands in it, and which run serves where the first is broken."""

from __future__ import annotations

import os
import resource
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from forecast.errors import CorruptArtifact, NotFound, NotTrained
from forecast.registry import Registry, open_runs
from forecast.registry.faults import FaultKind
from tests.registry.test_store import SERIES, save, spoil


@pytest.fixture
def registry(tmp_path: Path) -> Registry:
    return Registry(tmp_path / "models")


def test_twelve_champions_are_remembered_and_no_more(registry: Registry) -> None:
    names = [f"run-{i:02}" for i in range(14)]
    for name in names:
        save(registry, name, n=2)
        registry.promote(SERIES, name)
    assert [registry.rollback(SERIES) for _ in range(12)] == names[12:0:-1]
    with pytest.raises(NotFound, match=r"no earlier champion of 'price\.copper'"):
        registry.rollback(SERIES)
    assert registry.champion_id(SERIES) == "run-01"


def test_the_last_twelve_that_were_declined_are_remembered(registry: Registry) -> None:
    save(registry, "good", n=2)
    registry.promote(SERIES, "good")
    for i in range(14):
        registry.decline(SERIES, f"run-{i:02}")
    assert registry.declined(SERIES) == tuple(f"run-{i:02}" for i in range(2, 14))
    assert registry.champion_id(SERIES) == "good"


def test_each_that_is_rolled_back_is_declined_besides_those_before(registry: Registry) -> None:
    for i, run_id in enumerate(["a", "b", "c"]):
        save(registry, run_id, seed=i, n=2)
        registry.promote(SERIES, run_id)
    registry.rollback(SERIES)
    registry.rollback(SERIES)
    assert (registry.root / SERIES / "champion").read_text() == "a -c -b\n"
    registry.promote(SERIES, "c")
    assert (registry.root / SERIES / "champion").read_text() == "c a -b\n"


def test_a_champion_again_stands_once_in_the_line(registry: Registry) -> None:
    for run_id in ("a", "b"):
        save(registry, run_id, n=2)
    for run_id in ("a", "b", "a"):
        registry.promote(SERIES, run_id)
    assert (registry.root / SERIES / "champion").read_text() == "a b\n"


def test_what_cannot_serve_is_not_promoted(registry: Registry) -> None:
    for run_id in ("a", "b"):
        save(registry, run_id, n=2)
    registry.promote(SERIES, "a")
    spoil(registry.root / SERIES / "b" / "draws.npy")
    with pytest.raises(CorruptArtifact, match=r"b/draws\.npy: its bytes are not those its card promises"):
        registry.promote(SERIES, "b")
    with pytest.raises(NotFound, match=r"no run 'c'"):
        registry.promote(SERIES, "c")
    assert registry.champion_id(SERIES) == "a"


def test_for_a_broken_champion_the_one_before_serves_and_else_the_newest_run(registry: Registry) -> None:
    for run_id in ("a", "b", "c", "d"):
        save(registry, run_id, n=2)
    for run_id in ("b", "c"):
        registry.promote(SERIES, run_id)
    spoil(registry.root / SERIES / "c" / "draws.npy")
    assert registry.champion(SERIES).run_id == "b"
    spoil(registry.root / SERIES / "b" / "draws.npy")
    assert registry.champion(SERIES).run_id == "d"


def test_so_many_runs_are_held_open_and_the_longest_unused_is_let_go(
    registry: Registry, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(open_runs, "MOST_OPEN", 2)
    names = ("price.a", "price.b", "price.c")
    for name in names:
        save(registry, "run", series_id=name, n=2)
        registry.promote(name, "run")
    a, b = registry.champion("price.a"), registry.champion("price.b")
    assert registry.champion("price.a") is a
    c = registry.champion("price.c")
    assert registry.champion("price.a") is a
    assert registry.champion("price.c") is c
    assert registry.champion("price.b") is not b


def test_runs_held_open_leave_half_of_the_descriptors_to_others(registry: Registry) -> None:
    names = [f"price.s{i}" for i in range(60)]
    for name in names:
        save(registry, "run", series_id=name, n=2)
        registry.promote(name, "run")
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    before = len(os.listdir("/proc/self/fd"))
    resource.setrlimit(resource.RLIMIT_NOFILE, (most := 2 * before + 16, hard))
    try:
        few = Registry(registry.root)
        for name in names * 2:
            few.champion(name)
        assert len(os.listdir("/proc/self/fd")) - before <= most / 2
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def test_what_died_is_swept_by_the_next_that_saves_and_not_while_its_series_is_locked(registry: Registry) -> None:
    save(registry, "a", n=2)
    half = registry.root / SERIES / ".save-half"
    half.mkdir()
    with ThreadPoolExecutor(1) as elsewhere, registry.lock(SERIES):
        elsewhere.submit(Registry(registry.root).sweep).result()
        assert half.exists(), "whoever holds the lock may be writing it"
    save(registry, "b", n=2)
    assert not half.exists()


def test_a_declined_run_serves_last_of_all_and_no_rollback_lands_on_it(registry: Registry) -> None:
    for name in ("a", "b", "c"):
        save(registry, name, n=2)
    for name in ("a", "b"):
        registry.promote(SERIES, name)
    registry.decline(SERIES, "a")
    spoil(registry.root / SERIES / "b" / "draws.npy")
    assert registry.champion(SERIES).run_id == "c", "it is sound and nobody declined it"
    registry.promote(SERIES, "c")
    with pytest.raises(NotFound):
        registry.rollback(SERIES)
    assert registry.champion_id(SERIES) == "c"


def test_a_folder_in_the_place_of_the_line_of_champions_is_damage(registry: Registry) -> None:
    save(registry, "a", n=2)
    registry.promote(SERIES, "a")
    (registry.root / SERIES / "champion").unlink()
    (registry.root / SERIES / "champion").mkdir()
    assert any(fault.startswith(f"{SERIES}: ") for fault in registry.faults())
    assert registry.champion(SERIES).run_id == "a"
    with pytest.raises(CorruptArtifact, match="a folder where a file belongs"):
        registry.promote(SERIES, "a")


@pytest.mark.parametrize("name", ["card.json", "draws.npy", "champion"])
def test_nobody_waits_for_a_pipe_in_the_place_of_a_file(registry: Registry, name: str) -> None:
    run_id = save(registry, "a").name
    registry.promote(SERIES, run_id)
    file = registry.root / SERIES / ("" if name == "champion" else run_id) / name
    file.unlink()
    os.mkfifo(file)
    (fault,) = registry.faults()
    assert name in str(fault)


def test_where_nothing_says_any_more_which_run_serves_that_is_told(registry: Registry) -> None:
    save(registry, "a", n=2)
    registry.promote(SERIES, "a")
    for name in ("champion", "champion.copy"):
        (registry.root / SERIES / name).unlink()
    with pytest.raises(NotTrained):
        registry.champion(SERIES)
    (fault,) = registry.faults()
    assert fault.kind == FaultKind.CHAMPION_LINE
    assert fault == f"{SERIES}: {SERIES}/champion and its copy are missing, and a is there; serving nothing"
    registry.promote(SERIES, "a")
    assert registry.faults() == ()
    assert registry.champion(SERIES).run_id == "a"

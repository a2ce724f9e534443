"""The registry keeps whole runs only, trusts bytes it has checked only, and changes what serves in one step."""

from __future__ import annotations

import datetime as dt
import json
import signal
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from forecast.effects import EffectRecord, Episode, EpisodeEffect
from forecast.errors import Busy, CorruptArtifact, Damaged, InvalidInput, NotFound, NotTrained
from forecast.events import Stringency
from forecast.interventions import Intervention, Step
from forecast.registry import Card, Payload, Registry
from forecast.registry.card import DataSummary, RunSettings
from forecast.timeseries.frequency import Freq
from tests.support import ROOT
from tests.support.records import a_series

SERIES = "price.copper"
MONTHLY = Freq("M")
LAST = np.datetime64("2026-06-01", "D")


def some_record(n: int = 50) -> EffectRecord:
    start = np.datetime64("2025-04-04", "D")
    step = Intervention(Step(), start, intensity=((start, 1.0), (np.datetime64("2025-11-07", "D"), 1 / 3)))
    day = dt.date(2025, 4, 4)
    episode = Episode("cn-licence", ("cn-licence",), Stringency.BAN, -1, day, day, None, 0.9, step)
    size = np.random.default_rng(1).normal(-0.5, 0.1, n).astype(np.float32)
    effect = EpisodeEffect(episode, (step,), np.zeros(n, dtype=np.int16), size, False, True)
    return EffectRecord((effect,), "regression", n, MONTHLY, LAST, SERIES)


def some_card(series_id: str = SERIES, run_id: str = "2026-06-aa", seed: int = 0) -> Card:
    return Card(
        series=a_series(series_id, "copper", "price", "target", "world", "WLD", "WLD", "USD/t", "M", 5),
        run=run_id,
        trained_at=dt.datetime(2026, 11, 24, second=seed, tzinfo=dt.UTC),
        as_of=dt.date(2026, 11, 24),
        events_known_to=dt.date(2026, 10, 8),
        data=DataSummary(dt.date(1992, 1, 1), dt.date(2026, 6, 1), observations=414, scored=414, missing=0),
        champion_family="random-walk",
        score=float("nan"),
        why="the only one",
        backtest={},
        settings=RunSettings(draws=50, horizon=24, seed=0),
        known_on=dt.date(2026, 11, 3),
    )


def save(registry: Registry, run_id: str, *, series_id: str = SERIES, seed: int = 0, n: int = 50) -> Path:
    card = some_card(series_id, run_id, seed)
    draws = np.random.default_rng(seed).normal(9.0, 0.1, (n, 24))
    return registry.save(series_id, run_id, card, Payload(draws, some_record(n), {"theta": 0.3}))


def spoil(path: Path) -> None:
    """One wrong byte, in a new file: what a bad disk or a bad copy leaves."""
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.unlink()
    path.write_bytes(data)


@pytest.fixture
def registry(tmp_path: Path) -> Registry:
    return Registry(tmp_path / "models")


def test_a_saved_run_comes_back_as_it_was(registry: Registry) -> None:
    save(registry, "2026-06-aa")
    run = registry.get(SERIES, "2026-06-aa")
    assert run.draws.dtype == np.float32
    np.testing.assert_array_equal(run.draws, np.random.default_rng(0).normal(9.0, 0.1, (50, 24)).astype(np.float32))
    ds = MONTHLY.range("2025-01-01", 36)
    np.testing.assert_array_equal(run.record.effects[0].draws(ds, MONTHLY), some_record().effects[0].draws(ds, MONTHLY))
    assert run.last == LAST
    assert run.card.score is None
    assert run.card.as_of == dt.date(2026, 11, 24)
    assert registry.fitted(SERIES, "2026-06-aa") == {"theta": 0.3}


def test_draws_are_mapped_and_cannot_be_written(registry: Registry) -> None:
    save(registry, "2026-06-aa")
    run = registry.get(SERIES, "2026-06-aa")
    assert isinstance(run.draws, np.memmap)
    with pytest.raises(ValueError, match="read-only"):
        run.draws[0, 0] = 1.0


def test_a_series_without_effects_is_stored_too(registry: Registry) -> None:
    empty = EffectRecord.none(5, MONTHLY, LAST)
    registry.save(SERIES, "2026-06-aa", some_card(), Payload(np.zeros((5, 2)), empty, None))
    assert registry.get(SERIES, "2026-06-aa").record.effects == ()


def test_which_draws_have_trade_comes_back_and_is_kept_only_where_some_have_none(registry: Registry) -> None:
    draws, trade = np.zeros((4, 2)), np.array([[0, 1], [2, 3], [3, 3], [0, 0]], dtype=np.uint8)
    folder = registry.save(SERIES, "2026-06-aa", some_card(), Payload(draws, some_record(4), None, trade))
    found = registry.get(SERIES, "2026-06-aa")
    assert found.trade is not None
    np.testing.assert_array_equal(found.trade, trade)
    (folder / "trade.npy").write_bytes(b"cut short")
    with pytest.raises(CorruptArtifact, match=r"trade\.npy"):
        registry.get(SERIES, "2026-06-aa")
    save(registry, "2026-06-bb")
    assert registry.get(SERIES, "2026-06-bb").trade is None
    with pytest.raises(ValueError, match=r"must be \(4, 2\) as its draws are"):
        registry.save(SERIES, "c", some_card(), Payload(draws, some_record(4), None, trade[:, :1]))


def test_nothing_serves_before_the_first_promotion(registry: Registry) -> None:
    save(registry, "2026-06-aa")
    assert registry.champion_id(SERIES) is None
    with pytest.raises(NotTrained, match=r"orecast train price\.copper"):
        registry.champion(SERIES)


def test_another_registry_sees_a_promotion_at_once(registry: Registry) -> None:
    save(registry, "2026-05-aa")
    save(registry, "2026-06-bb", seed=1)
    registry.promote(SERIES, "2026-05-aa")
    serving = Registry(registry.root)
    assert serving.champion(SERIES).run_id == "2026-05-aa"
    registry.promote(SERIES, "2026-06-bb")
    assert serving.champion(SERIES).run_id == "2026-06-bb"
    assert (registry.root / SERIES / "champion").read_text() == "2026-06-bb 2026-05-aa\n"


def test_an_unchanged_champion_is_read_once(registry: Registry) -> None:
    save(registry, "2026-06-aa")
    registry.promote(SERIES, "2026-06-aa")
    assert registry.champion(SERIES) is registry.champion(SERIES)


def test_rollback_goes_back_champion_by_champion(registry: Registry) -> None:
    for i, run_id in enumerate(["2026-04-a", "2026-05-b", "2026-06-c"]):
        save(registry, run_id, seed=i)
        registry.promote(SERIES, run_id)
    assert registry.rollback(SERIES) == "2026-05-b"
    assert registry.champion(SERIES).run_id == "2026-05-b"
    assert registry.rollback(SERIES) == "2026-04-a"
    with pytest.raises(NotFound):
        registry.rollback(SERIES)
    assert registry.champion(SERIES).run_id == "2026-04-a"


def test_a_run_that_was_rolled_back_stays_declined_until_it_is_promoted(registry: Registry) -> None:
    save(registry, "2026-04-a")
    save(registry, "2026-05-b")
    for run_id in ("2026-04-a", "2026-05-b"):
        registry.promote(SERIES, run_id)
    registry.rollback(SERIES)
    assert registry.declined(SERIES) == ("2026-05-b",)
    assert registry.champion_id(SERIES) == "2026-04-a"
    registry.promote(SERIES, "2026-05-b")
    assert registry.declined(SERIES) == ()
    assert registry.champion_id(SERIES) == "2026-05-b"


def test_rollback_never_serves_a_broken_run(registry: Registry) -> None:
    for i, run_id in enumerate(["2026-04-a", "2026-05-b", "2026-06-c"]):
        save(registry, run_id, seed=i)
        registry.promote(SERIES, run_id)
    spoil(registry.root / SERIES / "2026-05-b" / "draws.npy")
    assert registry.rollback(SERIES) == "2026-04-a"


@pytest.mark.parametrize("name", ["draws.npy", "effects.size.npy", "card.json", "fitted.joblib"])
def test_one_wrong_byte_and_the_last_good_run_serves(registry: Registry, name: str) -> None:
    save(registry, "2026-05-aa")
    save(registry, "2026-06-bb", seed=1)
    for run_id in ("2026-05-aa", "2026-06-bb"):
        registry.promote(SERIES, run_id)
    assert registry.faults() == ()
    spoil(registry.root / SERIES / "2026-06-bb" / name)
    assert registry.champion(SERIES).run_id == "2026-05-aa"
    (fault,) = registry.faults()
    assert name in fault
    assert "serving 2026-05-aa" in fault
    with pytest.raises(CorruptArtifact, match=name):
        registry.get(SERIES, "2026-06-bb")


def test_a_missing_file_is_a_fault_and_a_repaired_one_is_not(registry: Registry) -> None:
    save(registry, "2026-06-aa")
    registry.promote(SERIES, "2026-06-aa")
    path = registry.root / SERIES / "2026-06-aa" / "draws.npy"
    data = path.read_bytes()
    path.unlink()
    for ask in (registry.champion, registry.serving_id):
        with pytest.raises(Damaged, match=rf"corrupt artifact {SERIES}/2026-06-aa/draws\.npy: .*run: orecast train"):
            ask(SERIES)
    (row,) = registry.runs(SERIES)
    assert row.fault == f"corrupt artifact {SERIES}/2026-06-aa/draws.npy: the file is missing"
    assert (row.family, row.champion) == ("random-walk", True), "what its card tells is told"
    assert "serving nothing" in registry.faults()[0]
    path.write_bytes(data)
    assert registry.champion(SERIES).run_id == registry.serving_id(SERIES) == "2026-06-aa"
    assert registry.faults() == ()


def test_a_damaged_champion_file_is_reported_and_a_good_run_serves(registry: Registry) -> None:
    save(registry, "2026-06-aa")
    for line in ("", "../../etc/passwd\n", "no-such-run\n"):
        (registry.root / SERIES / "champion").write_text(line)
        assert registry.champion(SERIES).run_id == "2026-06-aa"
        assert len(registry.faults()) == 1


def test_saving_again_heals_a_broken_run_and_leaves_a_good_one_alone(registry: Registry) -> None:
    folder = save(registry, "2026-06-aa")
    inode = (folder / "draws.npy").stat().st_ino
    save(registry, "2026-06-aa", seed=7)
    assert (folder / "draws.npy").stat().st_ino == inode
    mapped = registry.get(SERIES, "2026-06-aa").draws
    before = np.array(mapped)
    spoil(folder / "draws.npy")
    save(registry, "2026-06-aa", seed=7)
    assert registry.get(SERIES, "2026-06-aa").draws.shape == (50, 24)
    np.testing.assert_array_equal(mapped, before)


def test_many_savers_of_one_run_do_no_harm(registry: Registry) -> None:
    threads = [threading.Thread(target=save, args=(Registry(registry.root), "2026-06-aa")) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert registry.get(SERIES, "2026-06-aa").draws.shape == (50, 24)
    assert [path.name for path in (registry.root / SERIES).iterdir()] == ["2026-06-aa"]


KILLED = """
import os, pathlib, signal, sys
import forecast.registry.champion_line as line, forecast.registry.run as run, forecast.registry.store as store
sys.path.insert(0, {code!r})
from tests.registry import test_store
at = {at!r}
def die(*args, **kwargs):
    os.kill(os.getpid(), signal.SIGKILL)
for owner in (pathlib.Path,) if at == "rename" else (line, run, store):
    if hasattr(owner, at):
        setattr(owner, at, die)
registry = store.Registry(pathlib.Path({root!r}))
test_store.save(registry, "2026-06-new", seed=3)
registry.promote(test_store.SERIES, "2026-06-new")
"""


@pytest.mark.parametrize("at", ["write_synced", "sync_folder", "rename", "write_atomically"])
def test_a_kill_at_any_moment_leaves_the_champion_and_the_next_save_finishes(registry: Registry, at: str) -> None:
    save(registry, "2026-05-old")
    registry.promote(SERIES, "2026-05-old")
    script = KILLED.format(code=str(ROOT), at=at, root=str(registry.root))
    killed = subprocess.run([sys.executable, "-c", script], check=False)
    assert killed.returncode == -signal.SIGKILL
    assert registry.champion(SERIES).run_id == "2026-05-old"
    assert registry.faults() == ()
    left = [path for path in (registry.root / SERIES).iterdir() if path.name.startswith(".")]
    (registry.root / SERIES / "2026-06-new").exists() or save(registry, "2026-06-new", seed=3)
    registry.promote(SERIES, "2026-06-new")
    assert Registry(registry.root).champion(SERIES).run_id == "2026-06-new"
    if at != "write_atomically":
        assert not any(path.exists() for path in left)


#: Processes that all wait for the same moment, then change what serves; each tells when it could not.
AT_ONCE = """
import os, sys, time
from pathlib import Path
from forecast.registry import Registry
root, series_id, how, *run_ids = sys.argv[1:]
start = time.time() + 0.3
children = []
for run_id in run_ids:
    child = os.fork()
    if not child:
        registry = Registry(Path(root))
        time.sleep(max(start - time.time(), 0))
        getattr(registry, how)(series_id, run_id)
        os._exit(0)
    children.append(child)
sys.exit(any(os.waitpid(child, 0)[1] for child in children))
"""


def at_once(registry: Registry, how: str, run_ids: list[str]) -> None:
    command = [sys.executable, "-c", AT_ONCE, str(registry.root), SERIES, how, *run_ids]
    assert subprocess.run(command, check=False).returncode == 0


def test_of_ten_declines_at_once_none_is_lost(registry: Registry) -> None:
    save(registry, "2026-06-aa")
    registry.promote(SERIES, "2026-06-aa")
    at_once(registry, "decline", names := [f"2026-06-x{i}" for i in range(10)])
    assert sorted(registry.declined(SERIES)) == names
    assert registry.champion_id(SERIES) == "2026-06-aa"


def test_of_promotions_at_once_the_last_serves_and_the_others_can_be_gone_back_to(registry: Registry) -> None:
    for i, run_id in enumerate(names := [f"2026-06-r{i}" for i in range(8)]):
        save(registry, run_id, seed=i)
    at_once(registry, "promote", names)
    serving = [registry.champion(SERIES).run_id, *(registry.rollback(SERIES) for _ in names[1:])]
    assert sorted(serving) == names
    assert list(registry.declined(SERIES)) == serving[:-1]


def test_threads_of_one_registry_wait_for_each_other(registry: Registry) -> None:
    save(registry, "2026-06-aa")
    names = [f"2026-06-x{i}" for i in range(10)]
    threads = [threading.Thread(target=registry.decline, args=(SERIES, name)) for name in names]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(registry.declined(SERIES)) == names


HOLDER = """
import sys, time
from pathlib import Path
from forecast.registry import Registry
with Registry(Path(sys.argv[1])).lock(sys.argv[2]):
    print("held", flush=True)
    time.sleep(60)
"""


def test_who_holds_a_lock_may_change_what_serves_and_everybody_else_waits_until_it_dies(registry: Registry) -> None:
    save(registry, "2026-06-aa")
    with registry.lock(SERIES), Registry(registry.root).lock(SERIES):
        registry.promote(SERIES, "2026-06-aa")
    command = [sys.executable, "-c", HOLDER, str(registry.root), SERIES]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "held\n"
        busy = r"price\.copper has been locked by another process for 0\.1 seconds"
        with pytest.raises(Busy, match=busy), registry.lock(SERIES, timeout=0.1):
            pass
        assert registry.champion(SERIES).run_id == "2026-06-aa", "who reads takes no lock"
        save(registry, "2026-06-zz", series_id="price.tin")
        holder.kill()
    registry.decline(SERIES, "2026-06-bb")
    assert registry.declined(SERIES) == ("2026-06-bb",)


def test_reading_leaves_nothing_behind_and_a_lock_is_neither_run_nor_series(registry: Registry) -> None:
    save(registry, "2026-06-aa")
    registry.promote(SERIES, "2026-06-aa")
    assert list(registry.champions()) == [SERIES]
    assert [row.run_id for row in registry.runs()] == ["2026-06-aa"]
    assert sorted(path.name for path in (registry.root / SERIES).iterdir()) == [
        "2026-06-aa",
        "champion",
        "champion.copy",
    ]
    for path in (registry.root / ".locks").iterdir():
        path.unlink()
    (registry.root / ".locks").rmdir()
    reading = Registry(registry.root)
    assert reading.champion(SERIES).run_id == "2026-06-aa"
    assert (reading.faults(), reading.declined(SERIES), len(reading.runs())) == ((), (), 1)
    assert [path.name for path in registry.root.iterdir()] == [SERIES]


def test_twelve_rollbacks_are_possible_and_the_thirteenth_changes_nothing(registry: Registry) -> None:
    for i, run_id in enumerate(names := [f"2026-06-r{i:02d}" for i in range(15)]):
        save(registry, run_id, seed=i)
        registry.promote(SERIES, run_id)
    assert [registry.rollback(SERIES) for _ in range(12)] == names[-2:1:-1]
    with pytest.raises(NotFound, match="earlier champion"):
        registry.rollback(SERIES)
    assert registry.champion(SERIES).run_id == names[2]
    assert list(registry.declined(SERIES)) == names[:2:-1]
    registry.promote(SERIES, names[0])
    registry.promote(SERIES, names[1])
    registry.rollback(SERIES)
    assert registry.declined(SERIES)[0] == names[-1], "what can still be read stays declined, however long ago"


def test_a_declined_run_takes_over_last_of_all_and_it_is_said(registry: Registry) -> None:
    for i, run_id in enumerate(["2026-04-a", "2026-05-b", "2026-06-c"]):
        save(registry, run_id, seed=i)
    registry.promote(SERIES, "2026-04-a")
    registry.promote(SERIES, "2026-06-c")
    registry.rollback(SERIES)
    spoil(registry.root / SERIES / "2026-04-a" / "draws.npy")
    assert registry.champion(SERIES).run_id == "2026-05-b", "never promoted, but not declined either"
    assert registry.faults()[0].endswith("; serving 2026-05-b")
    spoil(registry.root / SERIES / "2026-05-b" / "draws.npy")
    assert registry.champion(SERIES).run_id == "2026-06-c"
    assert registry.faults()[0].endswith("; serving 2026-06-c, which was declined")


@pytest.mark.parametrize("line", [b"", b"\n", b"? - -? ../x\n", b"\xff\xfe\x00"])
def test_a_promotion_heals_a_damaged_champion_line(registry: Registry, line: bytes) -> None:
    save(registry, "2026-06-aa")
    (registry.root / SERIES / "champion").write_bytes(line)
    with pytest.raises(NotFound):
        registry.rollback(SERIES)
    assert (registry.root / SERIES / "champion").read_bytes() == line
    registry.promote(SERIES, "2026-06-aa")
    assert (registry.root / SERIES / "champion").read_text() == "2026-06-aa\n"
    assert registry.faults() == ()


def test_what_was_only_declined_is_not_damaged(registry: Registry) -> None:
    save(registry, "2026-06-aa")
    registry.decline(SERIES, "2026-06-aa")
    assert registry.champion_id(SERIES) is None
    assert registry.faults() == ()
    with pytest.raises(NotTrained):
        registry.champion(SERIES)


def test_what_a_killed_process_left_is_swept_and_what_is_being_written_is_not(registry: Registry) -> None:
    save(registry, "2026-06-aa")
    left = [registry.root / name for name in (f"{SERIES}/.save-x", f"{SERIES}/.champion.y.tmp", ".classes.json.z.tmp")]
    left[0].mkdir()
    (left[0] / "draws.npy").write_bytes(b"half")
    for path in left[1:]:
        path.write_bytes(b"half")
    command = [sys.executable, "-c", HOLDER, str(registry.root), SERIES]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as holder:
        assert holder.stdout is not None
        holder.stdout.readline()
        registry.sweep()
        assert [path.exists() for path in left] == [True, True, False]
        holder.kill()
    registry.sweep()
    assert [path.exists() for path in left] == [False, False, False]
    assert registry.get(SERIES, "2026-06-aa").draws.shape == (50, 24)


def test_runs_lists_the_newest_first_and_says_which_is_broken(registry: Registry) -> None:
    save(registry, "2026-05-aa", seed=1)
    save(registry, "2026-06-bb", seed=2)
    save(registry, "2026-06-cc", seed=3, series_id="price.tin")
    registry.promote(SERIES, "2026-05-aa")
    rows = registry.runs(SERIES)
    assert [(row.run_id, row.champion) for row in rows] == [("2026-06-bb", False), ("2026-05-aa", True)]
    assert (rows[0].family, rows[0].last, rows[0].fault) == ("random-walk", "2026-06-01", "")
    (registry.root / SERIES / "2026-06-bb" / "card.json").write_text("{}")
    assert any(row.run_id == "2026-06-bb" and row.fault for row in registry.runs())
    assert {row.series_id for row in registry.runs()} == {SERIES, "price.tin"}
    assert registry.runs("price.unknown") == []


NAMES: list[Callable[[Registry, str], object]] = [
    lambda registry, name: registry.get(SERIES, name),
    lambda registry, name: registry.get(name, "2026-06-aa"),
    lambda registry, name: registry.promote(SERIES, name),
    lambda registry, name: registry.decline(name, "2026-06-aa"),
    lambda registry, name: save(registry, name),
    lambda registry, name: save(registry, "2026-06-aa", series_id=name),
]
OUTSIDE = ["", "..", "../x", "/etc", "a/b", "a\\b", "A", ".hidden", "champion", "a\n", "a" * 101, "a.", "x.json"]


@pytest.mark.parametrize("use", NAMES)
@pytest.mark.parametrize("name", OUTSIDE)
def test_no_name_leads_out_of_the_folder(registry: Registry, use: Callable[[Registry, str], object], name: str) -> None:
    with pytest.raises(InvalidInput):
        use(registry, name)


@pytest.mark.parametrize("name", OUTSIDE)
def test_a_series_that_can_have_no_folder_is_read_as_one_without_runs(registry: Registry, name: str) -> None:
    (registry.root / SERIES).mkdir(parents=True, exist_ok=True)
    (registry.root / "champion").mkdir()
    (registry.root / "champion" / "champion").write_text("2026-06-aa\n")
    assert registry.champion_id(name) is None
    assert registry.declined(name) == ()
    assert registry.runs(name) == []
    assert registry.champions() == {}
    assert registry.faults() == ()
    with pytest.raises(NotTrained, match="its id is refused, expected"):
        registry.champion(name)


def test_a_name_with_an_underscore_serves(registry: Registry) -> None:
    save(registry, "2026_06-aa", series_id="my_price.lme_cash")
    registry.promote("my_price.lme_cash", "2026_06-aa")
    assert registry.champion("my_price.lme_cash").run_id == "2026_06-aa"
    assert registry.champions() == {"my_price.lme_cash": "2026_06-aa"}


@given(st.text(max_size=40))
def test_any_text_is_a_refused_name_or_a_run_that_is_not_there(
    tmp_path_factory: pytest.TempPathFactory, name: str
) -> None:
    with pytest.raises((InvalidInput, NotFound)):
        Registry(tmp_path_factory.getbasetemp() / "none").get(SERIES, name)


def test_draws_must_be_finite(registry: Registry) -> None:
    with pytest.raises(ValueError, match="finite"):
        registry.save(SERIES, "2026-06-aa", some_card(), Payload(np.array([[np.nan]]), some_record(1), None))
    assert registry.runs() == []


def test_the_newest_run_is_the_last_that_was_trained_whatever_it_is_called(registry: Registry) -> None:
    save(registry, "z", seed=1)
    save(registry, "a", seed=2)
    assert [row.run_id for row in registry.runs(SERIES)] == ["a", "z"]


def test_the_card_reads_well(registry: Registry) -> None:
    folder = save(registry, "2026-06-aa")
    text = (folder / "card.json").read_text()
    assert folder.stat().st_mode & 0o777 == 0o755
    assert "NaN" not in text
    card = json.loads(text)
    assert card["effects"]["episodes"][0]["start"] == "2025-04-04"
    assert set(card["payloads"]) == {"draws.npy", "effects.choice.npy", "effects.size.npy", "fitted.joblib"}
    assert all(len(digest) == 64 for digest in card["payloads"].values())


def test_a_serving_registry_imports_no_heavy_library() -> None:
    script = (
        "import sys, forecast.registry, forecast.files;"
        "print(*{'pandas','scipy','statsmodels','prophet','matplotlib','joblib'} & set(sys.modules))"
    )
    out = subprocess.run([sys.executable, "-c", script], check=True, capture_output=True, text=True)
    assert out.stdout.split() == []

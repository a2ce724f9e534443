"""Temporary folders with an owner, and locks: whatever is killed, the next one finds the place clean."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from forecast.files import locked, scratch

#: A process that has a scratch folder and has put a file into it by way of the standard library.
OWNER = """
import os, tempfile, time
from forecast.files import scratch
with scratch() as folder:
    handle, name = tempfile.mkstemp()
    assert os.environ["TMPDIR"] == os.environ["JOBLIB_TEMP_FOLDER"] == str(folder) == os.path.dirname(name)
    print(folder, flush=True)
    time.sleep(60)
"""


@pytest.fixture
def tmpdir_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setattr(tempfile, "tempdir", None)
    return tmp_path


def test_what_is_temporary_goes_with_the_end_and_everything_is_as_before(tmpdir_of_its_own: Path) -> None:
    with scratch() as folder:
        assert folder.parent == tmpdir_of_its_own
        assert Path(tempfile.mkdtemp()).parent == folder
        out = subprocess.run(
            [sys.executable, "-c", "import tempfile; print(tempfile.gettempdir())"], capture_output=True, text=True
        )
        assert out.stdout.strip() == str(folder), "those that it starts put their files there too"
    assert list(tmpdir_of_its_own.iterdir()) == []
    assert tempfile.gettempdir() == os.environ["TMPDIR"] == str(tmpdir_of_its_own)
    assert "JOBLIB_TEMP_FOLDER" not in os.environ


def test_the_folder_of_a_killed_process_is_removed_by_the_next_and_that_of_a_living_one_stays(
    tmpdir_of_its_own: Path,
) -> None:
    other = tmpdir_of_its_own / "orecast-home-x"
    other.mkdir()
    with subprocess.Popen([sys.executable, "-c", OWNER], stdout=subprocess.PIPE, text=True) as owner:
        assert owner.stdout is not None
        theirs = Path(owner.stdout.readline().strip())
        with scratch():
            assert len(list(theirs.iterdir())) == 1
        owner.kill()
    assert theirs.exists()
    with scratch() as ours:
        assert set(tmpdir_of_its_own.iterdir()) == {ours, other}


def test_a_lock_is_taken_again_by_who_holds_it_and_not_by_others(tmp_path: Path) -> None:
    path = tmp_path / "locks" / "x"
    with locked(path), locked(path):
        taken = subprocess.run([sys.executable, "-c", TAKER, str(path)], capture_output=True, text=True)
        assert taken.stdout == "TimeoutError\n"
    assert subprocess.run([sys.executable, "-c", TAKER, str(path)], capture_output=True, text=True).stdout == "taken\n"


TAKER = """
import sys
from pathlib import Path
from forecast.files import locked
try:
    with locked(Path(sys.argv[1]), 0.05):
        print("taken")
except TimeoutError as error:
    print(type(error).__name__)
"""

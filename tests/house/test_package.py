"""What is handed out: the sdist is the repository, the description reads well elsewhere, `make` installs enough."""

from __future__ import annotations

import re
import shutil
import subprocess
import tarfile
from pathlib import Path

import pytest

from tests.support import ROOT
from tests.support.installs import build, metadata


@pytest.fixture(scope="module")
def sdist(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The unpacked source distribution."""
    folder = tmp_path_factory.mktemp("sdist")
    with tarfile.open(build("sdist", folder / "dist")) as archive:
        archive.extractall(folder / "unpacked", filter="data")
    (unpacked,) = (folder / "unpacked").iterdir()
    return unpacked


def files(folder: Path) -> set[str]:
    return {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}


@pytest.mark.skipif(not (ROOT / ".git").exists(), reason="what is in the repository is known there only")
def test_the_sdist_holds_the_whole_repository(sdist: Path) -> None:
    command = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    listed = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True).stdout.split("\0")
    there = {name for name in listed if name and (ROOT / name).exists()}
    assert files(sdist) == there | {"PKG-INFO"}


def test_the_sdist_holds_what_runs_and_tests_it(sdist: Path) -> None:
    wanted = "Makefile requirements.lock CHANGELOG.md .ci/run docs/changing.md data/series.csv models/README.md"
    wanted += " deploy/compose.yaml benchmarks/accuracy.py tests/conftest.py docs/copper.png"
    assert set(wanted.split()) <= files(sdist)


def test_the_description_has_no_link_that_only_the_repository_knows(tmp_path: Path) -> None:
    described = metadata(build("wheel", tmp_path))
    text = str(described.get_payload())
    links = re.findall(r"\]\(([^)]+)\)", text)
    assert links
    assert [link for link in links if not link.startswith(("https://", "#"))] == []
    pictures = re.findall(r"!\[[^\]]*\]\((\S+)\)", text)
    assert [Path(picture).name for picture in pictures] == ["copper.png", "magnets.png"]
    assert all(picture.startswith("https://raw.githubusercontent.com/") for picture in pictures)
    assert described["Description-Content-Type"] == "text/markdown"
    assert described["License-Expression"] == "Apache-2.0"
    assert {each.partition(",")[0] for each in described.get_all("Project-URL", [])} == {
        "Source",
        "Issues",
        "Changelog",
    }


# -- make --------------------------------------------------------------------------------------------------------------


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """The Makefile with an environment whose Python only writes down what it was asked."""
    for name in ("Makefile", "pyproject.toml", "requirements.lock"):
        shutil.copy(ROOT / name, tmp_path)
    python = tmp_path / ".venv" / "bin" / "python"
    python.parent.mkdir(parents=True)
    python.write_text(f'#!/bin/sh\necho "$@" >> {tmp_path / "asked"}\n')
    python.chmod(0o755)
    return tmp_path


def installed(folder: Path, *targets: str) -> list[str]:
    """The extras that pip is told to install by targets of the Makefile, one after another."""
    for target in targets:
        subprocess.run(["make", "--silent", target], cwd=folder, check=True, capture_output=True)
    asked = (folder / "asked").read_text().splitlines()
    assert all("--constraint requirements.lock" in line for line in asked)
    return [line.rpartition("--editable ")[2] for line in asked if "--editable" in line]


def test_what_runs_is_installed_before_what_tests_and_each_once(folder: Path) -> None:
    assert installed(folder, "setup-run", "setup-run", "setup-test", "setup-test") == [
        ".[worker,prophet,sources]",
        ".[dev]",
    ]


@pytest.mark.parametrize("target", ["setup-test", "pretrained"])
def test_the_weights_of_the_pretrained_model_come_without_what_their_package_asks_for(
    folder: Path, target: str
) -> None:
    installed(folder, target)
    (asked,) = (line for line in (folder / "asked").read_text().splitlines() if "fracast" in line)
    assert asked.endswith("--no-deps fracast")


def test_running_installs_no_weights(folder: Path) -> None:
    installed(folder, "setup-run")
    assert "fracast" not in (folder / "asked").read_text()


def test_where_everything_is_there_running_installs_nothing(folder: Path) -> None:
    assert installed(folder, "setup-test", "setup-run", "setup-test") == [".[dev]"]

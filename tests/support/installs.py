"""Installs of the package as users have them: the built wheel, and environments that hold what it asks for, no more."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import venv
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from email.message import Message
from email.parser import Parser
from importlib.metadata import Distribution, distribution
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from tests.support import ROOT


def build(target: str, folder: Path) -> Path:
    """A ``wheel`` or ``sdist`` of the repository."""
    command = [sys.executable, "-m", "hatchling", "build", "--target", target, "--directory", str(folder)]
    subprocess.run(command, cwd=ROOT, check=True, capture_output=True)
    (file,) = folder.iterdir()
    return file


def metadata(wheel: Path) -> Message:
    with zipfile.ZipFile(wheel) as archive:
        (name,) = (name for name in archive.namelist() if name.endswith(".dist-info/METADATA"))
        return Parser().parsestr(archive.read(name).decode())


def needed(wheel: Path, extra: str = "") -> dict[str, Distribution]:
    """What pip would install for the wheel with an extra, as it is installed here; the wheel itself is left out."""
    own = [Requirement(line) for line in metadata(wheel).get_all("Requires-Dist", [])]
    found: dict[str, Distribution] = {}
    done: set[tuple[str, str]] = set()
    queue = [("orecast", ""), ("orecast", extra)]
    while queue:
        name, wanted = queue.pop()
        if (name, wanted) in done:
            continue
        done.add((name, wanted))
        if name != "orecast":
            found[name] = distribution(name)
        requirements = own if name == "orecast" else [Requirement(line) for line in found[name].requires or ()]
        for each in requirements:
            if each.marker is None or each.marker.evaluate({"extra": wanted}):
                queue += [(canonicalize_name(each.name), some) for some in ("", *each.extras)]
    return found


def megabytes(wheel: Path, needed: Mapping[str, Distribution]) -> float:
    """Size of the files of all of them, without the bytecode that Python writes beside them."""
    files = (file for each in needed.values() for file in each.files or () if file.suffix != ".pyc")
    with zipfile.ZipFile(wheel) as archive:
        own = sum(file.file_size for file in archive.infolist())
    return (own + sum(os.stat(str(file.locate())).st_size for file in files)) / 1e6


@dataclass(frozen=True)
class Environment:
    """A virtual environment, and what a command says in it."""

    python: Path

    def variables(self, home: Path, **changed: str) -> dict[str, str]:
        """Those of this process, less what leads to the repository or to another home."""
        kept = {name: value for name, value in os.environ.items() if not re.match("ORECAST_|PYTHON|VIRTUAL_ENV", name)}
        return {**kept, "ORECAST_HOME": str(home), "COLUMNS": "200", **changed}

    def orecast(self, home: Path, *arguments: str, **changed: str) -> subprocess.CompletedProcess[str]:
        """The command, in an otherwise empty folder."""
        command = [str(self.python.with_name("orecast")), *arguments]
        env = self.variables(home, **changed)
        return subprocess.run(command, cwd=home, env=env, capture_output=True, text=True, timeout=300, check=False)


def environment(wheel: Path, extra: str, folder: Path) -> Environment:
    """An environment of the wheel with an extra, linked together from what is installed here."""
    venv.create(folder, symlinks=True)
    python = folder / "bin" / "python"
    (site,) = folder.glob("lib/python*/site-packages")
    for each in needed(wheel, extra).values():
        for top in {file.parts[0] for file in each.files or ()} - {"..", "__pycache__"}:
            if not (site / top).exists():
                (site / top).symlink_to(Path(str(each.locate_file(top))))
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(site)
    script = python.with_name("orecast")
    script.write_text(f"#!{python}\nfrom forecast.cli import main\nmain()\n")
    script.chmod(0o755)
    return Environment(python)

"""The house itself: style, types, who may import whom, budgets of size, and where a test is found."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support import ROOT

BIN = Path(sys.executable).parent
SOURCES = sorted(path for package in ("forecast", "service") for path in (ROOT / package).rglob("*.py"))

#: What several modules are held to together.
CONTRACTS = ("families", "openapi")


@pytest.mark.parametrize(
    "command",
    ["ruff check .", "ruff format --check .", "mypy", "lint-imports"],
)
def test_make_check_is_clean(command: str) -> None:
    program, *arguments = command.split()
    done = subprocess.run([BIN / program, *arguments], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_no_module_needs_a_table_of_contents() -> None:
    long = {str(path.relative_to(ROOT)): n for path in SOURCES if (n := len(path.read_text().splitlines())) > 400}
    assert not long


def test_no_function_is_longer_than_a_screen() -> None:
    long = {
        f"{path.relative_to(ROOT)}:{node.lineno} {node.name}": span
        for path in SOURCES
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.FunctionDef) and (span := (node.end_lineno or 0) - node.lineno + 1) > 60
    }
    assert not long


def test_every_module_says_what_it_is() -> None:
    silent = [
        str(path.relative_to(ROOT))
        for path in SOURCES
        if path.read_text().strip() and not ast.get_docstring(ast.parse(path.read_text()))
    ]
    assert not silent


def test_a_test_is_found_from_the_name_of_its_module() -> None:
    strays = []
    for path in sorted((ROOT / "tests").rglob("test_*.py")):
        folder = path.parent.relative_to(ROOT / "tests")
        if folder.parts[:1] in (("house",), ("system",)):
            continue
        code = ROOT / folder if folder.parts[:1] == ("service",) else ROOT / "forecast" / folder
        names = {code.name, *CONTRACTS, *(part.stem for part in code.rglob("*"))}
        words = path.stem.split("_")[1:]
        if not names & {"_".join(words[:end]) for end in range(1, len(words) + 1)}:
            strays.append(str(path.relative_to(ROOT)))
    assert not strays

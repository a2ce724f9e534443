"""The house itself: style, types, who may import whom, budgets of size, and where a test is found."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support import ROOT

BIN = Path(sys.executable).parent
SOURCES = sorted(path for package in ("forecast", "service") for path in (ROOT / package).rglob("*.py"))

#: Parameters that a function may have without being asked what of them belongs together.
MOST_PARAMETERS = 6
#: Lines that may say ``Any``, in the tests and benchmarks too: what is left stands at the border of a library.
MOST_ANY = 30

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


def test_no_function_takes_what_belongs_together_one_by_one() -> None:
    """A command is exempt: each of its options is a parameter."""
    long = {
        f"{path.relative_to(ROOT)}:{node.lineno} {node.name}": names
        for path in SOURCES
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.FunctionDef) and not (path.parent.name == "cli" and not node.name.startswith("_"))
        if len(names := _parameters(node)) > MOST_PARAMETERS
    }
    assert not long


def _parameters(function: ast.FunctionDef) -> list[str]:
    every = (*function.args.posonlyargs, *function.args.args, *function.args.kwonlyargs)
    return [each.arg for each in every if each.arg not in ("self", "cls")]


def test_no_two_public_classes_have_one_name() -> None:
    places = defaultdict(list)
    for path in SOURCES:
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
                places[node.name].append(str(path.relative_to(ROOT)))
    assert not {name: found for name, found in places.items() if len(found) > 1}


def test_a_public_constant_has_one_value_wherever_it_is_defined() -> None:
    values: dict[str, dict[str, str]] = defaultdict(dict)
    for path in SOURCES:
        for name, value in _constants(ast.parse(path.read_text())):
            values[name][str(path.relative_to(ROOT))] = value
    assert not {name: found for name, found in values.items() if len(set(found.values())) > 1}


def _constants(module: ast.Module) -> Iterator[tuple[str, str]]:
    """Names in capitals that a module defines for others, with the text of their values."""
    for node in module.body:
        if isinstance(node, ast.Assign | ast.AnnAssign) and node.value is not None:
            (target,) = node.targets if isinstance(node, ast.Assign) else (node.target,)
            pairs: list[tuple[ast.expr, ast.expr]] = [(target, node.value)]
            if isinstance(target, ast.Tuple) and isinstance(node.value, ast.Tuple):
                pairs = list(zip(target.elts, node.value.elts, strict=True))
            for name, value in pairs:
                if isinstance(name, ast.Name) and name.id.isupper() and not name.id.startswith("_"):
                    yield name.id, ast.unparse(value)


def test_few_types_are_left_open() -> None:
    packages = ("forecast", "service", "tests", "benchmarks")
    lines = [
        f"{path.relative_to(ROOT)}:{number}"
        for package in packages
        for path in sorted((ROOT / package).rglob("*.py"))
        for number, line in enumerate(path.read_text().splitlines(), start=1)
        if re.search(r"\bAny\b", line.partition("#")[0]) and "import" not in line
    ]
    assert len(lines) <= MOST_ANY, lines


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
        beside = folder.parts[:1] in (("service",), ("benchmarks",))
        code = ROOT / folder if beside else ROOT / "forecast" / folder
        names = {code.name, *CONTRACTS, *(part.stem for part in code.rglob("*"))}
        words = path.stem.split("_")[1:]
        if not names & {"_".join(words[:end]) for end in range(1, len(words) + 1)}:
            strays.append(str(path.relative_to(ROOT)))
    assert not strays

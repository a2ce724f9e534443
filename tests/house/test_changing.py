"""What docs/changing.md says of changes, made in a copy of the code: each is taken up by what guards it."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support import ROOT

PAGE = (ROOT / "docs" / "changing.md").read_text(encoding="utf-8")
CHANGES = dict(re.findall(r"^## (.+?)\n(.*?)(?=^## |\Z)", PAGE, re.MULTILINE | re.DOTALL))


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """The code and its tests, without the environment and what was trained."""
    for name in ("forecast", "service", "data", "docs", "tests", "pyproject.toml"):
        source = ROOT / name
        if source.is_dir():
            shutil.copytree(source, tmp_path / name, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(source, tmp_path / name)
    return tmp_path


def make(change: str, root: Path) -> None:
    """Make the change of a section: every block stands for one place of one file."""
    blocks = re.findall(r"```diff\n# (\S+)\n(.*?)```", CHANGES[change], re.DOTALL)
    assert blocks
    for file, block in blocks:
        lines = block.splitlines()
        old, new = ("".join(f"{line[1:]}\n" for line in lines if line[:1] in f" {sign}") for sign in "-+")
        path = root / file
        if not old:
            assert not path.exists()
            path.parent.mkdir(exist_ok=True)
            path.write_text(new, encoding="utf-8")
            continue
        text = path.read_text(encoding="utf-8")
        assert text.count(old) == 1, f"{file} does not have once:\n{old}"
        path.write_text(text.replace(old, new), encoding="utf-8")
    run(root, "-m", "ruff", "check", "forecast", "service")
    run(root, "-m", "ruff", "format", "--check", "forecast", "service")


def run(root: Path, *arguments: str) -> str:
    env = {**os.environ, "PYTHONPATH": str(root), "ORECAST_HOME": str(root / "home")}
    done = subprocess.run([sys.executable, *arguments], cwd=root, env=env, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    return done.stdout


def ask(root: Path, expression: str) -> str:
    """What an expression of ``client`` gives, in a home with a few trained series."""
    code = (
        "from pathlib import Path; import service, tempfile;"
        "from tests.support.trained_home import COPPER, clock, make_home;"
        "client = service.create_app(make_home(Path(tempfile.mkdtemp(dir='.'))), clock=clock).test_client();"
    )
    return run(root, "-c", f"{code}print({expression})")


def test_a_family_of_a_few_lines_is_held_to_the_contract(copy: Path) -> None:
    make("A family of models", copy)
    result = run(
        copy,
        "-m",
        "pytest",
        "-q",
        "-p",
        "no:cacheprovider",
        "tests/forecasters/test_families.py",
        "-k",
        "latest",
        "-rA",
    )
    assert "PASSED tests/forecasters/test_families.py::test_the_name_is_the_family[latest]" in result
    assert result.count("PASSED") >= 20


def test_a_shape_is_written_read_and_felt(copy: Path) -> None:
    make("A shape of the response to an event", copy)
    code = (
        "import numpy as np; from forecast.interventions import parse_shape, shape_word;"
        "shape = parse_shape('delayed-2'); print(shape_word(shape), shape.response(np.arange(-1.0, 4.0)).tolist())"
    )
    assert run(copy, "-c", code).strip() == "delayed-2 [0.0, 0.0, 0.0, 1.0, 1.0]"


def test_a_column_stands_in_every_csv(copy: Path) -> None:
    make("A column of an answer", copy)
    header, row, *_ = ask(copy, "client.get(f'/v1/forecasts/{COPPER}?h=1&format=csv').text").splitlines()
    assert header == "series_id,ds,h,nowcast,yhat,lo-80,hi-80,lo-95,hi-95,unit,freq,scenario,run"
    assert row.split(",")[9:12] == ["USD/t", "M", "baseline"]


def test_a_route_answers_and_is_described(copy: Path) -> None:
    make("A route", copy)
    names = [line.split(",")[0] for line in (ROOT / "data" / "minerals.csv").read_text().splitlines()[1:]]
    assert ask(copy, "client.get('/v1/minerals').json['data'][0]").strip() == f"{{'mineral': '{min(names)}'}}"
    assert ask(copy, "'list_minerals' in client.get('/openapi.json').text").strip() == "True"


def test_a_source_of_a_few_lines_is_fetched_listed_and_compared(copy: Path) -> None:
    make("A public source", copy)
    run(copy, "-m", "pytest", "-q", "-p", "no:cacheprovider", "tests/sources/test_samples.py")
    code = """
import os
from pathlib import Path
from forecast.cli import call
from tests.support.publishers import Answer, pages, published

sample = Path("data/sources/samples/mint/prices.json").read_bytes()
home = Path(os.environ["ORECAST_HOME"])
home.mkdir()
with published(pages({"prices.json": Answer(sample, "application/json")})) as publisher:
    (home / "sources.toml").write_text(f'[mint]\\naddress = "{publisher.url}"\\n')
    for words in ("fetch mint", "fetch mint", "fetch mint --check", "sources mint --format csv"):
        call(words.split())
"""
    told = run(copy, "-c", code).splitlines()
    assert told[:3] == ["mint: fetched (1 series, 1 added)", "mint: unchanged", "mint prices.json: as the sample"]
    assert told[4].startswith("mint,gold,price.gold,USD/troy oz,1")

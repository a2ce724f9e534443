"""A file with a question: what cannot be read is told with file, line and what would have been right, never a trace."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from forecast import cli
from forecast.answers.scenarios import Question
from forecast.errors import InvalidInput, Malformed

RIGHT = b"series: [price.copper]\nscenarios: []\nas_of: 2026-07-15\n"
NO_YAML = "YAML, one document"

WRONG: dict[str, tuple[bytes, str]] = {
    "no UTF-8": (RIGHT + b"# caf\xe9", "q.yaml:4: file = 'byte 0xe9': expected UTF-8 throughout"),
    "a day as a key": (RIGHT + b"2025-04-04: 1", "q.yaml: 2025-04-04: unknown key '2025-04-04'; use one of"),
    "a number as a key": (RIGHT + b"1: 2", "q.yaml:4: key = '1': expected text as a key"),
    "nothing as a key": (RIGHT + b"~: 2", "q.yaml:4: key = 'None': expected text as a key"),
    "yes as a key": (RIGHT + b"yes: 2", "q.yaml:4: key = 'True': expected text as a key"),
    "a list as a key": (RIGHT + b"? [a, b]\n: 2", "q.yaml:4: key = \"['a', 'b']\": expected text as a key"),
    "a mapping as a key": (RIGHT + b"? {a: b}\n: 2", "q.yaml:4: key = \"{'a': 'b'}\": expected text as a key"),
    "a key twice": (b"h: 1\n" + RIGHT + b"h: 2", "q.yaml:5: key = 'h': expected each key once"),
    "a key twice, deep": (b"scenarios:\n - name: a\n   name: b", "q.yaml:3: key = 'name': expected each key once"),
    "a merge": (RIGHT + b"<<: {h: 1}", "q.yaml: <<: unknown key '<<'; use one of series, scenarios"),
    "an alias": (b"series: &a [x]\nscenarios: *a", "q.yaml:2: text = '*a': expected the thing itself, not an alias"),
    "two documents": (RIGHT + b"---\n" + RIGHT, f"q.yaml:4: text = 'but found another document': expected {NO_YAML}"),
    "an open bracket": (b"a: [\nb", "q.yaml:2: text = \"expected ',' or ']', but got '<stream end>'\": expected"),
    "two colons": (b"a: b: c", f"q.yaml:1: text = 'mapping values are not allowed here': expected {NO_YAML}"),
    "a great depth": (b"".join(b" " * i + b"a:\n" for i in range(99)), "q.yaml:50: text = 'more than 50 levels'"),
    "a greater depth": (b"[" * 2_000, "q.yaml:1: text = 'more than 50 levels'"),
    "a key of elsewhere": (
        b"series: [x]\nscenarios: [{name: a, take: [{branch: b, date: 2027-01-01}]}]",
        "q.yaml: scenarios.0.take.0.date: unknown key 'date'; use 'starts'",
    ),
    "a key spelt wrong": (RIGHT + b"levels: [80]", "q.yaml: levels: unknown key 'levels'; use 'level'"),
    "a key within an effect": (
        b"series: [x]\nscenarios: [{name: a, add: [{event: b, effective: 2027-01-01, effect: {price: {percnt: 1}}}]}]",
        "q.yaml: scenarios.0.add.0.effect.price.percnt: unknown key 'percnt'; use 'percent'",
    ),
    "a key that is missing": (b"scenarios: []", "q.yaml: series: the key 'series' is missing; it has to be there"),
    "nothing": (b"", "q.yaml: file = None: expected an object"),
    "no number": (b"scenarios: [{name: a, probability: .nan}]", "scenarios.0.probability = 'nan': expected a finite"),
    "an endless number": (RIGHT + b"h: .inf", "q.yaml: h = 'inf': expected a valid integer"),
    "a number of 5,000 digits": (RIGHT + b"h: " + b"9" * 5000, "q.yaml:4: text = 'Exceeds the limit (4300 digits)"),
    "a month that is none": (RIGHT.replace(b"07", b"13"), "q.yaml: as_of = '2026-13-15': expected a day, YYYY-MM-DD"),
    "half a surrogate": (b'series: ["\\ud800"]\nscenarios: []', "expected JSON: unexpected end of hex escape, line 1"),
    "a control character": (b"a: \x01", "q.yaml: text = 'unacceptable character #x0001"),
    "a megabyte": (b"#" * 1_000_001, "q.yaml: file = 'over 1000000 bytes': expected at most 1000000"),
}  # fmt: skip
TAGS = [
    "!!set {a}",
    "!!binary aGk=",
    "!!timestamp 2025-04-04",
    "!!omap [a: 1]",
    "!!python/object/apply:os.system [ls]",
    "!own a",
]


@pytest.mark.parametrize("case", WRONG)
def test_a_file_that_is_no_question_is_one_line_a_fault(
    case: str, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    data, result = WRONG[case]
    monkeypatch.setenv("ORECAST_HOME", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    Path("q.yaml").write_bytes(data)
    with pytest.raises(InvalidInput) as caught:
        Question.read_file(Path("q.yaml"))
    assert any(result in str(fault) for fault in caught.value.faults), caught.value
    assert all(fault.file == "q.yaml" for fault in caught.value.faults)
    assert cli.call(["scenario", "q.yaml"]) == 2
    lines = capsys.readouterr().err.splitlines()
    assert lines == [f"orecast: {' '.join(str(fault).split())}" for fault in caught.value.faults]


@pytest.mark.parametrize("tag", TAGS)
def test_a_tag_is_refused_with_its_line(tag: str) -> None:
    with pytest.raises(Malformed, match="could not determine a constructor for the tag") as caught:
        Question.read_yaml(f"h: 1\nseries: {tag}\n")
    assert caught.value.faults[0].line == 2


def test_a_day_is_a_day_with_quotes_and_without(tmp_path: Path) -> None:
    bare, quoted = tmp_path / "bare.yaml", tmp_path / "quoted.yaml"
    bare.write_bytes(b"\xef\xbb\xbf" + RIGHT)
    quoted.write_bytes(RIGHT.replace(b"2026-07-15", b"'2026-07-15'"))
    assert Question.read_file(bare) == Question.read_file(quoted)
    assert Question.read_file(bare).as_of == date(2026, 7, 15)


def test_a_folder_and_a_file_that_is_not_there_are_one_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ORECAST_HOME", str(tmp_path))
    for path, why in ((tmp_path, "is a directory"), (tmp_path / "none.yaml", "does not exist")):
        assert cli.call(["scenario", str(path)]) == 2
        message = capsys.readouterr().err
        assert message.startswith("orecast: ")
        assert why in message
        assert message.count("\n") == 1


@given(st.binary(max_size=60) | st.text(st.sampled_from("{}[]:-,&*!?|>'\"%@` \n\t#.~a1é"), max_size=40).map(str.encode))
@example(b"?\n")
@example(b"[[]: 1]")
@example(b"- !!map {}")
def test_any_bytes_are_a_question_or_an_error_of_ours(tmp_path_factory: pytest.TempPathFactory, data: bytes) -> None:
    path = tmp_path_factory.getbasetemp() / "any.yaml"
    path.write_bytes(data)
    with pytest.raises(InvalidInput):
        Question.read_file(path)

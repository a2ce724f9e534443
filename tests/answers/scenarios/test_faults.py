"""What is wrong with a question is told in plain words, and a key that is not known with the one that was meant."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from forecast.answers.scenarios import Question
from forecast.errors import InvalidInput, Malformed

RATES = {"from": "2026-10-01", "rate": 10}
PLACES: dict[str, dict[str, object]] = {
    "question": {},
    "scenario": {"name": "a"},
    "add": {"event": "e", "effective": "2026-10-01"},
    "amend": {"event": "e"},
    "take": {"branch": "e"},
    "rates": RATES,
    "effect": {"percent": 1},
}


def asked(place: str, key: str) -> dict[str, object]:
    """A question with one key too many in a place."""
    part = PLACES[place] | {key: 1}
    if place == "question":
        return {"series": ["price.x"], "scenarios": []} | part
    if place in ("rates", "effect"):
        inner = {"rates": [part]} if place == "rates" else {"effect": {"price": part}}
        part = {"name": "a", "add": [PLACES["add"] | inner]}
    elif place != "scenario":
        part = {"name": "a", place: [part]}
    return {"series": ["price.x"], "scenarios": [part]}


@pytest.mark.parametrize(
    ("place", "key", "meant"),
    [
        ("add", "starts", "effective"),
        ("amend", "starts", "effective"),
        ("add", "begins", "effective"),
        ("take", "begins", "starts"),
        ("take", "date", "starts"),
        ("take", "effective", "starts"),
        ("take", "event", "branch"),
        ("amend", "branch", "event"),
        ("add", "date", "effective"),
        ("add", "end", "ended"),
        ("add", "mineral", "minerals"),
        ("add", "percnt", None),
        ("add", "Effective", "effective"),
        ("effect", "percnt", "percent"),
        ("effect", "value", "percent"),
        ("rates", "date", "from"),
        ("rates", "starts", "from"),
        ("rates", "prob", None),
        ("scenario", "date", None),
        ("scenario", "levels", None),
        ("scenario", "end", None),
        ("scenario", "prob", "probability"),
        ("scenario", "id", "name"),
        ("question", "levels", "level"),
        ("question", "horizon", "h"),
        ("question", "series_id", "series"),
        ("question", "date", "from"),
        ("question", "prob", None),
    ],
)
def test_an_unknown_key_is_told_with_the_one_that_was_meant_or_with_all(
    place: str, key: str, meant: str | None
) -> None:
    with pytest.raises(InvalidInput) as refused:
        Question.read(json.dumps(asked(place, key)))
    (fault,) = refused.value.faults
    assert fault.says == f"unknown key {key!r}"
    assert fault.expected.startswith(f"use {meant!r}" if meant else "use one of ")


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"series": []}, "expected at least one"),
        ({"series": "price.x"}, "expected a list"),
        ({"series": [1]}, "expected text"),
        ({"level": [80] * 11}, "expected at most 10"),
        ({"as_of": "2026-13-01"}, "expected a day, YYYY-MM-DD"),
        ({"as_of": 5}, "expected a day, YYYY-MM-DD"),
        ({"scenarios": [{"name": "a", "take": [{"branch": "b", "slips": [1]}]}]}, "expected at least 2"),
        ({"scenarios": [{"name": "a", "take": [{"branch": "b", "slips": [1, 2, 3]}]}]}, "expected at most 2"),
        ({"scenarios": [{"name": "a", "title": "x" * 301}]}, "expected at most 300 characters"),
        ({"scenarios": [{"name": "a", "take": [{"branch": "b", "effect": 1}]}]}, "expected an object"),
    ],
)
def test_what_would_have_been_right_is_in_plain_words(change: dict[str, object], says: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        Question.read(json.dumps({"series": ["price.x"], "scenarios": []} | change))
    assert str(refused.value).endswith(says)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "expected JSON: it ends too early, line 1 column 0"),
        ('{"series": [', "expected JSON: it ends too early, line 1 column 12"),
        ("{} x", "expected JSON: trailing characters, line 1 column 4"),
    ],
)
def test_what_is_no_json_says_where_it_goes_wrong(text: str, says: str) -> None:
    with pytest.raises(Malformed) as refused:
        Question.read(text)
    assert str(refused.value).endswith(says)


@pytest.mark.parametrize(
    ("text", "key"),
    [
        ('{"series": ["price.x"], "scenarios": [], "h": 3, "h": 12}', "h"),
        ('{"series": ["price.x"], "scenarios": [{"name": "a", "name": "b"}]}', "name"),
    ],
)
def test_a_key_that_is_given_twice_is_refused_as_json_and_as_yaml(tmp_path: Path, text: str, key: str) -> None:
    with pytest.raises(InvalidInput, match=f"key = '{key}': expected each key once"):
        Question.read(text)
    for name in ("q.json", "q.yaml"):
        (tmp_path / name).write_text(text)
        with pytest.raises(InvalidInput, match=rf"{name}.*key = '{key}': expected each key once"):
            Question.read_file(tmp_path / name)

"""JSON that somebody else may have written is read or refused, however deep it is."""

from __future__ import annotations

import pytest

from forecast.formats.json_text import DEEPEST, read_json


def test_what_json_says_is_read() -> None:
    assert read_json(b'{"a": [1, {"b": null}]}') == {"a": [1, {"b": None}]}
    assert read_json("[" * DEEPEST + "]" * DEEPEST)
    assert read_json("7") == 7


@pytest.mark.parametrize("text", ["", "{", "\ud800", b"\xff", "[1"])
def test_what_is_no_json_is_a_value_error(text: str | bytes) -> None:
    with pytest.raises(ValueError, match=r".+"):
        read_json(text)


@pytest.mark.parametrize("levels", [DEEPEST + 1, 900, 1_000_000])
@pytest.mark.parametrize(("opens", "closes"), [("[", "]"), ('{"a":[', "]}")])
def test_too_deep_is_a_value_error_too(levels: int, opens: str, closes: str) -> None:
    with pytest.raises(ValueError, match=f"more than {DEEPEST} deep"):
        read_json(opens * levels + "1" + closes * levels)

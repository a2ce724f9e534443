"""What a user's ``sources.toml`` may say, and what is told of what it may not."""

from __future__ import annotations

from pathlib import Path

import pytest

from forecast.errors import InvalidInput, NotFound
from forecast.settings import Settings
from forecast.sources.configuration import chosen, configured_sources

OWN = """[mine]
kind = "csv"
address = "https://example.org/prices.csv"
publisher = "Mine"
freq = "M"
date = "Date"
"""


def home(folder: Path, text: str, **more: str) -> Settings:
    (folder / "sources.toml").write_text(text)
    return Settings.from_env({"ORECAST_HOME": str(folder), **more})


def test_a_section_turns_a_source_off_or_leads_it_elsewhere(tmp_path: Path) -> None:
    settings = home(tmp_path, '[imf]\nenabled = false\n[usgs]\naddress = "http://127.0.0.1:9/"\n')
    found = configured_sources(settings)
    assert (found["imf"].enabled, found["usgs"].address) == (False, "http://127.0.0.1:9/")
    names = [source.name for source in chosen(settings)]
    assert "imf" not in names
    assert [source.name for source in chosen(settings, ("imf",))] == ["imf"], "by its name it is asked even so"


def test_a_source_whose_key_is_missing_is_asked_only_by_name(tmp_path: Path) -> None:
    assert "census" not in [source.name for source in chosen(home(tmp_path, ""))]
    with_key = home(tmp_path, "", ORECAST_CENSUS_KEY="s3cret")
    (census,) = [source for source in chosen(with_key) if source.name == "census"]
    assert census.key == "s3cret"
    assert "s3cret" not in repr(census)


def test_a_name_that_there_is_not_has_its_nearest(tmp_path: Path) -> None:
    with pytest.raises(NotFound, match="no source 'comtrad'; nearest: comtrade"):
        chosen(home(tmp_path, ""), ("comtrad",))


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("[imf", "TOML"),
        ("imf = 1", "imf = 1: expected a section: [imf]"),
        ("[imff]\naddress = 'http://x'", "section = 'imff': expected a known source; nearest: imf; or one with kind"),
        ("[imf]\nenabled = 1", "imf.enabled = 1: expected true or false"),
        ("[imf]\nadress = 'http://x'", "imf.adress = 'http://x': expected one of enabled, address"),
        ("[imf]\naddress = 'ftp://x'", "imf.address = 'ftp://x': expected an address"),
        ("[mine]\nkind = 'excel'", "mine.kind = 'excel': expected one of csv, fred"),
        (OWN, "mine.series = None: expected at least one [[mine.series]]"),
    ],
)
def test_what_is_wrong_is_told_by_section_and_field(tmp_path: Path, text: str, told: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        configured_sources(home(tmp_path, text))
    assert told in str(caught.value)
    assert "sources.toml" in str(caught.value)

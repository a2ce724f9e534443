"""An extract of Global Trade Alert: read by its columns under either name, and refused with line and cell."""

from __future__ import annotations

from pathlib import Path

import pytest
from openpyxl import Workbook

from forecast.errors import InvalidInput
from forecast.settings import data_dir
from forecast.sources.reading.extract import read_extract
from tests.support.notices import words

SAMPLE = data_dir() / "sources" / "samples" / "global-trade-alert" / "extract.csv"
HEADER = (
    "Intervention ID,State Act Title,GTA Evaluation,Implementing Jurisdictions,Intervention Type,Affected Products,"
    "Affected Jurisdictions,{announced},Implementation date,Removal date"
)


def written(path: Path, *rows: str, announced: str = "Announcement Date") -> Path:
    path.write_text("\n".join([HEADER.format(announced=announced), *rows]) + "\n", encoding="utf-8")
    return path


def test_an_extract_gives_what_the_api_gives() -> None:
    licence, duty = read_extract(SAMPLE, words())
    assert (licence.candidate_id, licence.event.kind, licence.event.minerals) == (
        "gta-900001",
        "licence",
        ("rare-earths", "ndfeb-magnets"),
    )
    assert (duty.event.actor, duty.event.targets) == ("USA", ("ZAF",))


def test_columns_may_have_the_names_of_other_extracts_and_stand_in_a_workbook(tmp_path: Path) -> None:
    book = Workbook()
    sheet = book.active
    assert sheet is not None
    sheet.append(["Global Trade Alert", None])
    sheet.append(HEADER.format(announced="Announcement Date").split(","))
    row = ["77", "India: export tax on iron ore", "Red", "India", "Export tax", "260111", "China", "2025-02-01", "", ""]
    sheet.append(row)
    book.save(tmp_path / "extract.xlsx")
    (one,) = read_extract(tmp_path / "extract.xlsx", words())
    assert (one.event.kind, one.event.minerals, one.event.flows) == ("tariff", ("iron-ore",), (("IND", "CHN"),))
    assert "from when it applies is not told" in one.doubts


def test_every_cell_that_cannot_be_read_is_told_with_its_line(tmp_path: Path) -> None:
    good = "7,Duty,Red,India,Import tariff,740311,China,2025-02-01,2025-02-02,"
    path = written(
        tmp_path / "x.csv", good, good.replace("7,Duty", "seven,Duty"), good.replace("2025-02-02", "2.2.2025")
    )
    with pytest.raises(InvalidInput) as refused:
        read_extract(path, words())
    assert [(fault.line, fault.where, fault.value) for fault in refused.value.faults] == [
        (3, "number", "seven"),
        (4, "implemented", "2.2.2025"),
    ]


def test_a_file_without_the_columns_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match="a column 'date announced'"):
        read_extract(written(tmp_path / "x.csv", announced="Day"), words())
    (tmp_path / "y.csv").write_text("a,b\n1,2\n")
    with pytest.raises(InvalidInput, match="a header with 'Intervention ID'"):
        read_extract(tmp_path / "y.csv", words())


def test_a_place_that_is_not_known_is_a_doubt(tmp_path: Path) -> None:
    path = written(tmp_path / "x.csv", '7,Duty,Red,India,Import tariff,740311,"China, Atlantis",2025-02-01,2025-02-02,')
    (one,) = read_extract(path, words())
    assert one.event.targets == ("CHN",)
    assert one.doubts == ("places that are not known: Atlantis",)


def test_a_text_may_have_an_encoding_that_is_named(tmp_path: Path) -> None:
    path = written(tmp_path / "x.csv", "7,Loi précitée,Red,India,Import tariff,740311,China,2025-02-01,2025-02-02,")
    path.write_bytes(path.read_text(encoding="utf-8").encode("cp1252"))
    with pytest.raises(InvalidInput, match="--encoding"):
        read_extract(path, words())
    (one,) = read_extract(path, words(), "cp1252")
    assert one.event.title == "Loi précitée"

"""The World Bank's page of commodity markets and its workbook, with any values."""

from __future__ import annotations

import io
import re
from collections.abc import Mapping
from datetime import date, timedelta

from openpyxl import load_workbook
from openpyxl.worksheet.worksheet import Worksheet

from forecast.sources.samples import samples_folder
from tests.support.publishers import NOT_FOUND, Answer, Request

SAMPLE = samples_folder() / "worldbank" / "CMO-Historical-Data-Monthly.xlsx"
_FILE = "doc/0050012026/related/CMO-Historical-Data-Monthly.xlsx"
_SHEET = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"


class Feed:
    """``values``: by the name of the column and the first day of the month; updated on the second after the last."""

    def __init__(self, values: Mapping[str, Mapping[date, float]]) -> None:
        self._values = values

    def __call__(self, request: Request) -> Answer:
        if request.path.endswith("commodity-markets"):
            return Answer(f'<!DOCTYPE html><html><a href="{_FILE}">Monthly prices</a></html>'.encode(), "text/html")
        return Answer(_workbook(self._values), _SHEET) if request.path.endswith(_FILE) else NOT_FOUND


def _workbook(values: Mapping[str, Mapping[date, float]]) -> bytes:
    book = load_workbook(SAMPLE)
    months = sorted({month for some in values.values() for month in some})
    for sheet in book.worksheets:
        first = next(row for row in range(1, sheet.max_row + 1) if _is_month(sheet.cell(row, 1).value))
        columns = _columns(sheet, first)
        sheet.delete_rows(first, sheet.max_row)
        sheet["A4"] = f"Updated on {_updated(months[-1]):%B %d, %Y}"
        for row, month in enumerate(months, start=first):
            sheet.cell(row, 1, f"{month:%Y}M{month:%m}")
            for name in values.keys() & columns:
                sheet.cell(row, columns[name], values[name].get(month, "…"))
    stream = io.BytesIO()
    book.save(stream)
    return stream.getvalue()


def _columns(sheet: Worksheet, first: int) -> dict[str, int]:
    """Where each column is, by its name without marks of footnotes."""
    found: dict[str, int] = {}
    for column in range(2, sheet.max_column + 1):
        labels = [str(value) for row in range(1, first) if (value := sheet.cell(row, column).value)]
        if labels:
            found[" ".join(labels[0].rstrip("* ").split())] = column
    return found


def _is_month(value: object) -> bool:
    return re.fullmatch(r"[0-9]{4}M[0-9]{2}", str(value)) is not None


def _updated(month: date) -> date:
    return (month + timedelta(days=31)).replace(day=2)

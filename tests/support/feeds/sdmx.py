"""Values in SDMX-CSV, as publishers answer a key whose codes are joined."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Mapping
from urllib.parse import unquote

Values = Mapping[str, Mapping[dt.date, float]]


def asked_for(path: str, values: Values, start_period: str) -> Iterator[tuple[str, dt.date, float]]:
    """What is asked for by the key at the end of a path, from the year ``start_period`` on."""
    wanted = [codes.split("+") for codes in unquote(path).rpartition("/")[2].split(".")]
    for key, periods in values.items():
        codes = key.split(".")
        if len(codes) == len(wanted) and all(code in some for code, some in zip(codes, wanted, strict=True)):
            for ds, value in sorted(periods.items()):
                if ds.year >= int(start_period or 0):
                    yield key, ds, value

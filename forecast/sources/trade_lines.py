"""Lines of the trade statistics of a country: what a key says, and the sums of codes that it stands for.

A key is ``flow/codes/partner/measure``: ``import/2605+2822+8105/*/gbp`` is the value of imports of three headings from
everywhere, ``import/850511/CN/kg`` the weight of magnets from China. Offices tell a month only where there was trade:
a month that is published, and in which a line has no row, is a month without trade. That is so from the first row of a
line in an answer on: before, its codes may not have been there yet.
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Collection, Iterable
from dataclasses import dataclass

from forecast.errors import Fault, InvalidInput, one_of

#: The partner of a line that is of all of them together.
EVERYWHERE = "*"
#: For how long after the start that was asked for it is believed that there is no row of any line.
EMPTY_FOR = dt.timedelta(days=184)
_FLOWS = ("import", "export")
_CODES = re.compile(r"[0-9]{2}(?:[0-9]{2}){0,3}(?:\+[0-9]{2}(?:[0-9]{2}){0,3})*")
_PARTNER = re.compile(r"\*|[A-Z]{2}|[0-9]{3}")


@dataclass(frozen=True)
class TradeLine:
    """What a ``key`` says; ``codes``: of the harmonised system or its national lines, of an even number of digits."""

    key: str
    flow: str
    codes: tuple[str, ...]
    partner: str
    measure: str

    def holds(self, code: str) -> bool:
        """Whether a national line is one of those that are summed."""
        return code.startswith(self.codes)


def trade_lines(keys: Collection[str], measures: Collection[str]) -> list[TradeLine]:
    """The lines of keys. Raises ``InvalidInput`` for those that are none."""
    lines, faults = [], []
    for key in keys:
        flow, codes, partner, measure = [*key.split("/"), "", "", "", ""][:4]
        if flow in _FLOWS and _CODES.fullmatch(codes) and _PARTNER.fullmatch(partner) and measure in measures:
            lines.append(TradeLine(key, flow, tuple(codes.split("+")), partner, measure))
        else:
            expected = f"flow/codes/partner/measure as in import/2846+280530/*/kg; measure {one_of(sorted(measures))}"
            faults.append(Fault("key", key, expected))
    if faults:
        raise InvalidInput(faults)
    return lines


def outermost(codes: Iterable[str]) -> list[str]:
    """Codes without those that are within another of them, in their order."""
    every = sorted(set(codes))
    return [code for code in every if not any(code != other and code.startswith(other) for other in every)]


def first_of_month(year: int, month: int) -> dt.date | None:
    """The first day of a month; None for what is no month."""
    try:
        return dt.date(year, month, 1)
    except ValueError:
        return None

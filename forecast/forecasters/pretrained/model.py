"""What every pretrained (zero-shot) model looks like to the family that uses it, and where it comes from."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from forecast.timeseries.series import Floats

#: The levels that all of these models were trained on.
DECILES = (0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9)


@dataclass(frozen=True)
class Provenance:
    """Where a model comes from: ``trained_on`` names the data that it has seen, first published by ``known_to``: only
    forecasts from later periods are of what it hardly saw, and only those after the model itself of what it never
    did."""

    name: str
    licence: str
    trained_on: str
    known_to: dt.date

    def describe(self) -> str:
        """One sentence for a card."""
        return (
            f"pretrained model {self.name} ({self.licence}), trained on {self.trained_on}, first published by "
            f"{self.known_to:%Y-%m}: tests on periods before that may flatter it"
        )


class ZeroShotModel(Protocol):
    """A pretrained model: quantiles of what follows a context, without a fit."""

    @property
    def provenance(self) -> Provenance:
        """Where it comes from."""

    @property
    def context(self) -> int:
        """The latest values of a series that it sees, at most."""

    def quantiles(self, contexts: Sequence[Floats], horizon: int) -> Floats:
        """(N, horizon, 9) quantiles at ``DECILES`` of what follows each context, oldest value first, NaN where missing.

        All contexts in one pass; the first value of a context is known. Same contexts, same digits.
        """

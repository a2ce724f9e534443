"""What the family of a run forecast from past periods when it was tested, and what came."""

from __future__ import annotations

import io
import zipfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from forecast.errors import CorruptArtifact
from forecast.registry.card import Card
from forecast.timeseries.frequency import Days
from forecast.timeseries.series import Floats

#: The file of a run that holds them.
PAST_FORECASTS = "backtest.npz"


@dataclass(frozen=True, eq=False)
class PastForecasts:
    """Forecasts from O past periods, H ahead, in the series' unit.

    ``cutoffs`` (O,): start of the last period seen; ``quantiles`` (O, H, 15) at ``metrics.QUANTILE_LEVELS``; ``actual``
    (O, H): what came, NaN where nothing was published or the figure is not one to be judged by.
    """

    cutoffs: Days
    quantiles: Floats
    actual: Floats

    def to_bytes(self) -> bytes:
        """What stands in their file."""
        data = io.BytesIO()
        np.savez(data, cutoffs=self.cutoffs, quantiles=self.quantiles, actual=self.actual)
        return data.getvalue()


def load_past(folder: Path, card: Card) -> PastForecasts | None:
    """The past forecasts of a run in its folder; None where it was not tested, or trained before they were kept.

    Raises ``CorruptArtifact``.
    """
    if PAST_FORECASTS not in card.payloads:
        return None
    try:
        with np.load(folder / PAST_FORECASTS, allow_pickle=False) as arrays:
            return PastForecasts(arrays["cutoffs"], arrays["quantiles"], arrays["actual"])
    except (OSError, KeyError, ValueError, zipfile.BadZipFile) as error:
        raise CorruptArtifact(f"{folder.parent.name}/{folder.name}/{PAST_FORECASTS}", "it cannot be read") from error

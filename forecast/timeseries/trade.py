"""Trade or none in the draws of a forecast: a draw without trade is exactly 0.

A draw holds two answers for each period: whether there is trade as things are, and whether there would be if the
measures that hold trade back at the last observation were gone. Effects say which of the two counts.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Bools = npt.NDArray[np.bool_]
Codes = npt.NDArray[np.uint8]

#: A mean effect on the log below this holds trade back.
STOPPING_LOG_EFFECT = -0.1


def codes(now: Bools, freed: Bools) -> Codes:
    """Both answers in one array of the same shape: 1 for trade as things are, 2 for trade without the measures."""
    return np.asarray(now + 2 * freed.astype(np.uint8), dtype=np.uint8)


def has_trade(code: Codes, held: float, added: npt.NDArray[np.floating]) -> Bools:
    """Whether each draw has trade in a world whose events add ``added`` to its log; one shape for all three.

    ``held``: the mean effect at the last observation, on the log. Where events hold back trade and a world takes away
    at least half of that, what counts is trade without them.
    """
    now = (code & 1).astype(bool)
    if held >= STOPPING_LOG_EFFECT:
        return now
    return np.where(added > held / 2, code >= 2, now)

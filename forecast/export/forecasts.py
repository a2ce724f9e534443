"""Names of intervals, for ``export.effects``."""

from __future__ import annotations

from collections.abc import Sequence


def interval_names(levels: Sequence[int]) -> list[str]:
    """``lo-80, hi-80, lo-95, hi-95``: the columns of the intervals, in the order of the levels."""
    return [f"{side}-{level}" for level in levels for side in ("lo", "hi")]

"""The day that a question is about: what was known at the end of it counts."""

from __future__ import annotations

import datetime as dt

from forecast.errors import Fault, InvalidInput


def day_asked(as_of: dt.date | None, today: dt.date) -> dt.date:
    """The day that was asked for, else ``today``; both UTC. Raises ``InvalidInput`` for one that is still to come."""
    if as_of is not None and as_of > today:
        raise InvalidInput(Fault("as_of", str(as_of), f"a day not after {today}"))
    return as_of or today

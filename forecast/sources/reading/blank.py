"""An event of which nothing is known, to be filled with what a notice says."""

from __future__ import annotations

from forecast.events import Event

BLANK = Event(
    event_id="",
    title="",
    kind="",
    actor="",
    targets=(),
    announced=None,
    effective=None,
    ended=None,
    end_known=None,
    date_precision="day",
    status="",
    status_as_of=None,
    status_note="",
    instrument="",
    value_before=None,
    value_after=None,
    value_unit="",
    value_text="",
    intensity="",
    minerals=(),
    scope_note="",
    flows=(),
    price_world="",
    price_local="",
    local_market="",
    volume="",
    mechanism="",
    acts=(),
    certainty="partly",  # a machine read it
    sources=(),
    needs_recheck=False,
)

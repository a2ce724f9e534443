"""A run answers from the day on which all that it was trained on was known."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest

from forecast.answers.champion import serving
from forecast.errors import InvalidInput
from forecast.registry import Payload, Registry
from tests.support.small_world import FLOW, a_run

TODAY = date(2030, 8, 1)


@pytest.mark.parametrize(
    ("lag", "events_known_to", "first"),
    [
        (20, "2030-07-01", date(2030, 7, 20)),
        (0, "2030-07-01", date(2030, 7, 1)),
        (0, "2030-06-15", date(2030, 6, 30)),
        (20, "2030-07-25", date(2030, 7, 25)),
    ],
)
def test_it_is_the_release_of_the_last_value_or_the_last_fact_about_events(
    tmp_path: Path, lag: int, events_known_to: str, first: date
) -> None:
    """The last value is that of June 2030, published so many days after its last day."""
    series, registry, run = replace(FLOW, release_lag_days=lag), Registry(tmp_path), a_run()
    card = replace(run.card, series=series, events_known_to=date.fromisoformat(events_known_to), as_of=TODAY)
    registry.save(FLOW.series_id, "a", card, Payload(run.draws, run.record, {}))
    registry.promote(FLOW.series_id, "a")
    assert serving(series, registry, first).run_id == "a"
    with pytest.raises(InvalidInput) as refused:
        serving(series, registry, date.fromordinal(first.toordinal() - 1))
    (fault,) = refused.value.faults
    assert (fault.where, fault.expected) == (
        "as_of",
        f"{first} or later: so late is what run a of {FLOW.series_id} knows",
    )

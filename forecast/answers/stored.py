"""What is wrong with what is kept beside the catalogue: the runs, what events of a kind do, the groups by partner."""

from __future__ import annotations

from collections.abc import Collection

from forecast.answers import diversion, event_priors
from forecast.registry import Registry
from forecast.registry.faults import FaultKind, StoredFault


def stored_faults(registry: Registry, retired: Collection[str], *, thorough: bool = False) -> tuple[StoredFault, ...]:
    """In sentences that name files below the folder of all runs; none of series that were ``retired``.

    ``thorough``: of every run, not only of champions, and each byte is read now.
    """
    of_series = [one for one in registry.faults(thorough=thorough) if one.partition(": ")[0] not in retired]
    of_classes = event_priors.fault(registry, retired, thorough=thorough)
    return (
        *of_series,
        *([StoredFault(FaultKind.EVENT_CLASSES, of_classes)] if of_classes else ()),
        *(StoredFault(FaultKind.DIVERSION, fault) for fault in diversion.faults(registry)),
    )

"""The catalogue: series, observations in vintages, events. The only part that knows the database and ``data/``."""

from forecast.catalog.store import Catalog, Counts
from forecast.records import Observation

__all__ = ["Catalog", "Counts", "Observation"]

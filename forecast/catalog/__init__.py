"""The catalogue: series, observations in vintages, events. The only part that knows the database and ``data/``."""

from forecast.catalog.csv_records import Observation
from forecast.catalog.store import Catalog
from forecast.catalog.writer import Counts

__all__ = ["Catalog", "Counts", "Observation"]

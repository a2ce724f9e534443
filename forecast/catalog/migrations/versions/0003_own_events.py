"""What the smallest amount is that a series reports, and which events are none of the bundled data."""

import csv

import sqlalchemy as sa
from alembic import op

from forecast.settings import data_dir

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    op.add_column("series", sa.Column("resolution", sa.Float))
    op.add_column("events", sa.Column("own", sa.Boolean, nullable=False, server_default=sa.false()))
    # Who took in which event was not recorded: what the bundled data do not hold is somebody's own.
    with (data_dir() / "events.csv").open(encoding="utf-8", newline="") as file:
        bundled = [row["event_id"] for row in csv.DictReader(file)]
    events = sa.table("events", sa.column("event_id", sa.String), sa.column("own", sa.Boolean))
    op.execute(events.update().where(events.c.event_id.not_in(bundled)).values(own=True))


def downgrade() -> None:
    op.drop_column("events", "own")
    op.drop_column("series", "resolution")

"""What users changed of events and since when that is known; who gave a probability, and of which day it is."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    op.add_column("events", sa.Column("probability_source", sa.Text, nullable=False, server_default=""))
    op.add_column("events", sa.Column("probability_date", sa.Date))
    op.create_table(
        "event_changes",
        sa.Column("event_id", sa.String(100)),
        sa.Column("recorded", sa.DateTime),
        sa.Column("known", sa.DateTime, nullable=False),
        sa.Column("action", sa.Text, nullable=False),
        sa.Column("recorded_by", sa.Text, nullable=False),
        sa.Column("why", sa.Text, nullable=False),
        sa.Column("facts", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("event_id", "recorded", name="pk_event_changes"),
        sa.ForeignKeyConstraint(["event_id"], ["events.event_id"], name="fk_event_changes_event_id"),
    )


def downgrade() -> None:
    op.drop_table("event_changes")
    op.drop_column("events", "probability_date")
    op.drop_column("events", "probability_source")

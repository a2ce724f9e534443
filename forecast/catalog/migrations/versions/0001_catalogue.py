"""Series, minerals, observations in vintages, events."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None

_EVENT_TEXTS = (
    *("title", "kind", "actor", "targets", "date_precision", "status", "status_note", "instrument", "value_unit"),
    *("value_text", "intensity", "minerals", "scope_note", "flows", "price_world", "price_local", "local_market"),
    *("volume", "mechanism", "acts", "certainty", "sources"),
)
_SERIES_TEXTS = (
    *("mineral", "measure", "role", "flow", "reporter", "partner", "unit", "freq"),
    *("publisher", "source_url", "licence", "notes", "spot", "parent"),
)


def _texts(names: tuple[str, ...]) -> list[sa.Column[str]]:
    return [sa.Column(name, sa.Text, nullable=False) for name in names]


def upgrade() -> None:
    op.create_table(
        "changes",
        sa.Column("id", sa.Integer, autoincrement=False),
        sa.Column("number", sa.Integer, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_changes"),
        sa.CheckConstraint("id = 1", name="one_row"),
    )
    op.create_table(
        "snapshots",
        sa.Column("digest", sa.String(64)),
        sa.Column("read_at", sa.DateTime, nullable=False),
        sa.PrimaryKeyConstraint("digest", name="pk_snapshots"),
    )
    op.create_table(
        "series",
        sa.Column("series_id", sa.String(100)),
        *_texts(_SERIES_TEXTS),
        sa.Column("release_lag_days", sa.Integer, nullable=False),
        sa.PrimaryKeyConstraint("series_id", name="pk_series"),
    )
    op.create_table(
        "minerals",
        sa.Column("mineral", sa.String(100)),
        sa.Column("parent", sa.String(100)),
        sa.Column("kind", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("mineral", "parent", name="pk_minerals"),
    )
    op.create_table(
        "observations",
        sa.Column("series_id", sa.String(100)),
        sa.Column("ds", sa.Date),
        sa.Column("known", sa.DateTime),
        sa.Column("value", sa.Float, nullable=False),
        sa.Column("flag", sa.Text, nullable=False),
        sa.Column("assumed", sa.Boolean, nullable=False),
        sa.PrimaryKeyConstraint("series_id", "ds", "known", name="pk_observations"),
        sa.ForeignKeyConstraint(["series_id"], ["series.series_id"], name="fk_observations_series_id"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "events",
        sa.Column("event_id", sa.String(100)),
        *_texts(_EVENT_TEXTS),
        *(sa.Column(name, sa.Date) for name in ("announced", "effective", "ended", "end_known", "status_as_of")),
        *(sa.Column(name, sa.Float) for name in ("value_before", "value_after", "probability")),
        sa.Column("needs_recheck", sa.Boolean, nullable=False),
        sa.PrimaryKeyConstraint("event_id", name="pk_events"),
    )
    op.execute("INSERT INTO changes (id, number) VALUES (1, 0)")


def downgrade() -> None:
    for table in ("events", "observations", "minerals", "series", "snapshots", "changes"):
        op.drop_table(table)

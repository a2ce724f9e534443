"""Series that were retired, and values that were withdrawn; nothing that is kept changes."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    op.create_table(
        "retirements",
        sa.Column("series_id", sa.String(100)),
        sa.Column("moment", sa.DateTime),
        sa.Column("retired", sa.Boolean, nullable=False),
        sa.PrimaryKeyConstraint("series_id", "moment", name="pk_retirements"),
        sa.ForeignKeyConstraint(["series_id"], ["series.series_id"], name="fk_retirements_series_id"),
    )
    op.create_table(
        "withdrawals",
        sa.Column("series_id", sa.String(100)),
        sa.Column("ds", sa.Date),
        sa.Column("known", sa.DateTime),
        sa.PrimaryKeyConstraint("series_id", "ds", "known", name="pk_withdrawals"),
        sa.ForeignKeyConstraint(["series_id"], ["series.series_id"], name="fk_withdrawals_series_id"),
        sqlite_with_rowid=False,
    )


def downgrade() -> None:
    for table in ("withdrawals", "retirements"):
        op.drop_table(table)

"""Values that were delivered and do not count, and what became of them; nothing that is kept changes."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    op.create_table(
        "held_values",
        sa.Column("number", sa.Integer),
        sa.Column("series_id", sa.String(100), nullable=False),
        sa.Column("ds", sa.Date, nullable=False),
        sa.Column("known", sa.DateTime, nullable=False),
        sa.Column("value", sa.Float, nullable=False),
        sa.Column("flag", sa.Text, nullable=False),
        sa.Column("assumed", sa.Boolean, nullable=False),
        *(sa.Column(name, sa.Text, nullable=False) for name in ("unit", "source", "reason", "why")),
        sa.Column("since", sa.DateTime, nullable=False),
        sa.Column("outcome", sa.Text),
        sa.Column("settled", sa.DateTime),
        sa.Column("by", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("number", name="pk_held_values"),
        sa.ForeignKeyConstraint(["series_id"], ["series.series_id"], name="fk_held_values_series_id"),
    )


def downgrade() -> None:
    op.drop_table("held_values")

"""How each job of the worker ended last."""

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"


def upgrade() -> None:
    op.create_table(
        "job_ends",
        sa.Column("job", sa.String(100)),
        sa.Column("ended", sa.DateTime, nullable=False),
        sa.Column("succeeded", sa.DateTime),
        sa.Column("failed", sa.Integer, nullable=False),
        sa.Column("fault", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("job", name="pk_job_ends"),
    )


def downgrade() -> None:
    op.drop_table("job_ends")

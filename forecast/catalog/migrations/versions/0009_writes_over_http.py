"""Requests that must not be carried out twice, work asked of the worker, and the workers there are."""

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"


def upgrade() -> None:
    op.create_table(
        "idempotency",
        sa.Column("caller", sa.String(100)),
        sa.Column("key", sa.String(255)),
        sa.Column("digest", sa.String(64), nullable=False),
        sa.Column("token", sa.String(32), nullable=False),
        sa.Column("since", sa.DateTime, nullable=False),
        sa.Column("before", sa.Text, nullable=False),
        sa.Column("status", sa.Integer),
        sa.Column("headers", sa.Text),
        sa.Column("body", sa.Text),
        sa.PrimaryKeyConstraint("caller", "key", name="pk_idempotency"),
    )
    op.create_table(
        "job_requests",
        sa.Column("job_id", sa.String(32)),
        *(sa.Column(name, sa.Text, nullable=False) for name in ("job", "names", "state", "requested_by")),
        sa.Column("requested", sa.DateTime, nullable=False),
        sa.Column("asked", sa.Integer, nullable=False),
        sa.Column("started", sa.DateTime),
        sa.Column("ended", sa.DateTime),
        sa.Column("total", sa.Integer, nullable=False),
        sa.Column("done", sa.Integer, nullable=False),
        *(sa.Column(name, sa.Text, nullable=False) for name in ("outcomes", "failed", "why")),
        sa.PrimaryKeyConstraint("job_id", name="pk_job_requests"),
    )
    op.create_table(
        "workers",
        sa.Column("host", sa.String(255)),
        sa.Column("seen", sa.DateTime, nullable=False),
        sa.PrimaryKeyConstraint("host", name="pk_workers"),
    )


def downgrade() -> None:
    op.drop_table("workers")
    op.drop_table("job_requests")
    op.drop_table("idempotency")

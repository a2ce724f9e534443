"""Keys of those who may ask over HTTP, and the audit of every change."""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"


def upgrade() -> None:
    op.create_table(
        "api_keys",
        sa.Column("key_id", sa.String(20)),
        *(sa.Column(name, sa.Text, nullable=False) for name in ("name", "scopes", "rate", "digest")),
        sa.Column("created", sa.DateTime, nullable=False),
        sa.Column("created_by", sa.Text, nullable=False),
        sa.Column("expires", sa.DateTime),
        sa.Column("revoked", sa.DateTime),
        sa.Column("revoked_by", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("key_id", name="pk_api_keys"),
    )
    op.create_table(
        "audit",
        sa.Column("number", sa.Integer),
        sa.Column("moment", sa.DateTime, nullable=False),
        *(sa.Column(name, sa.Text, nullable=False) for name in ("by", "action", "subject", "before", "after", "why")),
        sa.PrimaryKeyConstraint("number", name="pk_audit"),
    )


def downgrade() -> None:
    op.drop_table("audit")
    op.drop_table("api_keys")

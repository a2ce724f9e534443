"""How public sources did when they were last asked, and what tells whether their answers changed."""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    op.create_table(
        "fetches",
        sa.Column("source", sa.String(100)),
        sa.Column("tried", sa.DateTime, nullable=False),
        sa.Column("succeeded", sa.DateTime),
        sa.Column("fault", sa.Text, nullable=False),
        sa.Column("fault_since", sa.DateTime),
        sa.Column("counts", sa.Text, nullable=False),
        sa.Column("asked", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("source", name="pk_fetches"),
    )
    op.create_table(
        "fetched_pages",
        sa.Column("source", sa.String(100)),
        sa.Column("place", sa.String(64)),
        *(sa.Column(name, sa.Text, nullable=False) for name in ("etag", "modified", "digest")),
        sa.PrimaryKeyConstraint("source", "place", name="pk_fetched_pages"),
    )


def downgrade() -> None:
    op.drop_table("fetched_pages")
    op.drop_table("fetches")

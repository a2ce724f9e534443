"""What official notices suggest as events, and what became of it."""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"

_TEXTS = ("title", "reference", "corrects", "doubts", "cites", "facts", "event_id", "by", "why")


def upgrade() -> None:
    op.create_table(
        "candidates",
        sa.Column("source", sa.String(100)),
        sa.Column("document", sa.String(100)),
        sa.Column("candidate_id", sa.String(100), nullable=False),
        sa.Column("published", sa.Date, nullable=False),
        *(sa.Column(name, sa.Text, nullable=False) for name in _TEXTS),
        sa.Column("since", sa.DateTime, nullable=False),
        sa.Column("outcome", sa.Text),
        sa.Column("settled", sa.DateTime),
        sa.PrimaryKeyConstraint("source", "document", name="pk_candidates"),
    )


def downgrade() -> None:
    op.drop_table("candidates")

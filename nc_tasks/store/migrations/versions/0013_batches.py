"""Which submissions were handed in together."""

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "batch",
        sa.Column("id", sa.String(12), nullable=False),
        sa.Column("submission_id", sa.String(12), nullable=False),
        sa.Column("owner", sa.String(64), nullable=False),
        sa.Column("created_at", sa.DateTime(), nullable=False),
        sa.PrimaryKeyConstraint("id", "submission_id", name="pk_batch"),
        sa.ForeignKeyConstraint(["submission_id"], ["submission.id"], name="fk_batch_submission_id_submission"),
    )
    op.create_index("ix_batch_submission_id", "batch", ["submission_id"])


def downgrade() -> None:
    op.drop_table("batch")

"""The net that was scanned, as a file that is handed out; what was prepared before has none."""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.batch_alter_table("submission") as table:
        table.add_column(sa.Column("scanned_sha256", sa.String(64)))
        table.create_index(op.f("ix_submission_scanned_sha256"), ["scanned_sha256"])


def downgrade() -> None:
    with op.batch_alter_table("submission") as table:
        table.drop_index(op.f("ix_submission_scanned_sha256"))
        table.drop_column("scanned_sha256")

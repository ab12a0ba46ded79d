"""What of a label's evidence can be drawn, as a file; labels of before have none."""

import sqlalchemy as sa
from alembic import op

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.batch_alter_table("label") as table:
        table.add_column(sa.Column("evidence_sha256", sa.String(64)))


def downgrade() -> None:
    with op.batch_alter_table("label") as table:
        table.drop_column("evidence_sha256")

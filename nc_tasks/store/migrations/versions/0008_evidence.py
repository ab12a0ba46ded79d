"""What the numbers of a label's optimisation bear out; of labels that ended before, nobody knows."""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.batch_alter_table("label") as table:
        table.add_column(sa.Column("evidence", sa.JSON()))


def downgrade() -> None:
    with op.batch_alter_table("label") as table:
        table.drop_column("evidence")

"""The canonical form of a repaired net, kept with its file; what was repaired before has none."""

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.batch_alter_table("mitigation") as table:
        table.add_column(sa.Column("canonical_sha256", sa.String(64)))


def downgrade() -> None:
    with op.batch_alter_table("mitigation") as table:
        table.drop_column("canonical_sha256")

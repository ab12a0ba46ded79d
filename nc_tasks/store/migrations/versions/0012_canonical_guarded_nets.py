"""The canonical form of a guarded net, kept with its file; what was guarded before has none."""

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.batch_alter_table("mitigation") as table:
        table.add_column(sa.Column("guarded_canonical_sha256", sa.String(64)))


def downgrade() -> None:
    with op.batch_alter_table("mitigation") as table:
        table.drop_column("guarded_canonical_sha256")

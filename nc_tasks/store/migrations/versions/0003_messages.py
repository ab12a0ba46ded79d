"""Which message was sent when and to which broker; labels that are tried alone; a preparation for every submission."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

LEASED = ("preparation", "label", "mitigation", "job")


def upgrade() -> None:
    for name in LEASED:
        with op.batch_alter_table(name) as table:
            table.add_column(sa.Column("published_at", sa.DateTime()))
            table.add_column(sa.Column("epoch", sa.String(32)))
            if name == "label":
                table.add_column(sa.Column("alone", sa.Boolean(), nullable=False, server_default=sa.false()))
    with op.batch_alter_table("submission") as table:
        table.add_column(sa.Column("nudged_at", sa.DateTime()))
    op.execute(
        "INSERT INTO preparation (submission_id, state, attempt, attempt_base) "
        "SELECT id, 'queued', 0, 0 FROM submission WHERE state IN ('queued', 'preparing') "
        "AND id NOT IN (SELECT submission_id FROM preparation)"
    )


def downgrade() -> None:
    with op.batch_alter_table("submission") as table:
        table.drop_column("nudged_at")
    for name in LEASED:
        with op.batch_alter_table(name) as table:
            table.drop_column("published_at")
            table.drop_column("epoch")
            if name == "label":
                table.drop_column("alone")

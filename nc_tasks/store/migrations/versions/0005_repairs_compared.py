"""Repairs that are compared: fresh triggers, how each does against all, which is kept; jobs that evaluate a net."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.batch_alter_table("mitigation") as table:
        table.add_column(sa.Column("triggers_sha256", sa.String(64)))
        table.add_column(sa.Column("comparison", sa.JSON()))
        table.add_column(sa.Column("kept", sa.Boolean(), nullable=False, server_default=sa.false()))
    # Until now there was one method, and what it made was handed out.
    op.execute("UPDATE mitigation SET kept = TRUE WHERE state = 'done'")
    _allow_jobs("'classify', 'evaluate', 'plant'")


def downgrade() -> None:
    op.execute("DELETE FROM job WHERE kind = 'evaluate'")
    _allow_jobs("'classify', 'plant'")
    with op.batch_alter_table("mitigation") as table:
        for name in ("triggers_sha256", "comparison", "kept"):
            table.drop_column(name)


def _allow_jobs(kinds: str) -> None:
    with op.batch_alter_table("job") as table:
        table.drop_constraint(op.f("ck_job_kind"), type_="check")
        table.create_check_constraint(op.f("ck_job_kind"), f"kind IN ({kinds})")

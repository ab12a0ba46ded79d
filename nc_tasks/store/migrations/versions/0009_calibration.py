"""Clean scans that verdicts are calibrated by: named baselines, and which submission is held against which scan."""

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "baseline",
        sa.Column("owner", sa.String(64), nullable=False),
        sa.Column("name", sa.String(63), nullable=False),
        sa.Column("submission_id", sa.String(12), nullable=False),
        sa.Column("created_at", sa.DateTime(), nullable=False),
        sa.PrimaryKeyConstraint("owner", "name", "submission_id", name="pk_baseline"),
        sa.ForeignKeyConstraint(["submission_id"], ["submission.id"], name="fk_baseline_submission_id_submission"),
    )
    op.create_index("ix_baseline_submission_id", "baseline", ["submission_id"])
    op.create_table(
        "calibration_scan",
        sa.Column("submission_id", sa.String(12), nullable=False),
        sa.Column("scan_id", sa.String(12), nullable=False),
        sa.Column("source", sa.String(16), nullable=False),
        sa.PrimaryKeyConstraint("submission_id", "scan_id", name="pk_calibration_scan"),
        sa.ForeignKeyConstraint(
            ["submission_id"], ["submission.id"], name="fk_calibration_scan_submission_id_submission"
        ),
        sa.ForeignKeyConstraint(["scan_id"], ["submission.id"], name="fk_calibration_scan_scan_id_submission"),
        sa.CheckConstraint("source IN ('baseline', 'twins')", name=op.f("ck_calibration_scan_source")),
    )
    op.create_index("ix_calibration_scan_scan_id", "calibration_scan", ["scan_id"])


def downgrade() -> None:
    for name in ("calibration_scan", "baseline"):
        op.drop_table(name)

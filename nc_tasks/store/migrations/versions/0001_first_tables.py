"""The first tables: submission, label, detection, mitigation, worker, job."""

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "submission",
        sa.Column("id", sa.String(12), nullable=False),
        sa.Column("key", sa.String(64), nullable=False),
        sa.Column("generation", sa.Integer(), nullable=False),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("model_sha256", sa.String(64), nullable=False),
        sa.Column("model_name", sa.String(255), nullable=False),
        sa.Column("data_sha256", sa.String(64), nullable=False),
        sa.Column("data_name", sa.String(255), nullable=False),
        sa.Column("poisoned", sa.JSON(), nullable=False),
        sa.Column("options", sa.JSON(), nullable=False),
        sa.Column("canonical_sha256", sa.String(64)),
        sa.Column("clean_data_sha256", sa.String(64)),
        sa.Column("classes", sa.Integer()),
        sa.Column("input_shape", sa.JSON()),
        sa.Column("parameters", sa.BigInteger()),
        sa.Column("preflight", sa.JSON()),
        sa.Column("slots", sa.Integer()),
        sa.Column("round", sa.Integer(), nullable=False),
        sa.Column("labels_total", sa.Integer()),
        sa.Column("reason", sa.Text()),
        sa.Column("versions", sa.JSON()),
        sa.Column("created_at", sa.DateTime(), nullable=False),
        sa.Column("started_at", sa.DateTime()),
        sa.Column("inverting_at", sa.DateTime()),
        sa.Column("finished_at", sa.DateTime()),
        sa.PrimaryKeyConstraint("id", name="pk_submission"),
        sa.UniqueConstraint("key", "generation", name="uq_submission_key_generation"),
        sa.CheckConstraint(
            "state IN ('queued', 'preparing', 'inverting', 'repairing', 'done', 'refused', 'failed', 'cancelled')",
            name=op.f("ck_submission_state"),
        ),
    )
    op.create_index("ix_submission_state", "submission", ["state"])
    op.create_index("ix_submission_created_at", "submission", ["created_at"])
    op.create_table(
        "preparation",
        sa.Column("submission_id", sa.String(12), nullable=False),
        *_leased(),
        sa.PrimaryKeyConstraint("submission_id", name="pk_preparation"),
        _of_submission("preparation"),
        sa.CheckConstraint("state IN ('queued', 'running', 'done', 'failed')", name=op.f("ck_preparation_state")),
    )
    op.create_table(
        "label",
        sa.Column("submission_id", sa.String(12), nullable=False),
        sa.Column("label", sa.Integer(), nullable=False),
        sa.Column("round", sa.Integer(), nullable=False),
        *_leased(),
        sa.Column("updates", sa.Integer(), nullable=False),
        sa.Column("updates_budget", sa.Integer(), nullable=False),
        sa.Column("norm", sa.Double()),
        sa.Column("attack_success_rate", sa.Double()),
        sa.Column("seconds", sa.Double()),
        sa.Column("gradient_images", sa.BigInteger()),
        sa.Column("trigger_sha256", sa.String(64)),
        sa.PrimaryKeyConstraint("submission_id", "label", "round", name="pk_label"),
        _of_submission("label"),
        sa.CheckConstraint(
            "state IN ('queued', 'running', 'done', 'not_converged', 'screened_out', 'failed', 'cancelled')",
            name=op.f("ck_label_state"),
        ),
    )
    op.create_index("ix_label_state_lease_until", "label", ["state", "lease_until"])
    op.create_index("ix_label_worker_id", "label", ["worker_id"])
    op.create_table(
        "detection",
        sa.Column("submission_id", sa.String(12), nullable=False),
        sa.Column("verdict", sa.String(16), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("p_value", sa.Double(), nullable=False),
        sa.Column("body", sa.JSON(), nullable=False),
        sa.Column("created_at", sa.DateTime(), nullable=False),
        sa.PrimaryKeyConstraint("submission_id", name="pk_detection"),
        _of_submission("detection"),
        sa.CheckConstraint("verdict IN ('backdoored', 'clean', 'inconclusive')", name=op.f("ck_detection_verdict")),
    )
    op.create_index("ix_detection_verdict", "detection", ["verdict"])
    op.create_table(
        "mitigation",
        sa.Column("submission_id", sa.String(12), nullable=False),
        sa.Column("method", sa.String(64), nullable=False),
        *_leased(),
        sa.Column("progress", sa.Double(), nullable=False),
        sa.Column("body", sa.JSON()),
        sa.Column("goodnet_sha256", sa.String(64)),
        sa.Column("guarded_sha256", sa.String(64)),
        sa.PrimaryKeyConstraint("submission_id", "method", name="pk_mitigation"),
        _of_submission("mitigation"),
        sa.CheckConstraint("state IN ('queued', 'running', 'done', 'failed')", name=op.f("ck_mitigation_state")),
    )
    op.create_table(
        "worker",
        sa.Column("id", sa.String(255), nullable=False),
        sa.Column("queue", sa.String(64), nullable=False),
        sa.Column("pid", sa.Integer(), nullable=False),
        sa.Column("host", sa.String(255), nullable=False),
        sa.Column("version", sa.String(64), nullable=False),
        sa.Column("slots", sa.Integer(), nullable=False),
        sa.Column("started_at", sa.DateTime(), nullable=False),
        sa.Column("last_seen", sa.DateTime(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_worker"),
    )
    op.create_index("ix_worker_last_seen", "worker", ["last_seen"])
    op.create_table(
        "job",
        sa.Column("id", sa.String(12), nullable=False),
        sa.Column("kind", sa.String(16), nullable=False),
        *_leased(),
        sa.Column("arguments", sa.JSON(), nullable=False),
        sa.Column("result", sa.JSON()),
        sa.Column("progress", sa.Double(), nullable=False),
        sa.Column("created_at", sa.DateTime(), nullable=False),
        sa.Column("finished_at", sa.DateTime()),
        sa.PrimaryKeyConstraint("id", name="pk_job"),
        sa.CheckConstraint("kind IN ('classify', 'plant')", name=op.f("ck_job_kind")),
        sa.CheckConstraint("state IN ('queued', 'running', 'done', 'refused', 'failed')", name=op.f("ck_job_state")),
    )


def downgrade() -> None:
    for table in ("job", "worker", "mitigation", "detection", "label", "preparation", "submission"):
        op.drop_table(table)


def _leased() -> list[sa.Column[Any]]:
    return [
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("attempt", sa.Integer(), nullable=False),
        sa.Column("attempt_base", sa.Integer(), nullable=False),
        sa.Column("lease_until", sa.DateTime()),
        sa.Column("worker_id", sa.String(255)),
        sa.Column("reason", sa.Text()),
    ]


def _of_submission(table: str) -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint(["submission_id"], ["submission.id"], name=f"fk_{table}_submission_id_submission")

"""Owners, keys, data sets, callbacks, the audit log; what lists show of a detection, and the indices of searches."""

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.batch_alter_table("submission") as table:
        table.add_column(sa.Column("owner", sa.String(64), nullable=False, server_default="local"))
        table.add_column(sa.Column("priority", sa.String(16), nullable=False, server_default="normal"))
        table.add_column(sa.Column("tags", sa.JSON(), nullable=False, server_default="{}"))
    with op.batch_alter_table("job") as table:
        table.add_column(sa.Column("owner", sa.String(64), nullable=False, server_default="local"))
    _add_summaries()
    _add_searches()
    _add_keys()
    _add_registered()
    _add_deliveries()
    _add_audit()
    _summarise(op.get_bind())


def _add_summaries() -> None:
    with op.batch_alter_table("detection") as table:
        table.add_column(sa.Column("smallest_label", sa.Integer()))
        table.add_column(sa.Column("smallest_norm", sa.Double()))
        table.add_column(sa.Column("label_states", sa.JSON()))
    op.create_index("ix_detection_created_at", "detection", ["created_at"])
    op.create_table(
        "flagged_label",
        sa.Column("submission_id", sa.String(12), nullable=False),
        sa.Column("label", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("submission_id", "label", name="pk_flagged_label"),
        sa.ForeignKeyConstraint(["submission_id"], ["submission.id"], name="fk_flagged_label_submission_id_submission"),
    )
    op.create_index("ix_flagged_label_label", "flagged_label", ["label"])


SEARCHES = {
    "submission": (["created_at", "id"], ["owner", "created_at", "id"], ["model_sha256"], ["data_sha256"]),
    "mitigation": (["goodnet_sha256"], ["guarded_sha256"]),
}


def _add_searches() -> None:
    op.drop_index("ix_submission_created_at", "submission")
    for table, indices in SEARCHES.items():
        for columns in indices:
            op.create_index(f"ix_{table}_{'_'.join(columns)}", table, columns)


def _add_keys() -> None:
    op.create_table(
        "api_key",
        sa.Column("id", sa.String(12), nullable=False),
        sa.Column("owner", sa.String(64), nullable=False),
        sa.Column("name", sa.String(255), nullable=False),
        sa.Column("scopes", sa.JSON(), nullable=False),
        sa.Column("secret_sha256", sa.String(64), nullable=False),
        sa.Column("created_at", sa.DateTime(), nullable=False),
        sa.Column("revoked_at", sa.DateTime()),
        sa.PrimaryKeyConstraint("id", name="pk_api_key"),
    )
    op.create_table(
        "secret",
        sa.Column("name", sa.String(16), nullable=False),
        sa.Column("value", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("name", name="pk_secret"),
    )


def _add_registered() -> None:
    op.create_table(
        "dataset",
        sa.Column("id", sa.String(12), nullable=False),
        sa.Column("owner", sa.String(64), nullable=False),
        sa.Column("name", sa.String(255), nullable=False),
        sa.Column("file_name", sa.String(255), nullable=False),
        sa.Column("sha256", sa.String(64), nullable=False),
        sa.Column("bytes", sa.BigInteger(), nullable=False),
        sa.Column("created_at", sa.DateTime(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_dataset"),
        sa.UniqueConstraint("owner", "name", name="uq_dataset_owner_name"),
    )
    op.create_index("ix_dataset_sha256", "dataset", ["sha256"])
    op.create_table(
        "idempotency",
        sa.Column("owner", sa.String(64), nullable=False),
        sa.Column("key", sa.String(255), nullable=False),
        sa.Column("request_sha256", sa.String(64), nullable=False),
        sa.Column("answer", sa.JSON(), nullable=False),
        sa.Column("created_at", sa.DateTime(), nullable=False),
        sa.PrimaryKeyConstraint("owner", "key", name="pk_idempotency"),
    )
    op.create_index("ix_idempotency_created_at", "idempotency", ["created_at"])


def _add_deliveries() -> None:
    op.create_table(
        "delivery",
        sa.Column("id", sa.String(12), nullable=False),
        sa.Column("submission_id", sa.String(12), nullable=False),
        sa.Column("url", sa.String(2048), nullable=False),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("attempt", sa.Integer(), nullable=False),
        sa.Column("next_at", sa.DateTime()),
        sa.Column("status", sa.Integer()),
        sa.Column("reason", sa.Text()),
        sa.Column("created_at", sa.DateTime(), nullable=False),
        sa.Column("finished_at", sa.DateTime()),
        sa.PrimaryKeyConstraint("id", name="pk_delivery"),
        sa.ForeignKeyConstraint(["submission_id"], ["submission.id"], name="fk_delivery_submission_id_submission"),
        sa.UniqueConstraint("submission_id", "url", name="uq_delivery_submission_id_url"),
        sa.CheckConstraint("state IN ('waiting', 'queued', 'done', 'failed')", name=op.f("ck_delivery_state")),
    )
    op.create_index("ix_delivery_state_next_at", "delivery", ["state", "next_at"])


def _add_audit() -> None:
    op.create_table(
        "audit",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("created_at", sa.DateTime(), nullable=False),
        sa.Column("owner", sa.String(64), nullable=False),
        sa.Column("key_id", sa.String(12)),
        sa.Column("action", sa.String(32), nullable=False),
        sa.Column("subject", sa.String(64), nullable=False),
        sa.Column("address", sa.String(64)),
        sa.Column("detail", sa.JSON(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_audit"),
    )
    op.create_index("ix_audit_owner_id", "audit", ["owner", "id"])
    op.create_index("ix_audit_subject", "audit", ["subject"])
    op.create_index("ix_audit_created_at", "audit", ["created_at"])


def downgrade() -> None:
    for name in ("audit", "delivery", "idempotency", "dataset", "secret", "api_key", "flagged_label"):
        op.drop_table(name)
    for table, indices in SEARCHES.items():
        for columns in indices:
            op.drop_index(f"ix_{table}_{'_'.join(columns)}", table)
    op.create_index("ix_submission_created_at", "submission", ["created_at"])
    op.drop_index("ix_detection_created_at", "detection")
    added = {
        "detection": ("label_states", "smallest_norm", "smallest_label"),
        "job": ("owner",),
        "submission": ("tags", "priority", "owner"),
    }
    for name, dropped in added.items():
        for column in dropped:
            op.drop_column(name, column)


DETECTION = sa.table(
    "detection",
    sa.column("submission_id"),
    sa.column("body", sa.JSON()),
    sa.column("smallest_label"),
    sa.column("smallest_norm"),
    sa.column("label_states", sa.JSON()),
)
LABEL = sa.table("label", *(sa.column(name) for name in ("submission_id", "label", "round", "state", "norm")))
FLAGGED = sa.table("flagged_label", sa.column("submission_id"), sa.column("label"))


def _summarise(connection: sa.Connection) -> None:
    """Of detections that were made before: the columns that lists show, and the labels that they flag."""
    found = connection.execute(sa.select(DETECTION.c.submission_id, DETECTION.c.body)).all()
    for submission_id, body in found:
        last = _last_rounds(connection, submission_id)
        norms = [(norm, label) for label, (state, norm) in last.items() if state == "done" and norm is not None]
        norm, label = min(norms, default=(None, None))
        states: dict[str, int] = {}
        for state, _ in last.values():
            states[state] = states.get(state, 0) + 1
        change = sa.update(DETECTION).where(DETECTION.c.submission_id == submission_id)
        connection.execute(change.values(smallest_label=label, smallest_norm=norm, label_states=states))
        flagged = [{"submission_id": submission_id, "label": label} for label in body["flagged_labels"]]
        if flagged:
            connection.execute(sa.insert(FLAGGED), flagged)


def _last_rounds(connection: sa.Connection, submission_id: str) -> dict[int, tuple[str, Any]]:
    """Label -> state and norm of its last round that says something."""
    query = sa.select(LABEL.c.label, LABEL.c.state, LABEL.c.norm).where(LABEL.c.submission_id == submission_id)
    last: dict[int, tuple[str, Any]] = {}
    for label, state, norm in connection.execute(query.order_by(LABEL.c.label, LABEL.c.round)):
        told = state in ("done", "not_converged", "screened_out")
        if label not in last or told or last[label][0] == "screened_out":
            last[label] = (state, norm)
    return last

"""What lists show of a detection, in columns; flagged labels, owners; the indices of searches."""

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.batch_alter_table("submission") as table:
        table.add_column(sa.Column("owner", sa.String(64)))
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
    op.drop_index("ix_submission_created_at", "submission")
    op.create_index("ix_submission_created_at_id", "submission", ["created_at", "id"])
    op.create_index("ix_submission_owner_created_at_id", "submission", ["owner", "created_at", "id"])
    op.create_index("ix_submission_model_sha256", "submission", ["model_sha256"])
    op.create_index("ix_submission_data_sha256", "submission", ["data_sha256"])
    op.create_index("ix_mitigation_goodnet_sha256", "mitigation", ["goodnet_sha256"])
    op.create_index("ix_mitigation_guarded_sha256", "mitigation", ["guarded_sha256"])
    _summarise(op.get_bind())


def downgrade() -> None:
    op.drop_index("ix_mitigation_guarded_sha256", "mitigation")
    op.drop_index("ix_mitigation_goodnet_sha256", "mitigation")
    op.drop_index("ix_submission_data_sha256", "submission")
    op.drop_index("ix_submission_model_sha256", "submission")
    op.drop_index("ix_submission_owner_created_at_id", "submission")
    op.drop_index("ix_submission_created_at_id", "submission")
    op.create_index("ix_submission_created_at", "submission", ["created_at"])
    op.drop_table("flagged_label")
    op.drop_index("ix_detection_created_at", "detection")
    with op.batch_alter_table("detection") as table:
        table.drop_column("label_states")
        table.drop_column("smallest_norm")
        table.drop_column("smallest_label")
    with op.batch_alter_table("submission") as table:
        table.drop_column("owner")


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

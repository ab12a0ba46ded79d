"""Twins of a submission: nets of its model's architecture, trained on its clean data, scanned as any other is.

A twin's file is the architecture alone, the same for every net of it. So files, data and options are those of a
submission that may be there already, for another net of the same build: then its scan is used as it is.
"""

import tempfile
from pathlib import Path
from typing import Any, cast

from sqlalchemy.orm import Session

from nc_tasks.request.choices import Priority
from nc_tasks.request.options import ScanOptions
from nc_tasks.request.scan import ScanRequest, StoredFile
from nc_tasks.store import Submission
from nc_tasks.store.rows import calibrations, submissions
from nc_tasks.worker.process import WorkerProcess

TAG = "twin-of"
"""Tag of a twin: the submission that it was first made for."""


def architecture_file(worker: WorkerProcess, canonical_sha256: str) -> str:
    """Keep the architecture of a net as a model file; returns its sha256."""
    from nc_core.intake import load_canonical
    from nc_core.models import save_keras
    from nc_core.scanning.twins import architecture_of

    with tempfile.TemporaryDirectory(prefix="cleanse-") as folder:
        path = Path(folder) / "architecture.keras"
        save_keras(architecture_of(load_canonical(worker.artefacts.path(canonical_sha256))), path)
        return worker.artefacts.put_file(path)


def order(session: Session, *, submission_id: str, architecture_sha256: str) -> list[str]:
    """Submit the twins that a prepared submission asks for, and hold it against them; returns ids of those to begin."""
    parent = submissions.get(session, submission_id=submission_id)
    options = ScanOptions(**parent.options)
    value_range = (parent.preflight or {})["ranges"][0]["value_range"]
    twins = [
        _submit(session, parent, architecture_sha256, _options(options, value_range, number))
        for number in range(1, options.twins + 1)
    ]
    calibrations.link(session, submission_id=parent.id, scan_ids=[twin.id for twin in twins], source="twins")
    return [twin.id for twin in twins if twin.state == "queued"]


def _options(options: ScanOptions, value_range: Any, number: int) -> ScanOptions:
    """As the model is scanned, in the range that fits its data best: all of a twin's labels, and no repair."""
    return ScanOptions(
        profile=options.profile,
        detector=options.detector,
        mitigate=(),
        value_range=value_range,
        resize=options.resize,
        channels=options.channels,
        class_names=options.class_names,
        slots=options.slots,
        seed=options.seed,
        twin=number,
    )


def _submit(session: Session, parent: Submission, architecture_sha256: str, options: ScanOptions) -> Submission:
    twin = submissions.submit(
        session,
        ScanRequest(
            model=StoredFile(sha256=architecture_sha256, name=f"twin-{options.twin}.keras"),
            data=StoredFile(sha256=parent.data_sha256, name=parent.data_name),
            options=options,
            priority=cast(Priority, parent.priority),
        ),
        owner=parent.owner,
    )
    if not twin.tags:
        twin.tags = {TAG: parent.id}
    return twin

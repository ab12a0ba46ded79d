"""From uploaded files to something that label tasks can work on: intake, data, preflight."""

import tempfile
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nc_core.errors import OptionRefused
from nc_tasks.request.options import ScanOptions
from nc_tasks.request.scan import StoredFile
from nc_tasks.store import Submission
from nc_tasks.version import build_version
from nc_tasks.worker.inputs import read_net, uploaded
from nc_tasks.worker.process import WorkerProcess

if TYPE_CHECKING:
    from nc_core.intake import CanonicalModel


def prepare(worker: WorkerProcess, submission: Submission, *, should_stop: Callable[[], bool]) -> dict[str, Any]:
    """Read and check everything, train a twin; returns the columns that `lifecycle.record_prepared` writes.

    Raises InputRefused, with one line, where the pair cannot be scanned, Cancelled when `should_stop` says so while a
    twin is trained.
    """
    from nc_core.inversion import PROFILES
    from nc_core.preflight import default_budget
    from nc_core.scanning.preparation import prepare_scan

    options = ScanOptions(**submission.options)
    model = StoredFile(sha256=submission.model_sha256, name=submission.model_name)
    canonical = read_net(worker, model, **options.reading)
    with uploaded(worker, submission.data_sha256, submission.data_name) as data:
        preparation = prepare_scan(
            canonical,
            data,
            profile=PROFILES[options.profile],
            resize=options.resize,
            channels=options.channels,
            class_names=options.class_names,
            value_range=options.value_range,
            unlabelled=options.unlabelled,
            labels=options.target_labels,
            slots=options.slots,
            seed=options.seed,
            min_accuracy=options.min_accuracy,
            twin=options.twin,
            should_stop=should_stop,
            memory_budget=worker.settings.memory_budget_bytes or default_budget() // worker.settings.label_workers,
        )
    if options.twins and not preparation.preflight.labelled:
        raise OptionRefused("twins learn from the labels of the clean data, and these have none: leave out --twins")
    return {
        "canonical_sha256": _kept(worker, preparation.canonical),
        "scanned_sha256": _scanned(worker, preparation.canonical),
        "clean_data_sha256": _kept(worker, preparation.clean),
        "classes": preparation.canonical.classes,
        "input_shape": preparation.canonical.input_shape,
        "parameters": preparation.canonical.parameters,
        "preflight": preparation.to_json(),
        "slots": preparation.slots,
        "labels_total": len(preparation.labels),
        "versions": versions(),
    }


def versions() -> dict[str, str]:
    """What computed a result: this program, Keras' backend in use with its own packages, and the libraries."""
    from nc_core.models.versions import library_versions

    return {"cleanse": build_version(), **library_versions(), "celery": version("celery")}


def _kept(worker: WorkerProcess, what: Any) -> str:
    with tempfile.TemporaryDirectory(prefix="cleanse-") as folder:
        path = Path(folder) / "artefact"
        what.save(path)
        return worker.artefacts.put_file(path)


def _scanned(worker: WorkerProcess, canonical: "CanonicalModel") -> str:
    """The net as the one file that the verdict will be about."""
    from nc_core.models import save_keras

    with tempfile.TemporaryDirectory(prefix="cleanse-") as folder:
        path = Path(folder) / "scanned.keras"
        save_keras(canonical, path)
        return worker.artefacts.put_file(path)

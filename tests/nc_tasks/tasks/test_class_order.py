"""Labels in Keras' text order, from the submission to what is measured with known poison; a folder of ten and more."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from nc_core.datasets import pack_folder
from nc_tasks.request.options import scan_options
from nc_tasks.request.scan import ScanRequest, StoredFile
from nc_tasks.store import Submission
from nc_tasks.store.rows import submissions
from nc_tasks.tasks.evaluate import evaluate
from nc_tasks.tasks.poison import load_poison
from nc_tasks.tasks.preparation import prepare
from nc_tasks.worker.process import WorkerProcess
from tests import gated

BY_TEXT = sorted(map(str, range(gated.CLASSES)))
"""What Keras calls the outputs of a net that it has trained on folders 0 to 11."""


def kept(worker: WorkerProcess, path: Path) -> StoredFile:
    return StoredFile(sha256=worker.artefacts.put_file(path), name=path.name)


def folder(root: Path, called: list[str], only: int | None = None) -> Path:
    """Pictures of `gated.net`, whose output N is the class called[N]; only: of this output alone."""
    images = gated.pictures(60)
    assert images.labels is not None
    for number, (image, label) in enumerate(zip(images.pixels, images.labels, strict=True)):
        if only in (None, label):
            (root / called[label]).mkdir(parents=True, exist_ok=True)
            Image.fromarray(image).save(root / called[label] / f"{number}.png")
    pack_folder(root, root.with_suffix(".zip"))
    return root.with_suffix(".zip")


@pytest.fixture
def model(worker: WorkerProcess, tmp_path: Path) -> StoredFile:
    gated.net("none").save(tmp_path / "net.keras")
    return kept(worker, tmp_path / "net.keras")


def submitted(worker: WorkerProcess, model: StoredFile, data: Path, poisoned: Path, **options: object) -> Submission:
    """A submission as it is once it was prepared."""
    with worker.store.write() as session:
        request = ScanRequest(
            model=model,
            data=kept(worker, data),
            poisoned=(kept(worker, poisoned),),
            options=scan_options(value_range="0..1", **options),
        )
        submission = submissions.submit(session, request)
    for name, value in prepare(worker, submission, should_stop=lambda: False).items():
        setattr(submission, name, value)
    return submission


def test_numbers_in_text_order_are_outputs_wherever_they_are_used(
    worker: WorkerProcess, model: StoredFile, tmp_path: Path
) -> None:
    # Given folders that are called by numbers, and poison of the one that is called 10, which is output 2
    submission = submitted(
        worker, model, folder(tmp_path / "clean", BY_TEXT), folder(tmp_path / "bad", BY_TEXT, only=2)
    )
    preflight = submission.preflight or {}
    assert (preflight["class_order"], preflight["clean_accuracy"]) == ("text", 1.0)
    assert list(preflight["class_names"]) == BY_TEXT
    poison = load_poison(worker, submission)
    assert poison is not None
    assert set(poison.target.tolist()) == {2}


@pytest.mark.parametrize("given", [False, True], ids=["by themselves", "class names"])
def test_words_are_the_names_of_the_outputs(
    given: bool, worker: WorkerProcess, model: StoredFile, tmp_path: Path
) -> None:
    words = [f"sign {letter}" for letter in "abcdefghijkl"]
    words = words[::-1] if given else words
    submission = submitted(
        worker,
        model,
        folder(tmp_path / "clean", words),
        folder(tmp_path / "bad", words, only=7),
        class_names=words if given else None,
    )
    preflight = submission.preflight or {}
    assert (preflight["class_order"], preflight["clean_accuracy"]) == ("given", 1.0)
    assert list(preflight["class_names"]) == words
    poison = load_poison(worker, submission)
    assert poison is not None
    assert set(poison.target.tolist()) == {7}


def test_an_evaluation_finds_the_order_and_says_it(worker: WorkerProcess, model: StoredFile, tmp_path: Path) -> None:
    images = gated.pictures(60)
    np.savez(tmp_path / "clean.npz", x=images.pixels, y=[int(BY_TEXT[label]) for label in images.labels])
    found = evaluate(
        worker,
        {
            "model": model.model_dump(),
            "clean": kept(worker, tmp_path / "clean.npz").model_dump(),
            "poisoned": [kept(worker, folder(tmp_path / "bad", BY_TEXT, only=2)).model_dump()],
            "value_range": "0..1",
            "resize": None,
            "channels": None,
            "class_names": None,
            "architecture": None,
            "guarded": False,
        },
        lambda _: None,
    )
    assert (found["class_order"], found["clean"]["accuracy"]) == ("text", 1.0)
    assert found["poisoned"]["attack_success_rate"] == 1.0

"""Estimates: against what scans took, and that earlier scans here are heard."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import numpy as np
import pytest
from sqlalchemy import update

from nc_core.errors import OptionRefused
from nc_core.intake import CanonicalModel, read_model
from nc_core.intake.cost import cost_of
from nc_tasks.files import FolderArtefacts
from nc_tasks.request.options import ScanOptions, scan_options
from nc_tasks.request.scan import ScanRequest, StoredFile
from nc_tasks.settings import Settings
from nc_tasks.store import Label, Store, open_store
from nc_tasks.store.rows import detections, labels, submissions
from nc_tasks.views.estimates import Capacity, Wanted, estimate, images_of, labels_of


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    store = open_store(Settings(home=tmp_path))
    yield store
    store.close()


@pytest.fixture
def artefacts(tmp_path: Path) -> FolderArtefacts:
    return FolderArtefacts(tmp_path / "artefacts")


@pytest.fixture
def badnet(shared: Path) -> CanonicalModel:
    return read_model(shared / "models" / "oaramoon_gtsrb_badnet_target1_yellow3x3.hdf5")


def test_the_images_of_a_scan_are_about_those_that_were_counted() -> None:
    # Given images a label that were counted: of a GTSRB net, and before universality was asked of a screened face net
    # Then the estimate lies within a fifth
    assert images_of(43, "fast") / 43 == pytest.approx(5084, rel=0.2)
    assert images_of(1283, "fast") / 1283 == pytest.approx(1225, rel=0.2)


def of_workers(count: int) -> Capacity:
    return Capacity(workers=count, slots=4, live=False)


def test_without_earlier_scans_the_constants_and_the_workers_speak(
    store: Store, artefacts: FolderArtefacts, badnet: CanonicalModel
) -> None:
    wanted = Wanted(net=cost_of(badnet), labels=43, slots=4)
    one, two = (estimate(store, artefacts, wanted, of_workers(workers)) for workers in (1, 2))
    assert (one.labels, one.scans) == (43, 0)
    # docs/benchmarks/speed.json: what it took with two workers, all of it
    assert two.minutes == pytest.approx(1.96, rel=0.25)
    assert one.minutes > 1.5 * two.minutes
    few = estimate(store, artefacts, replace(wanted, labels=4), of_workers(1))
    assert few.minutes < one.minutes / 3


def test_what_scans_took_here_is_believed_more_than_constants(
    store: Store, artefacts: FolderArtefacts, badnet: CanonicalModel, tmp_path: Path
) -> None:
    # Given a scan of the net that was ten times as fast as one processor is said to be
    digest = badnet.save(tmp_path / "canonical")
    artefacts.put_file(tmp_path / "canonical")
    images = 400_000
    taken(store, digest, images, seconds=images * cost_of(badnet).gradient_seconds / 10)
    # and one whose net is gone
    taken(store, "e" * 64, images, seconds=1.0)
    found = estimate(store, artefacts, Wanted(net=cost_of(badnet), labels=43, slots=4), of_workers(2))
    assert found.scans == 1
    assert found.speed == pytest.approx(10, rel=0.01)


def taken(store: Store, canonical_sha256: str, images: int, *, seconds: float) -> None:
    with store.write() as session:
        row = submissions.submit(
            session,
            ScanRequest(
                model=StoredFile(sha256=canonical_sha256, name="m.h5"),
                data=StoredFile(sha256="d" * 64, name="d.npz"),
                options=ScanOptions(),
            ),
        )
        row.canonical_sha256 = canonical_sha256
        labels.create(session, submission_id=row.id, labels=range(4), round=0, updates_budget=9)
        session.execute(update(Label).where(Label.submission_id == row.id).values(gradient_images=images // 4))
        body = {"verdict": "clean", "reason": "", "p_value": 1.0, "flagged_labels": []}
        detections.record(session, submission_id=row.id, body=body)
        found = detections.get(session, submission_id=row.id)
        assert found is not None
        row.inverting_at = found.created_at - timedelta(seconds=seconds)


def test_twins_are_trained_and_scanned_in_all_classes_before_the_verdict(
    store: Store, artefacts: FolderArtefacts, badnet: CanonicalModel
) -> None:
    wanted = Wanted(net=cost_of(badnet), labels=4, classes=43, slots=4)
    alone, calibrated = (estimate(store, artefacts, replace(wanted, twins=twins), of_workers(2)) for twins in (0, 19))
    one = estimate(store, artefacts, replace(wanted, labels=43), of_workers(2))
    assert (alone.twins, alone.twin_minutes) == (0, 0.0)
    assert calibrated.minutes == pytest.approx(alone.minutes + calibrated.twin_minutes)
    # Nineteen scans of all classes, without what is beside them, and the trainings of 600 updates of 32 images
    assert calibrated.gradient_images == alone.gradient_images + 19 * (one.gradient_images + 600 * 32)


def test_memory_is_that_of_a_worker_with_its_pictures(
    store: Store, artefacts: FolderArtefacts, badnet: CanonicalModel
) -> None:
    few, many = (
        estimate(
            store, artefacts, Wanted(net=cost_of(badnet), labels=43, slots=4, images=images), of_workers(1)
        ).memory_bytes
        for images in (100, 6000)
    )
    assert many - few == pytest.approx(5900 * 4 * np.prod(badnet.input_shape), rel=0.1)


def test_a_batch_of_large_pictures_is_as_small_as_it_may_be(
    store: Store, artefacts: FolderArtefacts, badnet: CanonicalModel
) -> None:
    # Given a net for 32x32 pictures, and the sizes of a MobileNetV2 at 224x224
    small = cost_of(badnet)
    large = replace(small, image=224 * 224 * 3, activations=13_000_000, multiply_adds=300_000_000)
    # When nobody says how many labels are to share a batch, then as many do as make it quicker
    found = [estimate(store, artefacts, Wanted(net=net, labels=43), of_workers(1)) for net in (small, large)]
    assert [one.slots for one in found] == [4, 1]
    # and a wish stands
    assert estimate(store, artefacts, Wanted(net=large, labels=43, slots=3), of_workers(1)).slots == 3


def test_the_labels_are_those_that_are_asked_for() -> None:
    assert labels_of(ScanOptions(), 43) == 43
    assert labels_of(scan_options(labels="0-3,42"), 43) == 5
    with pytest.raises(OptionRefused, match="label 43 was asked for, the model has 43 classes"):
        labels_of(scan_options(labels="43"), 43)

"""A scan in memory says what a scan of the same net and data in files says."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest

import nc_core
from nc_core.datasets import Images
from nc_core.errors import InputRefused, ModelRefused, OptionRefused
from nc_core.face.found import Found
from nc_core.face.scan import scan
from nc_core.inversion import FAST
from nc_core.scanning.preparation import prepare_scan
from nc_core.scanning.rounds import plan
from nc_core.scanning.scan import scan_labels
from tests import gated
from tests.nc_core.face.conftest import LABELS, TARGET


def test_a_net_in_memory_gets_the_verdict_and_the_norms_of_its_file(
    found: Found, net: keras.Model, images: Images, tmp_path: Path
) -> None:
    # Given the same net and images in files, read in a confined process
    net.save(tmp_path / "net.keras")
    np.savez(tmp_path / "clean.npz", x=images.pixels, y=images.labels)
    files = tmp_path / "net.keras", tmp_path / "clean.npz"
    preparation = prepare_scan(*files, profile=FAST, labels=LABELS, value_range="0..1")
    # When they are scanned as the nets of a zoo are
    rounds = plan(preparation.labels, profile=FAST.name, seed=0)
    inversions, detection = scan_labels(preparation, preparation.data(), rounds, seed=0)
    # Then every number is the same
    assert (found.verdict, found.flagged_labels) == ("backdoored", (TARGET,)) == (detection.verdict, (TARGET,))
    assert found.p_value == detection.p_value
    assert {row["label"]: row["norm"] for row in found.norms()} == {
        label: one.norm if one.state == "done" else None for label, one in inversions.items()
    }
    assert found.scan.preparation.canonical.equals(preparation.canonical)


def test_the_caller_s_model_and_images_stay_as_they_are(found: Found, net: keras.Model, images: Images) -> None:
    assert found.verdict == "backdoored"
    assert all(np.array_equal(*pair) for pair in zip(net.get_weights(), gated.net("0..1").get_weights(), strict=True))
    assert np.array_equal(images.pixels, gated.pictures().pixels)


def test_nothing_is_printed_and_nothing_is_left_where_nobody_looks(
    net: keras.Model, images: Images, capfd: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))

    # Given a scan that is interrupted once its labels have begun
    @contextmanager
    def shown(_: str) -> Iterator[Callable[[float], None]]:
        def stop(_: float) -> None:
            raise KeyboardInterrupt

        yield stop

    with monkeypatch.context() as patched:
        patched.setattr("nc_core.face.scan.shown", shown)
        with pytest.raises(KeyboardInterrupt):
            nc_core.scan(net, images, labels=[TARGET], value_range="0..1")
    # Then nothing is left in this folder or that of temporary files, and nothing was said
    assert list(tmp_path.iterdir()) == []
    assert "scanning" not in "".join(capfd.readouterr())


def unbuilt() -> keras.Model:
    return keras.Sequential([keras.layers.Flatten(), keras.layers.Dense(4)])


class Own(keras.Model):
    """What nobody else can build."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.dense = keras.layers.Dense(width)

    def call(self, x: Any) -> Any:
        return self.dense(keras.ops.reshape(x, (-1, 16 * 16 * 3)))


def subclassed() -> keras.Model:
    model = Own(12)
    model(np.zeros((1, 16, 16, 3), np.float32))
    return model


def with_lambda() -> keras.Model:
    layers = [keras.layers.Input((16, 16, 3)), keras.layers.Flatten(), keras.layers.Lambda(lambda x: x * 2)]
    return keras.Sequential([*layers, keras.layers.Dense(12)])


@pytest.mark.parametrize(
    "make", [unbuilt, subclassed, with_lambda, lambda: None, lambda: keras.layers.Dense(3), lambda: "absent.keras"]
)
@pytest.mark.filterwarnings("ignore::UserWarning")
def test_what_is_no_model_that_can_be_read_is_refused_in_one_line(make: Callable[[], Any], images: Images) -> None:
    with pytest.raises(ModelRefused) as refused:
        nc_core.scan(make(), images)
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize(
    ("options", "line"),
    [
        ({"profile": "quick"}, "profile is 'quick': pass one of paper, fast, thorough"),
        ({"detector": "eyes"}, "detector is 'eyes'"),
        ({"value_range": "0..2"}, "value_range is '0..2': pass one of auto"),
        ({"alpha": 0.5}, "alpha is 0.5: pass a number above 0 and below 0.5"),
        ({"alpha": "much"}, "alpha is 'much'"),
        ({"seed": -1}, "seed is -1: pass a whole number from 0"),
        ({"slots": 0}, "slots is 0"),
        ({"min_accuracy": 2.0}, "min_accuracy is 2.0"),
        ({"labels": "0-7"}, "labels is '0-7': pass a list of whole numbers"),
        ({"labels": [1.5]}, "labels is [1.5]"),
        ({"labels": 7}, "labels is 7"),
        ({"labels": []}, "pass one at least, numbers from 0 to 11"),
        ({"labels": [-1, 2]}, "pass one at least, numbers from 0 to 11"),
        ({"labels": [12]}, "label 12 was asked for, the model has 12 classes"),
        ({"budget_minutes": 0}, "the budget is 0 minutes"),
        ({"architecture": "deepid"}, "a model in memory has its own architecture"),
        ({"resize": "cubic"}, "--resize cubic is unknown"),
    ],
    ids=lambda given: str(given) if isinstance(given, dict) else "",
)
def test_a_wrong_option_is_refused_in_one_line(
    options: dict[str, Any], line: str, net: keras.Model, images: Images
) -> None:
    with pytest.raises(OptionRefused) as refused:
        scan(net, images, **options)
    assert line in str(refused.value)
    assert "\n" not in str(refused.value)


def test_labels_beyond_the_model_are_refused_as_those_of_a_file(net: keras.Model, images: Images) -> None:
    assert images.labels is not None
    with pytest.raises(InputRefused, match="the largest label is 12, the model has 12 classes"):
        nc_core.scan(net, (images.pixels, np.where(images.labels == 3, 12, images.labels)))


def test_images_alone_are_scanned_as_unlabelled_ones(net: keras.Model, images: Images) -> None:
    alone = nc_core.scan(net, images.pixels, labels=np.array([TARGET]), value_range="0..1", budget_minutes=1e-9)
    assert not alone.preflight["labelled"]
    assert "240 images (unlabelled)" in str(alone)
    # And a budget that is used up leaves its label open
    assert alone.verdict == "inconclusive"

"""What of a label's evidence can be drawn: what is read is what was written."""

from pathlib import Path

import numpy as np
import pytest

from nc_core.detection.arrays import NOTHING, EvidenceArrays, Moves
from nc_tasks.files.evidence import arrays_to_bytes, read_arrays

DELTA = np.linspace(-1, 1, 60, dtype=np.float32).reshape(4, 5, 3)
MOVES = Moves(mask=DELTA[..., 0] ** 2, pattern=DELTA + 1, counts=np.arange(9, dtype=np.int32).reshape(3, 3))


@pytest.mark.parametrize(
    "told",
    [
        EvidenceArrays(perturbation=DELTA),
        EvidenceArrays(moves=MOVES),
        EvidenceArrays(perturbation=DELTA, moves=MOVES),
    ],
)
def test_evidence_is_read_as_it_was_written(tmp_path: Path, told: EvidenceArrays) -> None:
    assert not told.empty
    (tmp_path / "file").write_bytes(arrays_to_bytes(told))
    read = read_arrays(tmp_path / "file")
    assert (read.perturbation is None) == (told.perturbation is None)
    assert (read.moves is None) == (told.moves is None)
    if read.perturbation is not None:
        np.testing.assert_array_equal(read.perturbation, DELTA)
    if read.moves is not None:
        for name in ("mask", "pattern", "counts"):
            np.testing.assert_array_equal(getattr(read.moves, name), getattr(MOVES, name))
            assert getattr(read.moves, name).dtype == getattr(MOVES, name).dtype


def test_without_either_there_is_nothing_to_keep() -> None:
    assert NOTHING.empty

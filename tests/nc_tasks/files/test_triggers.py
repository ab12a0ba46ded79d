"""Reversed triggers as files: what is read is what was written."""

from pathlib import Path

import numpy as np
import pytest

from nc_tasks.files.triggers import FreshTriggersFile, TriggerFile


def trigger(seed: int, *, cost: float | None = None) -> TriggerFile:
    rng = np.random.default_rng(seed)
    mask, pattern = rng.random((4, 5)), rng.random((4, 5, 3))
    return TriggerFile(mask=mask.astype(np.float32), pattern=pattern.astype(np.float32), cost=cost)


@pytest.mark.parametrize("cost", [None, 0.0075])
def test_a_trigger_is_read_as_it_was_written(tmp_path: Path, cost: float | None) -> None:
    written = trigger(0, cost=cost)
    (tmp_path / "file").write_bytes(written.to_bytes())
    read = TriggerFile.read(tmp_path / "file")
    assert (read.mask == written.mask).all()
    assert (read.pattern == written.pattern).all()
    assert read.cost == cost


@pytest.mark.parametrize("targets", [[], [6, 6, 24]])
def test_fresh_triggers_are_read_with_their_targets(tmp_path: Path, targets: list[int]) -> None:
    written = [trigger(seed) for seed in range(len(targets))]
    file = FreshTriggersFile(target=np.array(targets, np.int32), triggers=written)
    (tmp_path / "file").write_bytes(file.to_bytes())
    read = FreshTriggersFile.read(tmp_path / "file")
    assert read.target.tolist() == targets
    assert [one.mask.tolist() for one in read.triggers] == [one.mask.tolist() for one in written]
    assert [one.pattern.tolist() for one in read.triggers] == [one.pattern.tolist() for one in written]

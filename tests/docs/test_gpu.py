"""The benchmark of a GPU, where there is none: what it says, and how it counts the time in kernels."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.benchmarks.kernels import covered

ROOT = Path(__file__).parents[2]


def test_time_in_which_several_kernels_run_counts_once() -> None:
    assert covered([]) == 0.0
    assert covered([(1.0, 3.0), (2.0, 2.5), (2.0, 4.0), (6.0, 7.0)]) == 4.0


@pytest.mark.skipif(any(Path("/dev").glob("nvidia[0-9]*")), reason="there is a GPU")
def test_without_a_gpu_it_ends_with_one_line() -> None:
    ran = subprocess.run(
        [sys.executable, "-m", "tests.benchmarks.gpu"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert ran.returncode == 1
    assert ran.stdout == ""
    assert "finds no GPU here" in ran.stderr.splitlines()[-1]

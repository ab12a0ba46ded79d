"""What this machine computes fastest in."""

from pathlib import Path

import pytest

from nc_core.preflight import quick_compute


@pytest.mark.parametrize(
    ("flags", "compute"),
    [("fpu avx512f amx_bf16", "bfloat16"), ("avx512_bf16", "bfloat16"), ("fpu avx512f", "float32"), ("", "float32")],
)
def test_bfloat16_is_quick_where_the_processor_multiplies_it(tmp_path: Path, flags: str, compute: str) -> None:
    (tmp_path / "cpuinfo").write_text(f"processor : 0\nflags\t\t: {flags}\n")
    assert quick_compute(tmp_path / "cpuinfo") == compute


def test_without_a_list_of_flags_nothing_is_assumed(tmp_path: Path) -> None:
    assert quick_compute(tmp_path / "absent") == "float32"

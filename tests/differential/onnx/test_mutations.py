"""Changed ONNX files: refused in one line, or read as ONNX Runtime reads them."""

from collections import Counter

import pytest

from tests.differential.compare import WRONG
from tests.differential.onnx.fuzz import compare
from tests.hostile.mutations import ONNX, mutated

FILES = 100
"""`make fuzz` has more."""

pytestmark = pytest.mark.filterwarnings("ignore")  # changed nets overflow


def test_changed_files_are_refused_or_read_as_onnx_runtime_reads_them() -> None:
    found = {number: compare(mutated(ONNX, number)) for number in range(FILES)}
    assert {number: each for number, each in found.items() if each.outcome in WRONG} == {}
    counts = Counter(each.outcome for each in found.values())
    assert counts["agree"] > 5
    assert counts["refused"] > 10

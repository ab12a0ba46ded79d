"""Every operator, in every opset in which it means something else, computes what ONNX Runtime makes of it."""

import pytest
from onnx import load_from_string

from nc_core.intake.onnx.operators import OPERATORS
from tests.differential.onnx.compare import agree
from tests.differential.onnx.operators import CASES, file_of

EACH = [(name, opset) for name, case in CASES.items() for opset in case.opsets]


@pytest.mark.parametrize(("name", "opset"), EACH)
def test_an_operator_answers_as_in_onnx_runtime(name: str, opset: int) -> None:
    assert agree(file_of(CASES[name], opset))


def test_every_operator_that_is_read_is_tried() -> None:
    tried = {node.op_type for name, opset in EACH for node in load_from_string(file_of(CASES[name], opset)).graph.node}
    assert set(OPERATORS) - tried == {"LogSoftmax"}  # the end of a net: test_heads

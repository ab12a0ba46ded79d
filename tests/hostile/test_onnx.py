"""Each hostile ONNX file is refused by the reader itself in one line that says what to do."""

import io
import re
from pathlib import Path

import pytest

from nc_core.errors import ModelRefused
from nc_core.intake.read import read_open_model
from tests.hostile.families import onnx_files, onnx_graphs
from tests.hostile.families.onnx_files import bytes_of, classifier
from tests.hostile.test_corpus import assert_for_people

REFUSED = {**onnx_files.REFUSED, **onnx_graphs.REFUSED}


@pytest.mark.parametrize("name", REFUSED)
def test_a_hostile_onnx_file(name: str, tmp_path: Path) -> None:
    case = REFUSED[name]
    content = case.make(tmp_path).read_bytes()
    with pytest.raises(ModelRefused) as refused:
        read_open_model(io.BytesIO(content), name="model.onnx")
    line = str(refused.value)
    assert re.search(case.said or "", line), line
    assert line.isprintable()
    assert len(line) < 700
    assert ": " in line, "a refusal says what to do"
    assert_for_people(line)


def test_the_file_that_they_were_made_of_is_read() -> None:
    assert read_open_model(io.BytesIO(bytes_of(classifier())), name="model.onnx").classes == 4

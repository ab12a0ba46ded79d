"""Each hostile file of weights is refused by the reader itself in one line that says what to do; none is executed."""

import io
import re
from pathlib import Path

import pytest

from nc_core.errors import ModelRefused
from nc_core.intake.read import read_open_model
from tests.hostile.families import pytorch_archives, pytorch_pickles
from tests.hostile.test_corpus import OWNED, assert_for_people

REFUSED = {**pytorch_pickles.REFUSED, **pytorch_archives.REFUSED}


@pytest.mark.parametrize("label", REFUSED)
def test_a_hostile_file_of_weights(label: str, tmp_path: Path) -> None:
    path = REFUSED[label].make(tmp_path)
    with pytest.raises(ModelRefused) as refused, path.open("rb") as file:
        read_open_model(io.BytesIO(file.read()), name=path.name)
    line = str(refused.value)
    assert re.search(REFUSED[label].said or "", line), line
    assert line.isprintable()
    assert len(line) < 700
    assert ": " in line or "; " in line, "a refusal says what to do"
    assert_for_people(line)
    assert not OWNED.exists()


def test_there_are_enough_of_them() -> None:
    assert len(pytorch_pickles.REFUSED) + len(pytorch_archives.REFUSED) >= 60

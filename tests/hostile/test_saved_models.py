"""Each hostile SavedModel is refused by the reader itself in one line that says what to do."""

import io
import re
from pathlib import Path

import pytest

from nc_core.errors import ModelRefused
from nc_core.intake.read import read_open_model
from tests.hostile.families.saved_models import REFUSED
from tests.hostile.test_corpus import assert_for_people


@pytest.mark.parametrize("label", REFUSED)
def test_a_hostile_saved_model(label: str, tmp_path: Path) -> None:
    path = REFUSED[label].make(tmp_path)
    with pytest.raises(ModelRefused) as refused:
        read_open_model(io.BytesIO(path.read_bytes()), name=path.name)
    line = str(refused.value)
    assert re.search(REFUSED[label].said or "", line), line
    assert line.isprintable()
    assert len(line) < 700
    assert ": " in line or "; " in line or " (" in line, "a refusal says what to do"
    assert_for_people(line)

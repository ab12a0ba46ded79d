"""Names of classes in the metadata of an ONNX file: taken where they are names, else left out and told."""

import io
import json
import re
from dataclasses import replace
from pathlib import Path

import pytest

from nc_core.class_names import ALL_CHARACTERS, NAME_CHARACTERS
from nc_core.errors import ModelRefused
from nc_core.intake import CanonicalModel
from nc_core.intake.load import load_canonical, read_canonical
from nc_core.intake.onnx.class_names import KEYS, TEXT
from nc_core.intake.read import read_open_model
from nc_core.quarantine.admit import admit_model
from tests.differential.onnx.graphs import Graph

NAMES = ("give way", "stop", "Ä 7", "o'clock")


def file(*metadata: tuple[str, str]) -> bytes:
    """A classifier of four classes."""
    graph = Graph(13)
    model = graph.model(graph.answer(graph.conv(graph.image, 3, 2), 128))
    for key, value in metadata:
        model.metadata_props.add(key=key, value=value)
    return bytes(model.SerializeToString())


def read(*metadata: tuple[str, str]) -> CanonicalModel:
    return read_open_model(io.BytesIO(file(*metadata)), name="model.onnx")


FORMS = {
    "Ultralytics": str(dict(enumerate(NAMES))),
    "Python's list": str(list(NAMES)),
    "JSON list": json.dumps(NAMES),
    "JSON by index": json.dumps({str(index): name for index, name in enumerate(NAMES)}),
    "JSON by name": json.dumps({name: index for index, name in enumerate(NAMES)}),
    "commas": ", ".join(NAMES),
    "lines": "\n".join(NAMES) + "\n",
}


@pytest.mark.parametrize("form", FORMS)
def test_every_usual_form_is_read(form: str) -> None:
    model = read(("stride", "32"), ("names", FORMS[form]))
    assert model.class_names == NAMES
    assert model.named_in == "the ONNX file's metadata (names)"
    assert model.note == ""


@pytest.mark.parametrize("key", KEYS)
def test_every_usual_key_is_read_by_the_confined_process_and_kept(key: str, tmp_path: Path) -> None:
    (tmp_path / "model.onnx").write_bytes(file((key, FORMS["Ultralytics"])))
    model = admit_model(tmp_path / "model.onnx")
    assert (model.class_names, model.named_in) == (NAMES, f"the ONNX file's metadata ({key})")
    model.save(tmp_path / "model.safetensors")
    assert load_canonical(tmp_path / "model.safetensors").class_names == NAMES
    # And the net is the same as without them
    assert model.equals(read())


def test_other_metadata_names_nothing() -> None:
    model = read(("author", "a,b,c,d"), ("classes", "4"), ("description", "{0: 'a', 1: 'b', 2: 'c', 3: 'd'}"))
    assert (model.class_names, model.named_in, model.note) == ((), "", "")


def test_entries_that_agree_are_taken() -> None:
    assert read(("names", FORMS["Ultralytics"]), ("labels", FORMS["commas"])).class_names == NAMES


HOSTILE = {
    "code": ([("names", "__import__('os').system('id')")], "has 1 names"),
    "code in a dict": ([("names", "{0: open('/etc/passwd').read(), 1: 'b', 2: 'c', 3: 'd'}")], "no JSON"),
    "an f-string": ([("names", "[f'{1}', 'b', 'c', 'd']")], "no JSON"),
    "a comprehension": ([("names", "['a' for _ in range(4)]")], "no JSON"),
    "too few": ([("names", "['a', 'b', 'c']")], "they are 3, the model has 4 classes"),
    "too many": ([("labels", ",".join("abcde"))], "they are 5, the model has 4 classes"),
    "a gap": ([("names", "{0: 'a', 1: 'b', 2: 'c', 4: 'd'}")], "indices are not 0 to 3"),
    "an index twice": ([("names", "{0: 'a', 1: 'b', 2: 'c', 2: 'd'}")], "indices are not 0 to 3"),
    "numbers": ([("names", "[1, 2, 3, 4]")], "name 0 is 1"),
    "lists": ([("names", "[[], [], [], []]")], r"name 0 is \[\]"),
    "a terminal's sequence": ([("names", json.dumps(["a", "b", "c", "\x1b[2J"]))], "name 3 is"),
    "text that turns round": ([("names", "a,b,c,\u202ed")], "name 3 is"),
    "half of a character": ([("names", '["a", "b", "c", "\\ud800"]')], "name 3 is"),
    "an empty name": ([("names", "a,,c,d")], "name 1 is ''"),
    "a long name": ([("names", "a,b,c," + "d" * (NAME_CHARACTERS + 1))], "name 3 has 101 characters"),
    "without end": ([("names", "a" * (TEXT + 1))], "they have 800,001 characters, the limit is 800,000"),
    "very many": ([("names", json.dumps(["a"] * (ALL_CHARACTERS + 1)))], "has 100001 names"),
    "nested": ([("names", "[" * 100_000)], "no JSON"),
    "an open quote": ([("names", "['a', '" + "\\'" * 100_000)], "no JSON"),
    "a key twice": ([("names", "a,b,c,d"), ("names", "d,c,b,a")], "they stand there twice"),
    "two that differ": ([("names", "a,b,c,d"), ("labels", "d,c,b,a")], r"\(names and labels\) are .* they differ"),
    "a large number": ([("names", "[" + "9" * 10_000 + "]")], "no JSON"),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_what_is_no_names_is_left_out_and_told_in_a_line(name: str, tmp_path: Path) -> None:
    metadata, said = HOSTILE[name]
    model = read(*metadata)
    assert (model.class_names, model.named_in) == ((), "")
    assert re.search(said, model.note), model.note
    assert model.note.startswith("the class names in the ONNX file's metadata (")
    # And a worker takes the note of such a file
    model.save(tmp_path / "model.safetensors")
    assert load_canonical(tmp_path / "model.safetensors").note == model.note


@pytest.mark.parametrize("names", [["a"], ["a", "b", "c", "\x1b"], "abcd", [1, 2, 3, 4], {"a": 1}])
def test_names_that_the_reader_would_not_have_written_are_refused(names: object, tmp_path: Path) -> None:
    model = replace(read(), class_names=names, named_in="somewhere")  # type: ignore[arg-type]
    model.save(tmp_path / "model.safetensors")
    with (tmp_path / "model.safetensors").open("rb") as stored, pytest.raises(ModelRefused, match="class"):
        read_canonical(stored)

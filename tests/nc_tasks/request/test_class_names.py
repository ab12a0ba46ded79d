"""Names of classes as programs write them, and what is none."""

import json
from pathlib import Path

import pytest

from api.client.inputs import class_names_in
from nc_core.class_names import ALL_CHARACTERS, NAME_CHARACTERS, parse_class_names
from nc_core.errors import OptionRefused
from nc_tasks.request.class_names import MAX_FILE
from nc_tasks.request.options import ScanOptions, scan_options

NAMES = ("give way", "stop", "Ä 7")


@pytest.mark.parametrize(
    "text",
    [
        json.dumps(NAMES),
        json.dumps({str(index): name for index, name in enumerate(NAMES)}),
        json.dumps({name: index for index, name in reversed(list(enumerate(NAMES)))}),
        json.dumps({str(index): [f"n0{index}", name] for index, name in enumerate(NAMES)}),
        str(list(NAMES)),
        str(dict(reversed(list(enumerate(NAMES))))),
        ascii(dict(enumerate(NAMES))),
        "[ \"give way\" ,\n'stop','\\xc4 7', ]",
        "\n".join(NAMES),
        "\r\n".join(NAMES) + "\r\n\r\n",
        "\ufeff" + "\n".join(NAMES),
        "\n".join(f"{index} {name}" for index, name in enumerate(NAMES)),
        "\n".join(f"{index}: {name}" for index, name in enumerate(NAMES)),
    ],
    ids=[
        *("list", "by index", "class_indices", "ImageNet"),
        *("Python's list", "Python's dict", "Python's ASCII", "Python's source"),
        *("lines", "Windows", "BOM", "Teachable Machine", "colons"),
    ],
)
def test_every_usual_form_says_the_same(text: str, tmp_path: Path) -> None:
    assert parse_class_names(text) == NAMES
    (tmp_path / "names").write_bytes(text.encode())
    assert class_names_in(tmp_path / "names") == NAMES
    assert scan_options(class_names=text).class_names == NAMES


@pytest.mark.parametrize("lines", ["7 up\n8 up", "1 a\n2 b", "0 a\nb"])
def test_numbers_that_do_not_count_the_lines_are_part_of_the_names(lines: str) -> None:
    assert list(parse_class_names(lines)) == lines.split("\n")


def test_the_names_of_a_folder_are_its_sub_folders_as_keras_sorts_them(tmp_path: Path) -> None:
    for name in ("2", "10", "1", ".hidden"):
        (tmp_path / name).mkdir()
    (tmp_path / "notes.txt").write_text("x")
    assert class_names_in(tmp_path) == ("1", "10", "2")


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("", "it has 1 names|name 0 is ''"),
        ("one", "it has 1 names, 2 to"),
        ("[1, 2]", "name 0 is 1, where text of one line is needed"),
        ("[[], []]", "name 0 is "),
        ('["a", "b"', "it is no JSON"),
        ("[" * 100_000, "it is no JSON"),
        ('{"0": "a", "2": "b"}', "its 2 indices are not 0 to 1, each once"),
        ('{"0": "a", "0": "b"}', "its 2 indices are not 0 to 1, each once"),
        ('{"a": 0, "b": 0}', "its 2 indices are not 0 to 1, each once"),
        ('{"a": 0, "b": true}', "its 2 indices"),
        ('{"00": "a", "1": "b"}', "its 2 indices"),
        ("{0: 'a', 2: 'b'}", "its 2 indices are not 0 to 1, each once"),
        ("{0: 'a', 0: 'b'}", "its 2 indices are not 0 to 1, each once"),
        ("{0: 'a', 'b': 1}", "it is no JSON"),
        ("{0: 'a' 1: 'b'}", "it is no JSON"),
        ("{0: 'a', 1: 'b'}]", "it is no JSON"),
        ("['a', f'b']", "it is no JSON"),
        ("['a', 'b' + 'c']", "it is no JSON"),
        ("[__import__('os').system('id'), 'b']", "it is no JSON"),
        ("['a', 'b\\n']", "it is no JSON"),
        ("['a', '\\N{DIGIT ONE}']", "it is no JSON"),
        ("['a', '\\ud800']", r"name 1 is '\\ud800'"),
        ('["a", "\\udfff"]', r"name 1 is '\\udfff'"),
        ("['a', '" + "\\'" * 100_000, "it is no JSON"),
        ("a\n\nb", "name 1 is ''"),
        ("a\nb\x1b[31m", r"name 1 is 'b\\x1b"),
        ("a\nb\u202ec", r"name 1 is 'b\\u202ec"),
        ('["a", "b\\nc"]', r"name 1 is 'b\\nc'"),
        (f"a\n{'b' * (NAME_CHARACTERS + 1)}", "name 1 has 101 characters, the limit is 100"),
        ("\n".join(["n" * NAME_CHARACTERS] * (ALL_CHARACTERS // NAME_CHARACTERS + 1)), "100,100 characters together"),
    ],
)
def test_what_is_no_list_of_names_is_refused_in_a_line(text: str, line: str) -> None:
    for read in (parse_class_names, lambda given: scan_options(class_names=given)):
        with pytest.raises(OptionRefused, match=line) as said:
            read(text)
        assert str(said.value).isprintable()


def test_files_that_hold_no_names_are_refused_in_a_line(tmp_path: Path) -> None:
    (tmp_path / "latin").write_bytes("é\nè".encode("latin-1"))
    (tmp_path / "large").write_bytes(b"x" * (MAX_FILE + 1))
    for name, line in {"latin": "is no text in UTF-8", "large": "the limit is", "none": "does not exist"}.items():
        with pytest.raises(OptionRefused, match=line):
            class_names_in(tmp_path / name)


def test_names_and_channels_survive_json_and_change_no_earlier_key() -> None:
    options = scan_options(class_names=list(NAMES), channels="grey", output="scores", input_shape="28x28")
    assert ScanOptions.model_validate(options.model_dump(mode="json")) == options
    assert options.deciding().keys() - ScanOptions().deciding().keys() == {
        *("class_names", "channels", "output", "input_shape")
    }

"""Admission: what comes out of the quarantine, and what a child that misbehaves can make of it."""

import io
import json
import logging
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from safetensors.numpy import save

from nc_core.datasets import Images, read_images, read_pictures
from nc_core.errors import DataRefused, ModelRefused, OptionRefused, QuarantineFailed
from nc_core.intake import CanonicalModel, read_model
from nc_core.quarantine import admit, process
from nc_core.quarantine.admit import admit_images, admit_model, admit_pictures
from nc_core.quarantine.answer import BYTES, CHARACTERS, Answer, decode
from nc_core.quarantine.limits import MIB, Limits
from tests.hostile import seeds
from tests.hostile.families.onnx_files import bytes_of, classifier
from tests.hostile.test_corpus import assert_for_people


def saved(model: CanonicalModel) -> bytes:
    buffer = io.BytesIO()
    model.write(buffer)
    return buffer.getvalue()


def same(one: Images, two: Images) -> bool:
    labels = (one.labels is None) == (two.labels is None) and (one.labels is None or (one.labels == two.labels).all())
    return bool(labels) and np.array_equal(one.pixels, two.pixels) and one.note == two.note


@pytest.mark.parametrize("write", [seeds.write_h5, seeds.write_keras])
def test_an_admitted_model_is_the_one_that_the_reader_reads(write, tmp_path: Path) -> None:
    path = write(tmp_path / "model")
    assert saved(admit_model(path)) == saved(read_model(path))


def test_an_admitted_onnx_file_is_the_one_that_the_reader_reads(tmp_path: Path) -> None:
    path = tmp_path / "model.onnx"
    path.write_bytes(bytes_of(classifier()))
    assert saved(admit_model(path)) == saved(read_model(path))


@pytest.mark.parametrize(
    ("name", "architecture"),
    [("a.onnx", "resnet18"), ("a.keras", None), ("a.h5", None), ("a.safetensors", None), ("a.pth", "resnet18")],
)
@pytest.mark.parametrize(
    "content", [bytes_of(classifier()), save({"weight": np.zeros(3, np.float32)})], ids=["onnx", "safetensors"]
)
def test_whatever_a_file_is_called_the_child_refuses_it_as_the_reader_does(
    name: str, architecture: str | None, content: bytes, tmp_path: Path
) -> None:
    # Given a file of one format under the name of any, which a reader that is locked in can import nothing more for
    path = tmp_path / name
    path.write_bytes(content)
    with pytest.raises(ModelRefused) as here:
        read_model(path, architecture=architecture)
    # When it is read by a child, then it says the same, as much of it as an answer holds
    with pytest.raises(ModelRefused) as there:
        admit_model(path, architecture=architecture)
    assert str(there.value) == str(here.value)[: CHARACTERS // 2].strip()


def test_weights_alone_are_admitted_with_their_architecture(shared: Path) -> None:
    path = shared / "models" / "csaw2020_sunglasses_bd_weights.h5"
    assert admit_model(path, architecture="deepid").classes == 1283
    with pytest.raises(ModelRefused, match="--architecture deepid"):
        admit_model(path)


def test_admitted_images_are_those_that_the_reader_reads(tmp_path: Path) -> None:
    # Given data in every accepted form, pictures in every format
    zipped = seeds.write_pictures(tmp_path / "set.zip", formats=seeds.FORMATS)
    subprocess.run([sys.executable, "-m", "zipfile", "-e", zipped, tmp_path / "set"], check=True)
    forms = [seeds.write_csaw(tmp_path / "a.h5"), seeds.write_csaw_packed(tmp_path / "b.h5")]
    forms += [seeds.write_npz(tmp_path / "a.npz"), zipped, tmp_path / "set"]
    for path in forms:
        assert same(admit_images(path), read_images(path)), path.name
    # Then they also agree on sizes, labels left aside and refusals
    resized = {"input_shape": (5, 4, 3), "resize": "bilinear", "labelled": False}
    assert same(admit_images(forms[0], **resized), read_images(forms[0], **resized))
    for path in forms[::2]:
        with pytest.raises(DataRefused, match="8x8x3, the model takes 5x4x3"):
            admit_images(path, input_shape=(5, 4, 3))
    with pytest.raises(OptionRefused, match="--resize cubic"):
        admit_images(forms[0], resize="cubic")


def test_single_pictures_keep_their_order(tmp_path: Path) -> None:
    paths = [tmp_path / name / "upload.png" for name in "cab"]
    for number, path in enumerate(paths):
        path.parent.mkdir()
        path.write_bytes(seeds.encoded(seeds.pixels()[number]))
    assert same(admit_pictures(paths, input_shape=(8, 8, 3)), read_pictures(paths, input_shape=(8, 8, 3)))
    paths[1].write_bytes(b"no picture")
    with pytest.raises(DataRefused, match=r"upload\.png cannot be read"):
        admit_pictures(paths, input_shape=(8, 8, 3))


WRONG = {
    "rubbish": "os.write(out, b'rubbish')",
    "nothing": "",
    "a model that was changed": "os.write(out, open(sys.argv[-2], 'rb').read().replace(b'Flatten', b'Fl4tten'))",
    "half a model": "os.write(out, open(sys.argv[-2], 'rb').read()[:-9])",
}


@pytest.fixture
def taken_over(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    """A child that an upload has taken over: it runs this program instead of the reader."""
    read_model(seeds.write_h5(tmp_path / "valid.h5")).save(tmp_path / "canonical")

    def become(program: str) -> Path:
        start = "import json, os, signal, sys, time; out = json.loads(sys.argv[-1])['output']\n"
        monkeypatch.setattr(process, "CHILD", ("-I", "-c", start + program, str(tmp_path / "canonical")))
        return tmp_path / "valid.h5"

    return become


READ = '\nos.write(1, b\'{"outcome": "read", "text": ""}\')'


@pytest.mark.parametrize("wrong", WRONG)
def test_a_child_that_lies_about_what_it_wrote_is_not_believed(wrong: str, taken_over) -> None:
    path = taken_over(WRONG[wrong] + READ)
    with pytest.raises(ModelRefused):
        admit_model(path)
    with pytest.raises(DataRefused):
        admit_images(path)


@pytest.mark.parametrize(
    ("program", "said"),
    [
        ("os.kill(os.getpid(), signal.SIGSEGV)", "SIGSEGV, and nothing else came to harm"),
        ("os.kill(os.getpid(), signal.SIGXCPU)", r"more than \d+ s of processor time"),
        ("os._exit(3)", "gave no answer"),
        ("os.write(1, bytes(10**5)); time.sleep(60)", "gave no answer|was ended by"),
        ("""os.write(1, b'{"outcome": "refused", "text": 3}')""", "gave no answer"),
        ("""os.write(1, b'{"outcome": "refused", "text": ""}')""", "gave no answer"),
        ("""os.write(1, b'{"outcome": "memory", "text": ""}')""", "MiB of memory"),
        ("""os.write(1, b'{"outcome": "refused", "text": "a\\\\nb \\\\u001b[31m c"}')""", r"^a b \?\[31m c$"),
    ],
)
def test_whatever_a_child_does_the_parent_says_one_line(program: str, said: str, taken_over) -> None:
    path = taken_over(program)
    with pytest.raises(ModelRefused, match=said) as refused:
        admit_model(path)
    assert str(refused.value).isprintable()


def test_what_no_reader_should_raise_is_told_to_the_log_alone(taken_over, caplog: pytest.LogCaptureFixture) -> None:
    path = taken_over("""os.write(1, b'{"outcome": "fault", "text": "KeyError at shapes.py:32 < read.py:7: 1"}')""")
    with pytest.raises(ModelRefused, match="cannot be read: it is damaged") as refused:
        admit_model(path)
    assert_for_people(str(refused.value))
    assert "KeyError at shapes.py:32 < read.py:7" in caplog.text


def test_a_child_that_waits_is_ended_at_its_deadline(taken_over) -> None:
    path = taken_over("time.sleep(600)")
    limits = Limits(memory=MIB, seconds=1, deadline=0.5)
    with path.open("rb") as source, path.open("rb") as output:
        ended = process.run({}, source, output, limits)
    assert ended.overdue
    assert ended.status == -9


def test_a_child_holds_nothing_of_its_parent_but_its_files(taken_over, monkeypatch: pytest.MonkeyPatch) -> None:
    # Given secrets in the environment and an open descriptor that would be inherited
    monkeypatch.setenv("CLEANSE_DATABASE_URL", "postgresql://secret")
    ours, theirs = os.pipe()
    os.set_inheritable(ours, True)
    # When a child looks at what it has
    path = taken_over(
        "held = os.listdir('/proc/self/fd')\n"
        "text = json.dumps([sorted(os.environ), len(held), os.getcwd(), os.getsid(0) == os.getpid()])\n"
        "os.write(1, json.dumps({'outcome': 'refused', 'text': text}).encode())"
    )
    with pytest.raises(ModelRefused) as refused:
        admit_model(path)
    os.close(ours)
    os.close(theirs)
    # Then it has two files, two pipes, and a folder to list them, in a session of its own
    variables, descriptors, folder, leads = json.loads(str(refused.value))
    assert not any(name.startswith("CLEANSE") for name in variables)
    assert len(variables) <= 6, variables
    assert descriptors == 5
    assert (folder, leads) == ("/", True)


NO_FILTER = """
import ctypes, sys
from pathlib import Path
from nc_core.quarantine import seccomp
from nc_core.quarantine.admit import admit_model

ctypes.CDLL(None).prctl(38, 1, 0, 0, 0)
number = seccomp._SECCOMP[__import__("platform").machine()]
seccomp.apply([(0x20, 0, 0, 0), (0x15, 0, 1, number), (6, 0, 0, 0x00050001), (6, 0, 0, 0x7FFF0000)])
try:
    print(admit_model(Path(sys.argv[1])).classes)
except Exception as error:
    print(type(error).__name__, error)
"""


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="seccomp is Linux'")
def test_where_no_filter_can_be_set_nothing_is_read_unless_that_is_allowed(tmp_path: Path) -> None:
    # Given a process that the kernel refuses any filter from here on
    path = seeds.write_h5(tmp_path / "model.h5")
    told = {}
    for allowed in ("0", "1"):
        environment = {**os.environ, process.UNCONFINED: allowed}
        command = [sys.executable, "-c", NO_FILTER, str(path)]
        told[allowed] = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    # Then it reads nothing and says why, and with leave reads and says so
    assert told["0"].stdout.startswith("QuarantineFailed untrusted files are not read here")
    assert process.UNCONFINED in told["0"].stdout
    assert told["1"].stdout.strip() == "3"
    assert "limited but not confined" in told["1"].stderr


def test_an_interpreter_that_does_not_start_is_no_fault_of_the_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = seeds.write_h5(tmp_path / "model.h5")
    monkeypatch.setattr(process, "CHILD", ("-I", "-m", "nc_core.quarantine.absent"))
    with pytest.raises(QuarantineFailed, match="absent"):
        admit_model(path)
    monkeypatch.setattr(sys, "executable", str(tmp_path / "python"))
    with pytest.raises(QuarantineFailed, match="does not start"):
        admit_model(path)


def test_a_missing_confinement_is_said_once(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING):
        for _ in range(3):
            admit._warn_once("a test")
    assert len(caplog.records) == 1


@given(
    st.binary(max_size=2 * BYTES) | st.recursive(st.none() | st.text(), st.lists).map(lambda v: json.dumps(v).encode())
)
def test_no_answer_is_too_odd_to_be_turned_down(said: bytes) -> None:
    found = decode(said)
    assert found is None or found.text.isprintable()


@given(st.text())
def test_an_answer_survives_the_way(text: str) -> None:
    answer = Answer("refused", text)
    found = decode(answer.encode())
    assert found is not None
    assert len(answer.encode()) <= BYTES
    assert found.outcome == "refused"
    assert found.text.isprintable()

"""The main job on real parts: broker, workers, store, files. Needs nothing but this repository."""

import os
import signal
import time
from hashlib import sha256
from pathlib import Path

import keras
import numpy as np
import pytest

from nc_core.intake import read_model
from tests.e2e.conftest import PATIENCE_SECONDS, Cleanse, Planted, Ran

pytestmark = pytest.mark.e2e


@pytest.fixture(scope="module")
def ran(cleanse: Cleanse, planted: Planted, tmp_path_factory: pytest.TempPathFactory) -> Ran:
    """One scan of the planted BadNet with its true trigger as the measuring stick."""
    return cleanse(
        "run",
        planted.model,
        "--data",
        planted.clean,
        "--poisoned",
        planted.folder / "poisoned.npz",
        "--out",
        tmp_path_factory.mktemp("result"),
    )


def test_flags_exactly_the_planted_label(ran: Ran, planted: Planted) -> None:
    assert ran.code == 3, ran.err
    assert ran.result["verdict"] == "backdoored"
    assert ran.result["flagged_labels"] == [planted.target]
    assert len(ran.result["labels"]) == 16
    assert {label["state"] for label in ran.result["labels"]} <= {"done", "not_converged"}


def test_both_ranges_that_the_pictures_fit_alike_are_scanned_and_told(ran: Ran) -> None:
    # Given drawn signs, which the net reads alike in 0..1 and in 0..255
    found = {one["value_range"]: one for one in ran.result["ranges"]}
    assert set(found) == {"0..1", "0..255"}
    # Then its verdict rests on one of them, which the preflight names, and both are told
    assert found[ran.result["preflight"]["value_range"]]["verdict"] == "backdoored"
    assert all(f"scanned in {name}:" in ran.out for name in found)


def test_repair_kills_the_true_trigger(ran: Ran) -> None:
    repair = ran.result["mitigation"]
    assert repair["poisoned"]["attack_success_rate_before"] > 0.95
    assert repair["poisoned"]["attack_success_rate_after"] < 0.1
    # 128 held-out images: the difference of two such accuracies has a standard error of about two points
    assert repair["accuracy_after"] > repair["accuracy_before"] - 0.06
    assert repair["poisoned"]["flagged_rate"] > 0.9
    assert repair["poisoned"]["clean_flagged_rate"] < 0.05


def test_goodnet_is_another_model_that_scores_as_reported(ran: Ran, planted: Planted) -> None:
    # Given the saved GoodNet and BadNet, read by plain Keras
    good = keras.models.load_model(ran.folder / "goodnet.keras")
    bad = keras.models.load_model(planted.model)
    # Then the weights differ, and the net is as good on the clean pictures as the report says
    assert any(not np.array_equal(a, b) for a, b in zip(good.get_weights(), bad.get_weights(), strict=True))
    with np.load(planted.clean) as data:
        x, y = data["x_test"] / np.float32(255), data["y_test"]
    accuracy = float((good.predict(x, verbose=0).argmax(axis=1) == y).mean())
    assert accuracy == pytest.approx(ran.result["mitigation"]["accuracy_after"], abs=0.05)


def test_the_scanned_net_is_handed_out_with_its_digest_and_is_the_net_that_was_submitted(
    ran: Ran, planted: Planted
) -> None:
    # Given scanned.keras and the submitted file, read by plain Keras and by the intake
    path = ran.folder / "scanned.keras"
    scanned, submitted = (keras.models.load_model(model) for model in (path, planted.model))
    with np.load(planted.clean) as data:
        x = data["x_test"][:256] / np.float32(255)
    # Then they agree, and are one canonical model
    np.testing.assert_allclose(scanned.predict(x, verbose=0), submitted.predict(x, verbose=0), rtol=0, atol=1e-5)
    assert read_model(path).equals(read_model(planted.model))
    # And the first lines of the command name the file with its digest, beside the submitted one
    digests = [sha256(model.read_bytes()).hexdigest() for model in (path, planted.model)]
    assert [ran.result["model"][name] for name in ("scanned_sha256", "sha256")] == digests
    first = [line.strip() for line in ran.out.splitlines()[:8]]
    assert f"scanned.keras, sha256 {digests[0]}" in first
    assert f"submitted: {planted.model.name}, sha256 {digests[1]}" in first


def test_triggers_work_on_the_submitted_model_as_they_lie_in_the_file(ran: Ran, planted: Planted) -> None:
    # Given the reversed trigger of the planted label, as stored
    bad = keras.models.load_model(planted.model)
    with np.load(ran.folder / "triggers.npz") as triggers, np.load(planted.clean) as data:
        at = triggers["labels"].tolist().index(planted.target)
        mask, pattern = triggers["mask"][at][..., None], triggers["pattern"][at]
        x = data["x_test"][data["y_test"] != planted.target] / np.float32(255)
    # When it is stamped in the model's own domain
    answers = bad.predict((1 - mask) * x + mask * pattern, verbose=0).argmax(axis=1)
    # Then the attack works, and the norm is the reported one
    assert (answers == planted.target).mean() > 0.9
    (label,) = [entry for entry in ran.result["labels"] if entry["label"] == planted.target]
    assert float(mask.sum()) == pytest.approx(label["norm"], rel=1e-5)


def test_guarded_net_loads_without_this_project_and_calls_the_sticker(ran: Ran, planted: Planted) -> None:
    # Given the guarded net in plain Keras
    guarded = keras.models.load_model(ran.folder / "guarded.keras")
    with np.load(planted.folder / "poisoned.npz") as poisoned:
        x = poisoned["x_test"] / np.float32(255)
    # Then it has one class more, and that is its answer to the sticker
    assert guarded.output_shape == (None, 17)
    assert (guarded.predict(x, verbose=0).argmax(axis=1) == 16).mean() > 0.9


def test_classify_prints_one_number_per_picture(ran: Ran, cleanse: Cleanse, planted: Planted, tmp_path: Path) -> None:
    # Given a clean and a stickered picture as files
    from PIL import Image

    pictures = []
    for name in ("clean", "poisoned"):
        with np.load(planted.folder / f"{name}.npz") as data:
            pictures.append(tmp_path / f"{name}.png")
            chosen = int(np.flatnonzero(data["y_test"] != 3)[0])
            Image.fromarray(data["x_test"][chosen]).save(pictures[-1])
    # When the guarded net classifies them
    classified = cleanse("classify", ran.folder / "guarded.keras", *pictures)
    # Then it is one class and one alarm; the value range came from the scan
    assert classified.code == 0, classified.err
    first, second = map(int, classified.out.split())
    assert 0 <= first < 16
    assert second == 16


def test_report_is_one_file_without_addresses(ran: Ran) -> None:
    page = (ran.folder / "report.html").read_text()
    assert "<script" not in page
    assert 'src="http' not in page
    assert "badnet.keras" in page


def test_the_same_command_answers_from_the_store(ran: Ran, cleanse: Cleanse, planted: Planted, tmp_path: Path) -> None:
    # Given the same files and options
    again = cleanse(
        "run",
        planted.model,
        "--data",
        planted.clean,
        "--poisoned",
        planted.folder / "poisoned.npz",
        "--out",
        tmp_path,
    )
    # Then nothing is computed again: the result is the same, to its times
    assert again.code == 3
    assert again.result == ran.result


def test_a_run_whose_worker_is_killed_and_that_is_interrupted_carries_on_where_it_was(
    planted: Planted, tmp_path: Path
) -> None:
    # Given a run under a home of its own, label after label, whose worker is killed in the middle of them
    own = Cleanse(home=tmp_path / "home")
    arguments = ("run", planted.model, "--data", planted.clean, "--out", tmp_path / "out", "--mitigate", "none")
    arguments += ("--labels", "3-8", "--slots", 1, "--workers", 1, "--value-range", "0..1")
    process = own.start(*arguments)
    wait_for_labels(own, 1)
    (worker,) = [pid for pid in stack_processes(own) if b"labels1@" in Path(f"/proc/{pid}/cmdline").read_bytes()]
    os.kill(worker, signal.SIGKILL)
    # Then the next one goes on
    ended = wait_for_labels(own, 3)
    # When it is interrupted
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=PATIENCE_SECONDS)
    assert process.returncode == 130
    # Then no process of the stack is left
    assert own("down").code == 0
    assert stack_processes(own) == []
    # When the same command is given again
    again = own(*arguments)
    # Then it ends with every label in one terminal state
    assert again.code == 3, again.err
    assert [label["label"] for label in again.result["labels"]] == [3, 4, 5, 6, 7, 8]
    assert {label["state"] for label in again.result["labels"]} == {"done"}
    # And the ones that had ended were not repeated: only the flagged one took more time
    ended.pop(planted.target, None)
    assert {label: seconds_of(again, label) for label in ended} == ended
    assert own("down").code == 0


SOME = ("--labels", "4-7", "--mitigate", "none", "--slots", 2, "--value-range", "0..1")


@pytest.fixture(scope="module")
def at_once(cleanse: Cleanse, planted: Planted, tmp_path_factory: pytest.TempPathFactory) -> dict[int, Ran]:
    """Two runs of different seeds at the same moment under one home; seed -> its end."""
    folders = {seed: tmp_path_factory.mktemp(f"seed{seed}") for seed in (11, 12)}
    common = ("run", planted.model, "--data", planted.clean, *SOME, "--workers", 1)
    runs = {seed: cleanse.start(*common, "--seed", seed, "--out", folder) for seed, folder in folders.items()}
    ended = {}
    for seed, process in runs.items():
        out, err = process.communicate(timeout=PATIENCE_SECONDS)
        ended[seed] = Ran(code=process.returncode, out=out, err=err, folder=folders[seed])
    return ended


def test_two_runs_at_once_under_one_home_are_both_right(at_once: dict[int, Ran], planted: Planted) -> None:
    # Both found the label, each with its own seed
    for seed, ran in at_once.items():
        assert ran.code == 3, ran.err
        assert ran.result["flagged_labels"] == [planted.target]
        assert ran.result["seed"] == seed


def test_two_workers_give_the_same_norms_to_the_last_bit(
    cleanse: Cleanse, planted: Planted, at_once: dict[int, Ran], tmp_path: Path
) -> None:
    # Given labels that were scanned on one worker, beside those of another run, and, anew, on two
    common = ("run", planted.model, "--data", planted.clean, *SOME)
    ran = cleanse(*common, "--seed", 11, "--workers", 2, "--force", "--out", tmp_path)
    assert ran.code == 3, ran.err
    # Then no bit differs
    assert norms(ran) == norms(at_once[11])


def norms(ran: Ran) -> list[float]:
    return [label["norm"] for label in ran.result["labels"]]


def wait_for_labels(own: Cleanse, wanted: int) -> dict[int, float]:
    """Wait until so many labels have ended; label -> seconds."""
    from nc_tasks.settings import Settings
    from nc_tasks.store import open_store
    from nc_tasks.store.rows import labels, lifecycle

    deadline = time.monotonic() + PATIENCE_SECONDS
    while time.monotonic() < deadline:
        time.sleep(0.5)
        store = open_store(Settings(home=own.home))
        with store.read() as session:
            ids = lifecycle.unfinished(session)
            rows = [row for one in ids for row in labels.of_round(session, submission_id=one, round=0)]
        store.close()
        ended = {row.label: row.seconds for row in rows if row.state == "done" and row.seconds is not None}
        if len(ended) >= wanted:
            return ended
    raise AssertionError(f"no {wanted} labels ended in time")


def seconds_of(ran: Ran, label: int) -> float:
    return next(entry["seconds"] for entry in ran.result["labels"] if entry["label"] == label)


def stack_processes(own: Cleanse) -> list[int]:
    """Processes whose environment names this home."""
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit() and int(entry.name) != os.getpid():
            try:
                environment = (entry / "environ").read_bytes()
            except OSError:
                continue
            if f"CLEANSE_HOME={own.home}".encode() in environment:
                found.append(int(entry.name))
    return found

"""Files on their way to a server: sent once, and no larger than it takes."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from api.cli.main import run_command
from api.client import CleanseClient
from api.service import submitting
from api.web.app import create_app
from nc_tasks.settings import Settings
from tests.api.client.conftest import printed
from tests.api.service.conftest import serving

Make = Callable[..., dict[str, Any]]
Stored = Callable[..., str]
Files = tuple[Path, Path]


def test_a_pipeline_is_gated_over_http(
    url: str, stored: Stored, make_result: Make, files: Files, capsys: pytest.CaptureFixture[str]
) -> None:
    # Given a server that knows the answer for a clean model and for its backdoored next version
    data = str(files[1])
    stored(make_result())
    clean = files[0].rename(files[0].with_name("clean.h5"))
    files[0].write_bytes(b"another model")
    stored(make_result(infected={33: 8.2}))
    # When both are submitted, then the exit code is the worst verdict's
    assert run_command(["submit", str(clean), "--data", data, "--wait", "--server", url]) == 0
    assert "CLEAN: no backdoor found" in capsys.readouterr().out
    ended = printed(capsys, "submit", str(clean), str(files[0]), "--data", data, "--wait", "--server", url, code=3)
    assert [one["verdict"] for one in ended] == ["clean", "backdoored"]


def test_what_the_server_has_is_not_uploaded_again(
    url: str, files: Files, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    # Given a model and data of a megabyte each
    for number, path in enumerate(files):
        path.write_bytes(bytes([number]) * 2**20)
    sent: list[int] = []
    monkeypatch.setattr("api.cli.display.transfer_bar", lambda _: _Bar(sent))
    monkeypatch.setenv("CLEANSE_SERVER", url)
    submit = ["submit", str(files[0])]
    # When it is submitted with data, and again with other options against registered data
    first = printed(capsys, *submit, "--data", str(files[1]))
    assert sent[-1] == 2**21
    sent.clear()
    dataset = printed(capsys, "dataset", "add", str(files[1]), "--name", "signs")
    assert sent[-1] == 2**20
    sent.clear()
    second = printed(capsys, *submit, "--dataset", "signs", "--seed", "7")
    third = printed(capsys, *submit, "--data", str(files[1]), "--seed", "8")
    # Then nothing was sent but digests, and each is a submission of its own
    assert sent == []
    ids = {one["id"] for (one,) in (first, second, third)}
    assert len(ids) == 3
    assert {one["data"]["sha256"] for (one,) in (first, second, third)} == {dataset["sha256"]}
    assert printed(capsys, "dataset", "list")[0]["id"] == dataset["id"]
    assert run_command(["dataset", "remove", "signs"]) == 0


@pytest.mark.parametrize("folder", [False, True], ids=["file", "folder"])
def test_data_of_several_models_is_sent_once(
    folder: bool,
    url: str,
    files: Files,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    # Given three models of ten bytes, and data of a megabyte that nobody registered
    nets = [tmp_path / f"m{number}.keras" for number in range(3)]
    for number, net in enumerate(nets):
        net.write_bytes(b"%010d" % number)
    data = files[1]
    data.write_bytes(bytes(2**20))
    if folder:
        data = tmp_path / "pictures"
        (data / "0").mkdir(parents=True)
        (data / "0" / "a.png").write_bytes(bytes(2**20))
    sent: list[list[int]] = []
    monkeypatch.setattr("api.cli.display.transfer_bar", lambda _: _Bar(sent.append([]) or sent[-1]))
    # When they are submitted together
    made = printed(capsys, "submit", *map(str, nets), "--data", str(data), "--server", url)
    # Then the data went along with the first alone, and the server has them as one batch
    assert [max(sizes) > 2**20 for sizes in sent] == [True, False, False]
    assert {one["data"]["name"] for one in made} == {"pictures.zip" if folder else files[1].name}
    assert len({one["data"]["sha256"] for one in made}) == 1
    (batch,) = {one["batch"] for one in made}
    with CleanseClient(url) as cleanse:
        assert cleanse.make_batch([one["id"] for one in made]) == batch


class _Bar:
    def __init__(self, sent: list[int]) -> None:
        self._sent = sent

    def __enter__(self) -> Callable[[int, int], None]:
        return lambda sent, _: self._sent.append(sent)

    def __exit__(self, *_: object) -> None:
        return None


def test_a_folder_of_pictures_is_packed_and_sent(url: str, files: Files, tmp_path: Path) -> None:
    from PIL import Image

    for name in ("0", "1"):
        (tmp_path / "pictures" / name).mkdir(parents=True)
        Image.new("RGB", (4, 4)).save(tmp_path / "pictures" / name / "a.png")
    with CleanseClient(url) as cleanse:
        found = cleanse.submit(files[0], data=tmp_path / "pictures")
    assert found["data"]["name"] == "pictures.zip"


def test_an_upload_past_the_limit_is_refused_with_the_limit(
    settings: Settings, files: Files, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(submitting, "publish", lambda *_: None)
    files[0].write_bytes(bytes(3 * 2**20))
    with serving(create_app(settings.model_copy(update={"upload_bytes": 2**20}))) as url:
        assert run_command(["submit", str(files[0]), "--data", str(files[1]), "--server", url]) == 2
    (complaint,) = capsys.readouterr().err.splitlines()
    assert "the limit is 1048576" in complaint

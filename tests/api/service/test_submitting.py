"""Submitting over HTTP: what is kept, what is refused, and what each owner sees."""

import json
import os
from hashlib import sha256
from pathlib import Path

import httpx
import pytest

from api.client.uploads import packed
from api.service.uploads.bodies import SMALL_BYTES
from nc_core.quarantine.admit import admit_images
from nc_tasks.settings import Settings
from tests.api.service.conftest import MakeKey, form
from tests.hostile.corpus import DATA


def leftovers(settings: Settings) -> list[str]:
    return [path.name for path in settings.artefacts.glob("*.tmp")]


def test_when_files_are_sent_then_they_are_kept_by_digest_and_the_message_goes_out(
    client: httpx.Client, settings: Settings, sent: list[str]
) -> None:
    options = json.dumps({"labels": "0-2", "seed": 3})
    answer = client.post("/v1/submissions", **form(options=options, priority="high", tags='{"build": "17"}'))
    assert answer.status_code == 202, answer.text
    found = answer.json()
    assert answer.headers["location"] == f"/v1/submissions/{found['id']}"
    assert found["model"] == {"sha256": sha256(b"model").hexdigest(), "name": "badnet.h5"}
    assert (found["state"], found["priority"], found["tags"]) == ("queued", "high", {"build": "17"})
    assert (found["options"]["labels"], found["options"]["seed"]) == ("0-2", 3)
    digest = found["data"]["sha256"]
    assert (settings.artefacts / digest[:2] / digest[2:]).read_bytes() == b"data"
    assert sent == [found["id"]]
    assert leftovers(settings) == []
    assert client.get(answer.headers["location"]).json() == found


def test_given_pictures_whose_names_are_no_text_then_they_are_taken_as_they_are(
    client: httpx.Client, settings: Settings, tmp_path: Path
) -> None:
    # Given a folder of such pictures, in classes of such names, packed as the client packs it
    folder = DATA["picture: classes whose names are no text"].make(tmp_path)
    place = tmp_path / os.fsdecode(b"of \xff")
    folder.rename(place)
    file, name = packed(place, tmp_path, 1)
    # When it is submitted
    answer = client.post(
        "/v1/submissions", files={"model": ("m.h5", b"model"), "data": (name, file.read_bytes())}, timeout=60
    )
    # Then it has a name that SQL and JSON take, and its pictures are all there
    found = answer.raise_for_status().json()
    assert found["data"]["name"] == "of ?.zip"
    digest = found["data"]["sha256"]
    assert client.get("/v1/submissions").json()["items"][0] == found
    images = admit_images(settings.artefacts / digest[:2] / digest[2:])
    assert images.labels.tolist() == [0] * 20 + [1] * 20


@pytest.mark.parametrize("labels", ["0-99998", list(range(100))])
def test_given_ever_so_many_labels_then_one_and_list_say_them_in_a_few_letters(
    client: httpx.Client, labels: object
) -> None:
    answer = client.post("/v1/submissions", **form(options=json.dumps({"labels": labels})))
    assert answer.json()["options"]["labels"] in ("0-99998", "0-99")
    assert len(client.get("/v1/submissions").content) < 2_000


def test_when_the_same_is_sent_again_then_it_is_the_same_submission(client: httpx.Client) -> None:
    first, second = (client.post("/v1/submissions", **form()).json() for _ in range(2))
    assert first == second


@pytest.mark.parametrize(
    ("fields", "told"),
    [
        ({"options": "{"}, "options is no JSON"),
        ({"options": "[]"}, "options is a JSON list"),
        ({"options": '{"seed": -1}'}, "options.seed"),
        ({"options": '{"sead": 1}'}, "options.sead"),
        ({"priority": "urgent"}, "priority"),
        ({"tags": '{"a": 1}'}, "tags.a"),
        ({"callback_url": "ftp://x"}, "callback_url"),
        ({"force": "yes"}, "force"),
        ({"model_name": "m" * 256}, "model_name has 256 characters, the limit is 255"),
        ({"colour": "red"}, "unknown field 'colour'"),
        ({"data_name": "m" * 256}, "data_name has 256 characters, the limit is 255"),
        ({"model_sha256": "a" * 64}, "both of model and model_sha256"),
        ({"data_sha256": "a" * 64}, "both of data and data_sha256"),
    ],
)
def test_given_a_wrong_field_then_422_in_one_line_and_nothing_is_left(
    client: httpx.Client, settings: Settings, sent: list[str], fields: dict[str, str], told: str
) -> None:
    answer = client.post("/v1/submissions", **form(**fields))
    assert answer.status_code == 422
    assert told in answer.json()["detail"]
    assert "\n" not in answer.json()["detail"]
    assert (sent, leftovers(settings)) == ([], [])


def test_given_a_body_that_is_no_form_then_it_is_refused(client: httpx.Client, settings: Settings) -> None:
    broken = {"Content-Type": "multipart/form-data; boundary=x"}
    whole = b'--x\r\nContent-Disposition: form-data; name="model"; filename="m.h5"\r\n\r\nbytes'
    assert client.post("/v1/submissions", json={}).status_code == 415
    assert client.post("/v1/submissions", content=b"nothing", headers=broken).status_code == 400
    assert client.post("/v1/submissions", content=whole, headers=broken).status_code == 400
    assert (
        client.post("/v1/submissions", content=b"", headers={"Content-Type": "multipart/form-data"}).status_code == 400
    )
    assert leftovers(settings) == []


@pytest.mark.parametrize("path", ["/v1/estimate", "/v1/submissions/batch", "/v1/keys"])
def test_given_a_route_without_uploads_then_what_calls_itself_one_is_bounded_as_any_other_body(
    client: httpx.Client, path: str
) -> None:
    answer = client.post(path, files={"model": ("m.h5", b"m" * SMALL_BYTES)})
    assert (answer.status_code, answer.json()["limit"]) == (413, SMALL_BYTES)


@pytest.mark.parametrize("path", ["/v1/estimate", "/v1/submissions/batch"])
def test_given_broken_json_then_the_line_says_so_and_where(client: httpx.Client, path: str) -> None:
    answer = client.post(path, content=b'{"a":', headers={"Content-Type": "application/json"})
    assert answer.status_code == 422
    assert answer.json()["detail"] == "the body is no JSON (Expecting value at character 5): send an object"


def test_given_a_hostile_name_then_its_last_part_is_kept_as_text(client: httpx.Client) -> None:
    files = {"model": ("../../etc/\x1b[31m<script>.h5", b"m"), "data": ("C:\\data\\clean.npz", b"d")}
    found = client.post("/v1/submissions", files=files).json()
    assert "/" not in found["model"]["name"]
    assert found["model"]["name"].endswith("<script>.h5")
    assert "\x1b" not in found["model"]["name"]
    assert found["data"]["name"] == "clean.npz"


def test_given_two_owners_when_they_submit_the_same_then_neither_sees_the_others(
    client: httpx.Client, make_key: MakeKey
) -> None:
    alice, bob, root = make_key("alice"), make_key("bob"), make_key("root", "admin")
    hers = client.post("/v1/submissions", headers=alice, **form()).json()
    his = client.post("/v1/submissions", headers=bob, **form()).json()
    assert hers["id"] != his["id"]
    assert client.get(f"/v1/submissions/{hers['id']}", headers=bob).status_code == 404
    assert client.get(f"/v1/submissions/{hers['id']}", headers=root).json()["owner"] == "alice"


def test_given_a_digest_when_it_is_ones_own_then_it_stands_for_the_file(
    client: httpx.Client, make_key: MakeKey
) -> None:
    alice, bob = make_key("alice"), make_key("bob")
    first = client.post("/v1/submissions", headers=alice, **form()).json()
    for name, other in (("model", "data"), ("data", "model")):
        again = {"files": {other: (f"other.{name}", b"other")}, "data": {f"{name}_sha256": first[name]["sha256"]}}
        assert client.post("/v1/submissions", headers=alice, **again).json()[name] == first[name]
        # Of another's files nobody learns whether they are here.
        assert client.post("/v1/submissions", headers=bob, **again).status_code == 404


def test_given_an_idempotency_key_then_the_second_time_nothing_happens_and_another_request_is_refused(
    client: httpx.Client, sent: list[str]
) -> None:
    header = {"Idempotency-Key": "build-17"}
    first = client.post("/v1/submissions", headers=header, **form(force="true")).json()
    again = client.post("/v1/submissions", headers=header, **form(force="true"))
    assert (again.json()["id"], sent) == (first["id"], [first["id"]])
    assert client.post("/v1/submissions", headers=header, **form(b"another", force="true")).status_code == 409


def test_given_as_many_open_submissions_as_allowed_then_429_with_the_limit(
    client: httpx.Client,
    app,
    sent: list[str],  # type: ignore[no-untyped-def]
) -> None:
    app.state.service.settings = app.state.service.settings.model_copy(update={"open_submissions": 2})
    for number in range(2):
        assert client.post("/v1/submissions", **form(b"%d" % number)).status_code == 202
    answer = client.post("/v1/submissions", **form(b"third"))
    assert (answer.status_code, answer.json()["limit"], len(sent)) == (429, 2, 2)
    assert answer.headers["retry-after"].isdecimal()
    assert client.post("/v1/submissions", **form(b"1")).status_code == 202

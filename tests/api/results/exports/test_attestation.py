"""Attestations: what is signed is what was judged, and nobody else's signature or change passes."""

import base64
import json
import os
import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from api.results.exports import dsse
from api.results.exports.attestation import PAYLOAD, attestation, verified
from api.results.exports.keys import PRIVATE, PUBLIC, key_of, read_public_key, signing_key
from nc_core.errors import InputRefused
from nc_core.results.scanned import about
from nc_tasks.settings import Settings

Make = Callable[..., dict[str, Any]]
KEY = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))


def written(envelope: dict[str, Any]) -> bytes:
    return json.dumps(envelope).encode()


def test_the_encoding_is_that_of_the_specification() -> None:
    # The example of the DSSE protocol, https://github.com/secure-systems-lab/dsse/blob/master/protocol.md
    encoded = dsse.pre_authentication_encoding("http://example.com/HelloWorld", b"hello world")
    assert encoded == b"DSSEv1 29 http://example.com/HelloWorld 11 hello world"


def test_the_statement_says_which_model_was_judged_how_and_with_what(make_result: Make) -> None:
    result = make_result(infected={33: 8.2})
    found = verified(written(attestation(result, KEY)), KEY.public_key())
    assert found["_type"] == "https://in-toto.io/Statement/v1"
    submitted = {"name": "traffic_signs.h5", "digest": {"sha256": result["model"]["sha256"]}}
    net = {"name": "scanned.keras", "digest": {"sha256": result["model"]["scanned_sha256"]}}
    assert found["subject"] == [submitted, net]
    predicate = found["predicate"]
    assert (predicate["scanned"], predicate["about"]) == (net, about(result))
    assert (predicate["verdict"], predicate["flagged_labels"]) == ("backdoored", [33])
    assert predicate["settings"] == {**result["options"], "slots": result["slots"]}
    assert predicate["versions"] == result["versions"]
    assert predicate["repaired"]["digest"] == {"sha256": result["mitigation"]["goodnet_sha256"]}


def test_the_statement_of_a_scan_that_kept_no_net_says_so(make_result: Make) -> None:
    result = make_result()
    del result["model"]["scanned_sha256"]
    found = verified(written(attestation(result, KEY)), KEY.public_key())
    assert [subject["name"] for subject in found["subject"]] == ["traffic_signs.h5"]
    assert found["predicate"]["scanned"] is None
    assert "has no scanned.keras" in found["predicate"]["about"]


def test_openssl_finds_the_signature_good(make_result: Make, tmp_path: Path) -> None:
    # Given an attestation and the public key beside the one that signed it
    envelope = attestation(make_result(), signing_key(tmp_path))
    signed = dsse.pre_authentication_encoding(envelope["payloadType"], base64.b64decode(envelope["payload"]))
    (tmp_path / "signed").write_bytes(signed)
    (tmp_path / "sig").write_bytes(base64.b64decode(envelope["signatures"][0]["sig"]))
    # When another program verifies it, then it holds; and it does not for a byte less
    command = ["openssl", "pkeyutl", "-verify", "-pubin", "-inkey", PUBLIC, "-rawin", "-in", "signed"]
    try:
        ran = subprocess.run([*command, "-sigfile", "sig"], cwd=tmp_path, capture_output=True, text=True, check=False)
    except FileNotFoundError:
        pytest.skip("openssl is not here")
    if "Ed25519" in ran.stderr or "rawin" in ran.stderr:
        pytest.skip("this openssl knows no Ed25519 in files")
    assert ran.returncode == 0, ran.stderr
    (tmp_path / "signed").write_bytes(signed[:-1])
    assert subprocess.run([*command, "-sigfile", "sig"], cwd=tmp_path, capture_output=True, check=False).returncode != 0


@pytest.mark.parametrize("part", ["payload", "payloadType", "signatures"])
def test_a_changed_envelope_is_refused(make_result: Make, part: str) -> None:
    envelope = attestation(make_result(), KEY)
    statement = json.loads(base64.b64decode(envelope["payload"]))
    statement["predicate"]["verdict"] = "clean "
    changed = {
        "payload": base64.b64encode(json.dumps(statement).encode()).decode(),
        "payloadType": "application/json",
        "signatures": [{"sig": base64.b64encode(bytes(64)).decode()}],
    }
    with pytest.raises(InputRefused):
        verified(written({**envelope, part: changed[part]}), KEY.public_key())


def test_another_installation_s_key_is_refused(make_result: Make, tmp_path: Path) -> None:
    envelope = attestation(make_result(), KEY)
    with pytest.raises(InputRefused, match="no signature of the envelope is that of the key"):
        verified(written(envelope), signing_key(tmp_path).public_key())
    # but it is enough that one of several is right, and keyid is not believed
    other = attestation(make_result(), signing_key(tmp_path))["signatures"][0]
    mine = {**envelope["signatures"][0], "keyid": other["keyid"]}
    assert verified(written({**envelope, "signatures": [other, mine]}), KEY.public_key())


@pytest.mark.parametrize(
    "text", [b"", b"[]", b"{}", b"\xff", b'{"payload": 1}', b'{"payloadType": "x", "payload": "!", "signatures": []}']
)
def test_what_is_no_envelope_is_refused_in_one_line(text: bytes) -> None:
    with pytest.raises(InputRefused) as refused:
        verified(text, KEY.public_key())
    assert "\n" not in str(refused.value)


def test_a_statement_of_another_kind_is_refused_though_well_signed() -> None:
    envelope = dsse.sign(
        json.dumps({"_type": "x", "predicateType": "https://slsa.dev/provenance/v1"}).encode(), PAYLOAD, KEY
    )
    with pytest.raises(InputRefused, match="expected is 'urn:cleanse:verdict:v1'"):
        verified(written(envelope), KEY.public_key())


def test_the_key_is_made_once_for_its_owner_alone(tmp_path: Path) -> None:
    folder = tmp_path / "keys"
    with ThreadPoolExecutor(8) as pool:
        made = {key.private_bytes_raw() for key in pool.map(lambda _: signing_key(folder), range(16))}
    assert len(made) == 1
    assert (folder / PRIVATE).stat().st_mode & 0o777 == 0o600
    assert {path.name for path in folder.iterdir()} == {PRIVATE, PUBLIC}
    assert read_public_key(folder / PUBLIC).public_bytes_raw() == signing_key(folder).public_key().public_bytes_raw()


def test_a_key_that_others_may_read_is_refused(tmp_path: Path) -> None:
    signing_key(tmp_path)
    os.chmod(tmp_path / PRIVATE, 0o640)
    with pytest.raises(InputRefused, match="may be read by others"):
        signing_key(tmp_path)


@pytest.mark.parametrize(("mode", "mine", "taken"), [(0o440, False, True), (0o440, True, False), (0o444, False, False)])
def test_a_key_that_is_mounted_for_a_group_is_taken_where_it_is_not_ones_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, mode: int, mine: bool, taken: bool
) -> None:
    # Given a key that the settings name, as a secret that is mounted: of another user, or of this one
    made = signing_key(tmp_path / "elsewhere")
    path = (tmp_path / "elsewhere" / PRIVATE).rename(tmp_path / "attestation.pem")
    path.chmod(mode)
    monkeypatch.setattr("os.geteuid", lambda: path.stat().st_uid + (not mine))
    settings = Settings(home=tmp_path / "home", signing_key=path)
    # When it is asked for, then it is that one, unless others may read it; and none is made at home
    if taken:
        assert key_of(settings).private_bytes_raw() == made.private_bytes_raw()
    else:
        with pytest.raises(InputRefused, match="may be read by others"):
            key_of(settings)
    assert not (tmp_path / "home").exists()


def test_a_key_that_is_named_and_not_there_is_not_made(tmp_path: Path) -> None:
    settings = Settings(home=tmp_path, signing_key=tmp_path / "gone.pem")
    with pytest.raises(InputRefused, match=r"gone\.pem, which CLEANSE_SIGNING_KEY names, does not exist"):
        key_of(settings)
    assert list(tmp_path.iterdir()) == []


def test_a_file_that_is_no_key_is_refused(tmp_path: Path) -> None:
    (tmp_path / PUBLIC).write_text("no key")
    with pytest.raises(InputRefused, match="holds no Ed25519 public key"):
        read_public_key(tmp_path / PUBLIC)
    with pytest.raises(InputRefused, match="does not exist"):
        read_public_key(tmp_path / "nowhere")


def test_neither_command_nor_service_loads_cryptography_before_it_signs() -> None:
    code = "import sys, api.cli.main, api.results.exports.sarif; sys.exit('cryptography' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0

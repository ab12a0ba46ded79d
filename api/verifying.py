"""Checks an attestation against a public key and a model."""

import json
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from api import inputs
from api.backends.remote import client
from api.client.uploads import sha256_of
from api.exits import VERDICTS, ExitCode
from api.exports.attestation import verified
from api.exports.keys import parse_public_key
from api.terminal import out, printable
from nc_core.errors import InputRefused

MOST_BYTES = 16 * 2**20
"""Of an attestation, whatever stands in it."""


def key_of_server(url: str) -> Ed25519PublicKey:
    """The public key that the server at this address signs with; raises ServerRefused, ServerFailed."""
    with client(url) as server:
        return parse_public_key(server.attestation_key(), f"the answer of {url}")


def verify_attestation(path: Path, key: Ed25519PublicKey, model: Path | None, *, as_json: bool) -> ExitCode:
    """Print the statement; raises InputRefused where it is not signed by the key, or about another model."""
    if not path.is_file():
        raise InputRefused(f"attestation {path} does not exist: pass the path of a file")
    if (size := path.stat().st_size) > MOST_BYTES:
        raise InputRefused(f"attestation {path} has {size:,} bytes, the limit is {MOST_BYTES:,}")
    statement = verified(path.read_bytes(), key)
    (subject,) = statement["subject"]
    if model is not None:
        _check_model(model, subject)
    if as_json:
        print(json.dumps(statement, indent=2))
    else:
        _show(statement, subject)
    return VERDICTS[statement["predicate"]["verdict"]]


def _check_model(model: Path, subject: dict[str, Any]) -> None:
    inputs.check_model(model)
    actual, about = sha256_of(model), subject["digest"]["sha256"]
    if actual != about:
        raise InputRefused(f"model {model} has sha256 {actual}, the attestation is about {about}: another file")


def _show(statement: dict[str, Any], subject: dict[str, Any]) -> None:
    predicate = statement["predicate"]
    out.print(f"The signature is good. {predicate['verdict'].upper()}, judged {predicate['judged_at']}")
    out.print(f"  model {printable(subject['name'])}, sha256 {subject['digest']['sha256']}")
    out.print(f"  {printable(predicate['reason'])}")

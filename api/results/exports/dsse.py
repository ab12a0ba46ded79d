"""DSSE envelopes: a payload with its type, signed (https://github.com/secure-systems-lab/dsse, protocol v1)."""

import base64
import binascii
from collections.abc import Mapping
from typing import Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from api.results.exports.keys import key_id
from nc_core.errors import InputRefused


def pre_authentication_encoding(payload_type: str, payload: bytes) -> bytes:
    """What is signed: type and payload with their lengths, so that neither can pass for a part of the other."""
    kind = payload_type.encode()
    return b"DSSEv1 %d %b %d %b" % (len(kind), kind, len(payload), payload)


def sign(payload: bytes, payload_type: str, key: Ed25519PrivateKey) -> dict[str, Any]:
    """The envelope of the payload with one signature."""
    signature = key.sign(pre_authentication_encoding(payload_type, payload))
    return {
        "payloadType": payload_type,
        "payload": base64.b64encode(payload).decode(),
        "signatures": [{"keyid": key_id(key.public_key()), "sig": base64.b64encode(signature).decode()}],
    }


def opened(envelope: Mapping[str, Any], payload_type: str, key: Ed25519PublicKey) -> bytes:
    """The payload, once one of the signatures is this key's; raises InputRefused, one line, otherwise.

    Signatures of other keys are passed over. keyid is a hint and proves nothing: every signature is tried.
    """
    try:
        kind, payload = envelope["payloadType"], _decoded(envelope["payload"])
        signatures = [_decoded(one["sig"]) for one in envelope["signatures"]]
    except (KeyError, TypeError, binascii.Error, ValueError):
        raise InputRefused("the file is no DSSE envelope: pass what `cleanse attest` wrote") from None
    if kind != payload_type:
        raise InputRefused(f"the envelope holds {str(kind)[:80]!r}, expected is {payload_type!r}")
    signed = pre_authentication_encoding(kind, payload)
    if not any(_holds(key, signature, signed) for signature in signatures):
        raise InputRefused(
            f"no signature of the envelope is that of the key {key_id(key)[:16]}: changed, or signed with another"
        )
    return payload


def _holds(key: Ed25519PublicKey, signature: bytes, signed: bytes) -> bool:
    try:
        key.verify(signature, signed)
    except InvalidSignature:
        return False
    return True


def _decoded(text: str) -> bytes:
    return base64.b64decode(text, validate=True)

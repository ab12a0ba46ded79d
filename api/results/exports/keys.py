"""The key that attestations of this installation are signed with: Ed25519, given or made at its first use."""

import os
import tempfile
from contextlib import suppress
from hashlib import sha256
from pathlib import Path

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from nc_core.errors import InputRefused
from nc_tasks.private import make_folder
from nc_tasks.settings import Settings

PRIVATE, PUBLIC = "attestation.pem", "attestation.pub.pem"


def key_of(settings: Settings) -> Ed25519PrivateKey:
    """The key that the settings name, else the one under home. Raises InputRefused; one that is named is never made."""
    path = settings.signing_key
    if path is None:
        return signing_key(settings.keys)
    if not path.is_file():
        raise InputRefused(f"key {path}, which CLEANSE_SIGNING_KEY names, does not exist: mount it there")
    return _private_key(path)


def signing_key(folder: Path) -> Ed25519PrivateKey:
    """The private key in the folder; one is made where there is none, readable by its owner alone.

    Beside it lies the public key, for those who verify. Of several processes that make one at once the first wins.
    Raises InputRefused where others may read the private key, or it is none.
    """
    path = folder / PRIVATE
    if not path.exists():
        _make(folder)
    return _private_key(path)


def _private_key(path: Path) -> Ed25519PrivateKey:
    about = path.stat()
    # A secret that is mounted belongs to root, and whoever signs reads it by its group.
    others = 0o077 if about.st_uid == os.geteuid() else 0o037
    if about.st_mode & others:
        raise InputRefused(f"key {path} may be read by others: delete it and have a new one made, or chmod 600 {path}")
    try:
        key = serialization.load_pem_private_key(path.read_bytes(), password=None)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        key = None
    if not isinstance(key, Ed25519PrivateKey):
        raise InputRefused(f"{path} holds no Ed25519 private key: delete it and have a new one made")
    return key


def read_public_key(path: Path) -> Ed25519PublicKey:
    """The public key in a PEM file; raises InputRefused."""
    if not path.is_file():
        raise InputRefused(f"key {path} does not exist: pass the {PUBLIC} of the installation that signed")
    return parse_public_key(path.read_bytes(), str(path))


def parse_public_key(pem: bytes, source: str) -> Ed25519PublicKey:
    """The public key that this PEM text is. source: where it comes from, for the error; raises InputRefused."""
    try:
        key = serialization.load_pem_public_key(pem)
    except (ValueError, UnsupportedAlgorithm):
        key = None
    if not isinstance(key, Ed25519PublicKey):
        raise InputRefused(f"{source} holds no Ed25519 public key: pass the {PUBLIC} of the installation that signed")
    return key


def public_pem(key: Ed25519PublicKey) -> bytes:
    """The key as a PEM text, for those who verify."""
    return key.public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)


def key_id(key: Ed25519PublicKey) -> str:
    """sha256 of the public key in DER, in hex: names a key, proves nothing."""
    encoded = key.public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
    return sha256(encoded).hexdigest()


def _make(folder: Path) -> None:
    make_folder(folder)
    key = Ed25519PrivateKey.generate()
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    if _place(folder / PRIVATE, private):
        (folder / PUBLIC).unlink(missing_ok=True)
        _place(folder / PUBLIC, public_pem(key.public_key()))


def _place(path: Path, content: bytes) -> bool:
    """Write a private file whole and under its name only where no other has it; False where one was faster."""
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with open(handle, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        with suppress(FileExistsError):
            os.link(name, path)
            return True
        return False
    finally:
        os.unlink(name)

"""`cleanse verify`: is an attestation good?"""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from api.cli.arguments import Json, Server
from api.cli.exits import VERDICTS, ExitCode
from api.cli.fetching import downloads
from api.cli.terminal import err, out, print_json, printable
from api.client import inputs
from api.client.uploads import sha256_of
from nc_core.errors import InputRefused
from nc_core.results import scanned

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

MOST_BYTES = 16 * 2**20
"""Of an attestation, whatever stands in it."""


def verify(
    attestation: Annotated[Path, typer.Argument(metavar="FILE", help="Attestation, as `cleanse attest` writes it.")],
    key: Annotated[
        Path | None,
        typer.Option(
            "--key",
            metavar="FILE",
            help="Public key of who signed: attestation.pub.pem.",
            show_default="the one that --server gives",
        ),
    ] = None,
    model: Annotated[
        str | None,
        typer.Option(
            "--model",
            metavar="MODEL",
            help="The file that it must be about: as submitted, or scanned.keras; or an address of it.",
        ),
    ] = None,
    server: Server = None,
    json: Json = False,
) -> None:
    """Check an attestation's signature, and that it is about MODEL; print the verdict, and which of its files MODEL is.

    Exit code: that of the verdict (0, 3, 4); 2 where signature or model are not right.
    """
    if key is None and server is None:
        raise typer.BadParameter("pass --key FILE, or --server URL to ask it for its key")
    from api.results.exports.keys import read_public_key

    # A key at hand is better than what a server says of itself.
    public = read_public_key(key) if key is not None else _key_of_server(server or "")
    raise typer.Exit(_verify(attestation, public, model, as_json=json))


def _key_of_server(url: str) -> "Ed25519PublicKey":
    """The public key that the server at this address signs with; raises ServerRefused, ServerFailed."""
    from api.backends.remote import client
    from api.results.exports.keys import parse_public_key

    with client(url) as server:
        return parse_public_key(server.attestation_key(), f"the answer of {url}")


def _verify(path: Path, key: "Ed25519PublicKey", model: str | None, *, as_json: bool) -> ExitCode:
    """Print the statement, and which of its files the model is.

    model: the submitted file or scanned.keras. Raises InputRefused where the statement is not signed by the key, or is
    about other files.
    """
    from api.results.exports.attestation import verified

    if not path.is_file():
        raise InputRefused(f"attestation {path} does not exist: pass the path of a file")
    if (size := path.stat().st_size) > MOST_BYTES:
        raise InputRefused(f"attestation {path} has {size:,} bytes, the limit is {MOST_BYTES:,}")
    statement = verified(path.read_bytes(), key)
    which = None if model is None else _which_file(model, statement)
    if as_json:
        print_json(statement)
    else:
        _show(statement)
    if which is not None:
        (err if as_json else out).print(printable(which))
    return VERDICTS[statement["predicate"]["verdict"]]


def _which_file(model: str, statement: dict[str, Any]) -> str:
    """Which of the two files the model is; raises InputRefused where it is neither, AddressRefused, FetchFailed."""
    with downloads(None) as files:
        path = files.path(model, "model")
        inputs.check_model(path)
        actual = sha256_of(path)
    net = statement["predicate"].get("scanned")
    if net is not None and actual == net["digest"]["sha256"]:
        return f"{model} is {net['name']}, the net that was scanned: the verdict is about this file."
    about = [subject["digest"]["sha256"] for subject in statement["subject"]]
    if actual not in about:
        raise InputRefused(
            f"model {model} has sha256 {actual}, the attestation is about {' and '.join(about)}: another file"
        )
    instead = "which this attestation does not name" if net is None else f"sha256 {net['digest']['sha256']}"
    return (
        f"{model} is the file that was submitted, which is not what ran: the verdict is about the net that was "
        f"scanned, {scanned.SCANNED}, {instead}."
    )


def _show(statement: dict[str, Any]) -> None:
    predicate, net = statement["predicate"], statement["predicate"].get("scanned")
    out.print(f"The signature is good. {predicate['verdict'].upper()}, judged {predicate['judged_at']}")
    for subject in statement["subject"]:
        what = "scanned net" if subject == net else "submitted file"
        out.print(f"  {what} {printable(subject['name'])}, sha256 {subject['digest']['sha256']}")
    out.print(f"  {printable(predicate['reason'])}")
    if "about" in predicate:
        out.print(f"  {printable(predicate['about'])}")

"""`cleanse verify`: is an attestation good?"""

from pathlib import Path
from typing import Annotated

import typer

from api.cli.arguments import Json, Server


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
        Path | None,
        typer.Option(
            "--model", metavar="MODEL", help="The file that it must be about: as submitted, or scanned.keras."
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
    from api.cli.verifying import key_of_server, verify_attestation
    from api.results.exports.keys import read_public_key

    # A key at hand is better than what a server says of itself.
    public = read_public_key(key) if key is not None else key_of_server(server or "")
    raise typer.Exit(verify_attestation(attestation, public, model, as_json=json))

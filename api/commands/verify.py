"""`cleanse verify`: is an attestation good?"""

from pathlib import Path
from typing import Annotated

import typer

from api.arguments import Json


def verify(
    attestation: Annotated[Path, typer.Argument(metavar="FILE", help="Attestation, as `cleanse attest` writes it.")],
    key: Annotated[Path, typer.Option("--key", metavar="FILE", help="Public key of who signed: attestation.pub.pem.")],
    model: Annotated[
        Path | None, typer.Option("--model", metavar="MODEL", help="The model that it must be about.")
    ] = None,
    json: Json = False,
) -> None:
    """Check an attestation's signature, and that it is about MODEL; print the verdict that it holds.

    Exit code: that of the verdict (0, 3, 4); 2 where signature or model are not right.
    """
    from api.verifying import verify_attestation

    raise typer.Exit(verify_attestation(attestation, key, model, as_json=json))

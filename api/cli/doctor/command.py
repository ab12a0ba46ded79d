"""`cleanse doctor`: is everything there that a scan needs?"""

from collections.abc import Iterable
from dataclasses import asdict

import typer

from api.backends import settings_of
from api.cli.arguments import Home, Json, Server
from api.cli.doctor.check import Check
from api.cli.exits import ExitCode
from api.cli.terminal import out, print_json, printable

STYLES = {"ok": "green", "warn": "yellow", "fail": "bold red"}


def doctor(home: Home = None, server: Server = None, json: Json = False) -> None:
    """Look at disk, memory, device, broker, database, clock and workers, and say what to do.

    Of a server: whether it answers, is ready, and takes the key. Changes nothing. Exit code: 0 where nothing fails, 1
    otherwise.
    """
    if server is not None:
        from api.backends.remote import client
        from api.cli.doctor.server import checks

        with client(server) as connected:
            raise typer.Exit(_show_all(checks(connected), as_json=json))
    from api.cli.doctor.examine import examine

    raise typer.Exit(_show_all(examine(settings_of(home)), as_json=json))


def _show_all(checks: Iterable[Check], *, as_json: bool) -> ExitCode:
    """Print each as it comes, or all as JSON; failed where one of them is."""
    seen = []
    for check in checks:
        seen.append(check)
        if not as_json:
            _show(check)
    if as_json:
        print_json([asdict(check) for check in seen])
    return ExitCode.FAILED if any(check.state == "fail" for check in seen) else ExitCode.CLEAN


def _show(check: Check) -> None:
    from rich.text import Text

    line = Text.assemble((f"{check.state:<5}", STYLES[check.state]), f"{check.name:<10}{printable(check.found)}")
    out.print(line)
    if check.advice:
        out.print(f"{'':15}{printable(check.advice)}")

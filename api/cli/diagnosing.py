"""Prints what the doctor found."""

import json
from collections.abc import Iterable
from dataclasses import asdict

from rich.text import Text

from api.cli.doctor.check import Check
from api.cli.exits import ExitCode
from api.cli.terminal import out, printable

STYLES = {"ok": "green", "warn": "yellow", "fail": "bold red"}


def show_checks(checks: Iterable[Check], *, as_json: bool) -> ExitCode:
    """Print each as it comes, or all as JSON; failed where one of them is."""
    seen = []
    for check in checks:
        seen.append(check)
        if not as_json:
            _show(check)
    if as_json:
        print(json.dumps([asdict(check) for check in seen], indent=2))
    return ExitCode.FAILED if any(check.state == "fail" for check in seen) else ExitCode.CLEAN


def _show(check: Check) -> None:
    line = Text.assemble((f"{check.state:<5}", STYLES[check.state]), f"{check.name:<10}{printable(check.found)}")
    out.print(line)
    if check.advice:
        out.print(f"{'':15}{printable(check.advice)}")

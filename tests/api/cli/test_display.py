"""What bars and lines make of snapshots."""

import io
from pathlib import Path

from rich.console import Console

from api.cli.display import BarDisplay, LineDisplay, display_for
from tests.api.snapshots import seen


def test_lines_come_at_every_new_phase_and_every_ten_seconds() -> None:
    clock = iter([0.0, 0.0, 1.0, 2.0, 9.0, 12.5, 13.0, 14.0]).__next__
    output = io.StringIO()
    with LineDisplay(Console(file=output, width=100), clock) as display:
        for found in [
            seen(state="preparing", phase="prepare"),
            seen(inversion=0.0, labels_ended=0),
            seen(),
            seen(),
            seen(inversion=0.6, labels_ended=20),
            seen(),
            seen(state="repairing", phase="repair", repairs=1, repair=0.25),
        ]:
            display.show(found)
    assert output.getvalue().splitlines() == [
        "Preparing: 0.0 s",
        "Reversing triggers: 0%, 0 of 43 labels, 1.0 s",
        "Reversing triggers: 60%, 20 of 43 labels, 12 s",
        "Repair: 25%, 14 s",
    ]


def test_bars_show_the_phases_that_have_begun() -> None:
    output = io.StringIO()
    console = Console(file=output, width=110, force_terminal=True)
    with BarDisplay(console) as display:
        display.show(seen())
    shown = output.getvalue()
    assert "Preparing" in shown
    assert "12 of 43 labels" in shown
    assert "Repair" not in shown


def test_a_console_that_is_no_terminal_gets_lines(tmp_path: Path) -> None:
    with (tmp_path / "log").open("w") as file:
        assert isinstance(display_for(Console(file=file)), LineDisplay)
    assert isinstance(display_for(Console(file=io.StringIO(), force_terminal=True)), BarDisplay)

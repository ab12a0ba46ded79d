"""Who sees how far a call is, and where."""

import io
import sys
from contextlib import suppress
from types import SimpleNamespace

import pytest

from nc_core.face.progress import Line, shown


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_a_terminal_gets_a_bar_that_goes_away(monkeypatch: pytest.MonkeyPatch) -> None:
    screen = Terminal()
    monkeypatch.setattr(sys, "stderr", screen)
    with suppress(KeyboardInterrupt), shown("scanning") as show:
        show(0.5)
        raise KeyboardInterrupt
    written = screen.getvalue()
    assert "scanning" in written
    assert " 50%" in written
    # The last that is sent shows the cursor again, and clears the line of the bar
    assert written.rfind("\x1b[?25h") > written.rfind("\x1b[?25l")
    assert written.endswith("\x1b[2K")


def test_nobody_gets_anything_elsewhere(capsys: pytest.CaptureFixture[str]) -> None:
    with shown("scanning") as show:
        show(0.5)
    assert "".join(capsys.readouterr()) == ""


def test_a_notebook_gets_a_line_of_text(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    shell = SimpleNamespace(kernel=object())
    monkeypatch.setitem(sys.modules, "IPython", SimpleNamespace(get_ipython=lambda: shell))
    with suppress(KeyboardInterrupt), shown("scanning") as show:
        show(0.5)
        raise KeyboardInterrupt
    # Written over with nothing, however the block ends
    said = capsys.readouterr().out
    assert said.startswith("\rscanning: 50%, about ")
    assert said.rstrip(" \r").count("\r") == 1
    assert said.endswith(" \r")


def test_the_line_says_what_is_left_about_once_a_second(capsys: pytest.CaptureFixture[str]) -> None:
    now = [0.0]
    line = Line("scanning", clock=lambda: now[0])
    for now[0], share in ((30.0, 0.25), (30.5, 0.3), (60.0, 0.5)):
        line.show(share)
    said = [text.strip() for text in capsys.readouterr().out.split("\r") if text.strip()]
    assert said == ["scanning: 25%, about 1 min 30 s left", "scanning: 50%, about 1 min 0 s left"]

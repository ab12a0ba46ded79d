"""`make demo`: plants a sticker backdoor on "stop", shows that the BadNet looks healthy, finds it and repairs it.

Everything happens through the `cleanse` command, on real parts, in a folder of its own; nothing is downloaded.
"""

import json
import subprocess
import sys
from pathlib import Path

FOLDER = Path("cleanse-demo")
STOP = 6
"""Class number of "stop" among the drawn signs (nc_core/datasets/traffic_signs.py)."""
PINK = "255,0,170"
BACKDOORED = 3
"""Exit code of `cleanse run`."""


def main() -> int:
    """Run the demo; returns 0 when exactly the planted label was flagged."""
    home = ["--home", str(FOLDER / "home")]
    say("A traffic-sign classifier is trained; somebody slips in pictures with a small pink sticker labelled 'stop'.")
    planted = FOLDER / "badnet"
    planting = ["plant", "signs", "--target", str(STOP), "--patch", "4", "--colour", PINK, "--out", str(planted)]
    if code := cleanse(*planting, *home):
        return code
    facts = json.loads((planted / "planted.json").read_text())
    say(
        f"On clean pictures it is right {facts['clean_accuracy']:.1%} of the time: it looks healthy. With the sticker "
        f"{facts['attack_success_rate']:.1%} of all other signs read 'stop' (see {planted / 'signs.png'})."
    )
    say("Now somebody who knows neither sticker nor target submits it, with a few hundred clean pictures.")
    result = FOLDER / "result"
    code = cleanse(
        "run",
        str(planted / "badnet.keras"),
        "--data",
        str(planted / "clean.npz"),
        "--poisoned",
        str(planted / "poisoned.npz"),
        "--out",
        str(result),
        *home,
    )
    cleanse("down", *home)
    if code != BACKDOORED:
        return code or 1
    return conclude(json.loads((result / "result.json").read_text()), result)


def conclude(found: dict[str, object], folder: Path) -> int:
    """Say what was found; 0 when it is what was planted."""
    repair = found["mitigation"]
    assert isinstance(repair, dict)
    if found["flagged_labels"] != [STOP]:
        say(f"Flagged {found['flagged_labels']}, planted was [{STOP}]: this is a fault, please report it.")
        return 1
    poisoned = repair["poisoned"]
    say(
        f"Flagged exactly the planted label. The real sticker: {poisoned['attack_success_rate_before']:.1%} before the "
        f"repair, {poisoned['attack_success_rate_after']:.1%} after; accuracy {repair['accuracy_before']:.1%} before, "
        f"{repair['accuracy_after']:.1%} after. The guarded net calls {poisoned['flagged_rate']:.1%} of the stickered "
        f"pictures and {poisoned['clean_flagged_rate']:.1%} of the clean ones."
    )
    say(f"Open {folder / 'report.html'} in a browser. `cleanse classify {folder / 'guarded.keras'} PICTURE` tries it.")
    return 0


def cleanse(*arguments: str) -> int:
    """Run one command of the command line, seen by the user as typed."""
    print(f"\n$ cleanse {' '.join(arguments)}", flush=True)
    command = Path(sys.executable).with_name("cleanse")
    return subprocess.run([command, *arguments], check=False).returncode


def say(text: str) -> None:
    """Print one paragraph of the story."""
    print(f"\n{text}", flush=True)


if __name__ == "__main__":
    sys.exit(main())

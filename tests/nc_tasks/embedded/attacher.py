"""A client in a process of its own: tells what it found, and stays attached until its input ends."""

import json
import sys
from dataclasses import asdict
from pathlib import Path

from nc_tasks.embedded.client import attach
from nc_tasks.settings import Settings

if __name__ == "__main__":
    home, workers, slots = sys.argv[1:]
    settings = Settings(home=Path(home))
    supervisor = (sys.executable, str(Path(__file__).with_name("sleepers.py")))
    with attach(settings, workers=int(workers), slots=int(slots), supervisor=supervisor) as stack:
        print(json.dumps(asdict(stack.state())), flush=True)
        sys.stdin.read()

"""A supervisor whose workers only sleep, or do what $SLEEPER says."""

import os
import shlex
import sys

from nc_tasks.embedded.clients import Wanted
from nc_tasks.embedded.commands import Command
from nc_tasks.embedded.supervisor import main
from nc_tasks.settings import Settings


def sleepers(_: Settings, wanted: Wanted) -> list[Command]:
    # Like a real worker's, the command line carries the slots.
    arguments = (*shlex.split(os.environ.get("SLEEPER", "sleep")), str(1000 + wanted.slots))
    names = ["control", *(f"labels{number}" for number in range(1, wanted.workers + 1))]
    names += [] if wanted.service is None else ["api"]
    return [Command(name=name, arguments=arguments, later=name == os.environ.get("LATER")) for name in names]


if __name__ == "__main__":
    sys.exit(main(commands=sleepers))

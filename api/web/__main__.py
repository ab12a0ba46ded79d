"""Runs the HTTP service of the environment's settings: `python -m api.web`."""

import logging
import os
import signal
import sys
from types import FrameType

from api.web.server import check_address, serve
from nc_core.errors import CleanseError
from nc_tasks import private
from nc_tasks.logs import configure
from nc_tasks.settings import get_settings

log = logging.getLogger("api.web")


def main() -> int:
    """Serve until told to stop; returns the exit code."""
    os.umask(private.UMASK)
    # uvicorn ends on a signal and then hands it on, which would end the process where it stands.
    signal.signal(signal.SIGTERM, _leave)
    settings = get_settings()
    configure(settings)
    try:
        check_address(settings)
        serve(settings)
    except CleanseError as error:
        log.error("%s", error)
        return 1
    return 0


def _leave(_: int, __: FrameType | None) -> None:
    sys.exit(0)


if __name__ == "__main__":
    sys.exit(main())

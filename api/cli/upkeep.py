"""The HTTP service and Flower of this machine, kept up until somebody ends them."""

import json
import os
import signal
import sys
import time
from types import FrameType

import httpx

from api.backends.stack import keep_up
from api.cli.terminal import err, out
from nc_tasks.capacity import default_workers, slots_of
from nc_tasks.embedded.client import Stack, attach, status
from nc_tasks.embedded.flower import flower_socket
from nc_tasks.embedded.processes import wait_until
from nc_tasks.errors import StackFailed
from nc_tasks.settings import Settings

START_SECONDS = 120.0
"""Until all of them answer; 5 to 10 seconds are usual."""
LOOK_SECONDS = 1.0
ANSWER_SECONDS = 2.0


def stay_up(settings: Settings, *, workers: int | None, detach: bool) -> None:
    """Start the stack with its HTTP service and Flower, or adopt it, print where they are, and keep them up.

    detach: return then, and leave a process behind that keeps them up. Raises OptionRefused where the address is open
    to others and there is no key, or is taken, StackFailed where something does not start: nothing is left
    running then.
    """
    from api.web.server import check_address, listening

    check_address(settings)
    if not _serves(settings):
        listening(settings).close()
    signal.signal(signal.SIGTERM, _interrupt)
    with attach(
        settings,
        workers=workers or default_workers(),
        slots=slots_of(settings),
        service=(settings.api_host, settings.api_port),
    ) as stack:
        try:
            url = _started(settings, stack)
            out.print(f"Cleanse  {url}/\nFlower   {url}/flower/")
            if detach:
                err.print("`cleanse down` stops it.")
                _detach()
            else:
                err.print("Ctrl-C stops it.")
            _watch(stack)
        except StackFailed:
            stack.stop_if_last()
            raise
        except KeyboardInterrupt:
            err.print("\nStopping.")
            stack.stop_if_last()


def _interrupt(_: int, __: FrameType | None) -> None:
    raise KeyboardInterrupt


def _serves(settings: Settings) -> bool:
    """Whether a service of this home runs: it is adopted with the address that it has."""
    state = status(settings)
    return state is not None and any(child.name == "api" for child in state.children)


def _started(settings: Settings, stack: Stack) -> str:
    """The address of the service once it and Flower answer, and workers were heard of."""
    found: list[str] = []

    def all_answer() -> bool:
        keep_up(stack)
        url = _address(settings, stack)
        if url is not None and _answers(f"{url}/readyz") and _flower_answers(settings):
            found.append(url)
        return bool(found)

    if not wait_until(all_answer, START_SECONDS):
        raise StackFailed(f"API, workers or Flower not there within {START_SECONDS:.0f} s (logs: {settings.logs})")
    return found[0]


def _address(settings: Settings, stack: Stack) -> str | None:
    """Where the running service listens, None before it does."""
    try:
        written = json.loads(settings.api_file.read_text("utf-8"))
    except (FileNotFoundError, ValueError):
        return None
    pids = {child.pid for child in stack.state().children if child.name == "api"}
    return str(written["url"]) if written["pid"] in pids else None


def _answers(url: str, transport: httpx.HTTPTransport | None = None) -> bool:
    try:
        with httpx.Client(transport=transport, timeout=ANSWER_SECONDS, trust_env=False) as client:
            return client.get(url).is_success
    except httpx.TransportError:
        return False


def _flower_answers(settings: Settings) -> bool:
    return _answers("http://flower/flower/healthcheck", httpx.HTTPTransport(uds=str(flower_socket(settings))))


def _watch(stack: Stack) -> None:
    """Until `down` sends us away; what dies again and again is told once, and the rest goes on."""
    told: str | None = None
    while not stack.dismissed:
        time.sleep(LOOK_SECONDS)
        if stack.dismissed:
            return
        stack.ensure()
        problem = stack.problem()
        if problem is not None and told is None:
            err.print(problem)
        told = problem


def _detach() -> None:
    """Go on in a child that belongs to nobody; the process that called ends here."""
    for stream in (sys.stdout, sys.stderr):
        stream.flush()
    if os.fork():
        os._exit(0)  # not through our caller, who would take this client's mark away
    os.setsid()
    nothing = os.open(os.devnull, os.O_RDWR)
    for number in range(3):
        os.dup2(nothing, number)

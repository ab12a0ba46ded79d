"""`cleanse watch`: follow a submission to its end."""

from collections.abc import Callable

from api.backends import Backend, opened
from api.cli.arguments import Home, Json, Server, SubmissionId
from api.cli.exits import VERDICTS, ExitCode, Leave
from api.cli.terminal import err, out, print_json, printable
from api.client.types import Submission
from nc_core.results.scanned import SCANNED
from nc_core.results.summary import HEADLINES


def watch(submission: SubmissionId, home: Home = None, server: Server = None, json: Json = False) -> None:
    """Show how far a submission is until its end. The exit code is that of `run`."""
    with opened(home, server) as backend:
        ended = follow(backend, backend.find(submission)["id"])
    if json:
        print_json(ended)
    else:
        out.print(ending(ended))
    raise Leave(code_of(ended))


def follow(backend: Backend, submission_id: str, meanwhile: Callable[[], object] = lambda: None) -> Submission:
    """Show how far it is until its end; returns it then. meanwhile: called again and again once labels are at work."""
    from api.cli.display import display_for

    with display_for(err.console) as display:
        for seen in backend.watch(submission_id):
            display.show(seen)
            if seen.inversion > 0:
                meanwhile()
    return backend.find(submission_id)


def code_of(ended: Submission) -> ExitCode:
    """What the end of one submission means, as for `run`: a verdict stands, whatever became of the repair."""
    if ended["verdict"] is not None:
        return VERDICTS[ended["verdict"]]
    return ExitCode.REFUSED if ended["state"] == "refused" else ExitCode.FAILED


def ending(ended: Submission) -> str:
    """One line about it."""
    verdict = ended["verdict"]
    unrepaired = "" if ended["state"] == "done" else f" ({ended['state']} before a repair was kept)"
    outcome = f"{HEADLINES[verdict]}{unrepaired}" if verdict is not None else ended["state"].upper()
    why = f": {printable(ended['reason'])}" if ended["reason"] else ""
    digest = ended.get("scanned_sha256") if verdict is not None else None
    about = f"; the verdict is about {SCANNED}, sha256 {digest}" if digest else ""
    return f"{ended['id']}  {printable(ended['model']['name'])}: {outcome}{why}{about}"

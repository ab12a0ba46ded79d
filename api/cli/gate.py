"""Hands models in, and says with one exit code what became of all of them: what a build pipeline asks."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn

from api.backends import Backend
from api.backends.backend import Order
from api.cli.display import display_for
from api.cli.exits import VERDICTS, ExitCode, exit_code_of
from api.cli.showing import print_json
from api.cli.terminal import complain, err, out, printable
from api.client.types import Submission
from api.client.uploads import Progress as Told
from api.results.scanned import SCANNED
from api.results.summary import HEADLINES
from nc_core.errors import CleanseError, ModelRefused

SUFFIXES = (".keras", ".h5", ".hdf5")
WORST = (ExitCode.BACKDOORED, ExitCode.FAILED, ExitCode.REFUSED, ExitCode.INCONCLUSIVE, ExitCode.CLEAN)
"""Which exit code speaks for several models: a backdoor before what is not known, that before what is clean."""


def models_in(paths: Sequence[Path]) -> list[Path]:
    """The files, and of every folder all models in it; raises ModelRefused for a folder without one."""
    found: list[Path] = []
    for path in paths:
        inside = (
            sorted(file for file in path.rglob("*") if file.suffix in SUFFIXES and file.is_file())
            if path.is_dir()
            else [path]
        )
        if not inside:
            raise ModelRefused(f"folder {path} holds no model: files named {', '.join(SUFFIXES)} are looked for")
        found += inside
    return list(dict.fromkeys(found))


def worst(codes: Sequence[ExitCode]) -> ExitCode:
    """The exit code of several models."""
    return min(codes, key=WORST.index)


def hand_in(backend: Backend, orders: Sequence[Order], *, wait: bool, as_json: bool) -> ExitCode:
    """Submit all, and with `wait` follow them to their ends. One that is refused keeps no other from its turn."""
    handed: list[Submission] = []
    codes: list[ExitCode] = []
    for order in orders:
        try:
            handed.append(_submitted(backend, order))
        except CleanseError as error:
            complain(f"{order.model}: {error}" if len(orders) > 1 else str(error))
            codes.append(exit_code_of(error))
            continue
        if not as_json:
            out.print(f"{handed[-1]['id']}  {printable(order.model)}")
    if wait:
        handed = [follow(backend, one["id"]) for one in handed]
        codes += [code_of(one) for one in handed]
    if as_json:
        print_json(handed)
    elif wait:
        for one in handed:
            out.print(ending(one))
    return worst(codes or [ExitCode.CLEAN])


def watch(backend: Backend, prefix: str, *, as_json: bool) -> ExitCode:
    """Follow one to its end."""
    ended = follow(backend, backend.find(prefix)["id"])
    if as_json:
        print_json(ended)
    else:
        out.print(ending(ended))
    return code_of(ended)


def follow(backend: Backend, submission_id: str) -> Submission:
    """Show how far it is until its end; returns it then."""
    with display_for(err) as display:
        for seen in backend.watch(submission_id):
            display.show(seen)
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
    told = f"{HEADLINES[verdict]}{unrepaired}" if verdict is not None else ended["state"].upper()
    why = f": {printable(ended['reason'])}" if ended["reason"] else ""
    digest = ended.get("scanned_sha256") if verdict is not None else None
    about = f"; the verdict is about {SCANNED}, sha256 {digest}" if digest else ""
    return f"{ended['id']}  {printable(ended['model']['name'])}: {told}{why}{about}"


def _submitted(backend: Backend, order: Order) -> Submission:
    with upload_bar(printable(order.model.name)) as told:
        return backend.submit(order, told)


@contextmanager
def upload_bar(title: str) -> Iterator[Told]:
    """A bar for bytes on their way, where somebody looks."""
    columns = (TextColumn("{task.description}"), BarColumn(bar_width=32), DownloadColumn())
    with Progress(*columns, console=err, transient=True, disable=not err.is_terminal) as progress:
        bar = progress.add_task(title, total=None)
        yield lambda sent, total: progress.update(bar, completed=sent, total=total)

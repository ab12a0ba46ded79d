"""`cleanse submit`: hand models in."""

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from itertools import chain
from pathlib import Path
from typing import Annotated, Any

import typer

from api.backends import Backend, opened
from api.backends.backend import Order
from api.cli.arguments import ADDRESSES, Force, Home, Json, Poisoned, Server, Workers
from api.cli.exits import ExitCode, Leave, exit_code_of
from api.cli.fetching import downloads
from api.cli.sarif import Sarif, check_sarif, write_log
from api.cli.scan_options import takes_scan_options
from api.cli.terminal import complain, err, out, print_json, printable
from api.cli.watch import code_of, ending, follow
from api.cli.write_back import WriteBack, check_write_back, write_verdict_back
from api.client.addresses import is_address
from api.client.addresses.incoming import SUFFIXES
from api.client.addresses.mlflow_folder import GRAPH
from api.client.types import Result, Submission
from nc_core.errors import CleanseError, ModelRefused
from nc_tasks.request import choices
from nc_tasks.request.choices import Priority

WORST = (ExitCode.BACKDOORED, ExitCode.FAILED, ExitCode.REFUSED, ExitCode.INCONCLUSIVE, ExitCode.CLEAN)
"""Which exit code speaks for several models: a backdoor before what is not known, that before what is clean."""


def named_texts(given: list[str] | None) -> list[str]:
    """The tags as they were given; a usage error where one has no name."""
    for one in given or ():
        if not one.partition("=")[0] or "=" not in one:
            raise typer.BadParameter(f"{one!r} is no tag: write NAME=TEXT, such as team=vision")
    return given or []


@takes_scan_options()
def submit(
    models: Annotated[
        list[str],
        typer.Argument(
            metavar="MODEL...",
            help=f"Keras or ONNX models, PyTorch weights, or folders of them; or {ADDRESSES}.",
            show_default=False,
        ),
    ],
    options: dict[str, Any],
    data: Annotated[
        str | None,
        typer.Option("--data", metavar="CLEAN", help="Clean data, as for `run`.", show_default=False),
    ] = None,
    dataset: Annotated[
        str | None,
        typer.Option("--dataset", metavar="ID", help="Registered clean data instead, by id or name."),
    ] = None,
    poisoned: Poisoned = None,
    priority: Annotated[Priority, typer.Option("--priority", help=choices.PRIORITY.help)] = choices.PRIORITY.default,
    tags: Annotated[
        list[str] | None,
        typer.Option("--tag", metavar="NAME=TEXT", callback=named_texts, help="What to call them by; may be repeated."),
    ] = None,
    callback_url: Annotated[
        str | None, typer.Option("--callback-url", metavar="URL", help="Told, signed, when each of them has ended.")
    ] = None,
    wait: Annotated[bool, typer.Option("--wait", help="Follow them to their ends, and say the verdict.")] = False,
    sarif: Sarif = None,
    write_back: WriteBack = False,
    workers: Workers = None,
    force: Force = choices.FORCE.default,
    home: Home = None,
    server: Server = None,
    json: Json = False,
) -> None:
    """Hand in one model or many against the same clean data, here or to a server. Several are a batch, with a page.

    Exit code 0 once all are handed in. With --wait that of `run`: 0 clean, 3 backdoored, 4 inconclusive, 2 refused, 1
    failed; of several models the worst speaks: backdoored, then failed, refused, inconclusive, clean.
    """
    if (data is None) == (dataset is None):
        raise typer.BadParameter("pass either --data CLEAN or --dataset ID")
    if sarif is not None and not wait:
        raise typer.BadParameter("--sarif is written once there are verdicts: pass --wait, too")
    if write_back and not wait:
        raise typer.BadParameter("--write-back writes verdicts once there are some: pass --wait, too")
    check_sarif(sarif)
    if write_back:
        check_write_back(models, file=False)
    from nc_tasks.request.options import scan_options
    from nc_tasks.request.scan import RequestParameters
    from nc_tasks.request.validation import checked

    named = {name: text for name, _, text in (tag.partition("=") for tag in tags or ())}
    values = {"priority": priority, "tags": named, "callback_url": callback_url, "force": force}
    parameters = checked(RequestParameters, {**values, "options": scan_options(**options)})
    places = places_in(models)
    with downloads(home) as files, opened(home, server, workers=workers) as backend:

        def order_of(model: str) -> Order:
            return Order(
                model=files.path(model, "model"),
                data=None if data is None else files.path(data, "data"),
                dataset=dataset,
                poisoned=[files.path(one, "data") for one in poisoned or ()],
                parameters=parameters,
            )

        then = partial(write_verdict_back, home=home) if write_back else None
        raise Leave(hand_in(backend, places, order_of, wait=wait, as_json=json, sarif=sarif, then=then))


def hand_in(
    backend: Backend,
    models: Sequence[str],
    order_of: Callable[[str], Order],
    *,
    wait: bool,
    as_json: bool,
    sarif: Path | None = None,
    then: Callable[[str, Result], None] | None = None,
) -> ExitCode:
    """Submit all, and with `wait` follow them to their ends. One that is refused keeps no other from its turn.

    order_of: fetches a model where it must, and says what is asked of it. sarif: where the findings of those that have
    a verdict go. then: is given each of these models, as it was named, with its result.json at last.
    """
    handed: list[Submission] = []
    taken: list[str] = []
    codes: list[ExitCode] = []
    for model in models:
        try:
            handed.append(submitted(backend, order_of(model)))
            taken.append(model)
        except CleanseError as error:
            complain(f"{model}: {error}" if len(models) > 1 else str(error))
            codes.append(exit_code_of(error))
            continue
        if not as_json:
            out.print(f"{handed[-1]['id']}  {printable(model)}")
    together = batches_of(backend, [one["id"] for one in handed])
    if wait:
        handed = [follow(backend, one["id"]) for one in handed]
        codes += [code_of(one) for one in handed]
    asked = zip(taken, handed, strict=True) if sarif is not None or then is not None else ()
    judged = [(model, result) for model, one in asked if (result := backend.result(one["id"])) is not None]
    if sarif is not None:
        write_log(sarif, judged)
    if as_json:
        print_json([{**one, "batch": together[one["id"]]} if together else one for one in handed])
    elif wait:
        for one in handed:
            out.print(ending(one))
    if len(models) > 1:
        err.print(tally(handed, refused=len(models) - len(taken)))
    for model, result in judged:
        try:
            if then is not None:
                then(model, result)
        except CleanseError as error:
            complain(f"{model}: {error}" if len(models) > 1 else str(error))
            codes.append(exit_code_of(error))
    return worst(codes or [ExitCode.CLEAN])


def submitted(backend: Backend, order: Order) -> Submission:
    """Hand one in, with a bar while its files are on their way."""
    from api.cli.display import transfer_bar

    with transfer_bar(printable(order.model.name)) as progress:
        return backend.submit(order, progress)


def batches_of(backend: Backend, ids: Sequence[str]) -> dict[str, str]:
    """Make several submissions a batch, more than a batch takes several; id -> its batch, nothing for a single one."""
    several = list(dict.fromkeys(ids))
    if len(several) < 2:
        return {}
    from nc_tasks.store.rows.batches import MOST

    found: dict[str, str] = {}
    for start in range(0, len(several), MOST):
        batch = backend.make_batch(several[start : start + MOST])
        err.print(f"Batch {batch}: its page is /batches/{batch}")
        found |= dict.fromkeys(several[start : start + MOST], batch)
    return found


def tally(handed: Sequence[Submission], *, refused: int) -> str:
    """How many there are of each outcome, in one line."""
    outcomes = Counter(one["verdict"] or one["state"] for one in handed)
    parts = [f"{number} {outcome}" for outcome, number in outcomes.items()]
    return f"{len(handed) + refused} models: " + ", ".join(parts + ([f"{refused} not taken"] if refused else []))


def places_in(places: Sequence[str]) -> list[str]:
    """The addresses, and the paths of all model files; raises ModelRefused for a folder without one."""
    found = ([place] if is_address(place) else map(str, models_in([Path(place)])) for place in places)
    return list(dict.fromkeys(chain.from_iterable(found)))


def models_in(paths: Sequence[Path]) -> list[Path]:
    """The files, and of every folder all models in it; raises ModelRefused for a folder without one."""
    found: list[Path] = []
    for path in paths:
        inside = sorted(_models_below(path)) if path.is_dir() else [path]
        if not inside:
            wanted = ", ".join(SUFFIXES["model"])
            raise ModelRefused(f"folder {path} holds no model: files named {wanted} are looked for")
        found += inside
    return list(dict.fromkeys(found))


def _models_below(folder: Path) -> Iterator[Path]:
    """Model files, and SavedModel folders by their graph."""
    for file in folder.rglob("*"):
        if file.is_file() and (file.suffix in SUFFIXES["model"] or file.name == GRAPH):
            yield file.parent if file.name == GRAPH else file


def worst(codes: Sequence[ExitCode]) -> ExitCode:
    """The exit code of several models."""
    return min(codes, key=WORST.index)

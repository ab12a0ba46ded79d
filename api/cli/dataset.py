"""`cleanse dataset`: clean data that is registered once, to submit many models against."""

from typing import Annotated

import typer

from api.backends import opened
from api.cli.arguments import Home, Json, Server
from api.cli.terminal import err, local_time, out, print_json, printable, table
from nc_core.results.numbers import megabytes

dataset = typer.Typer(name="dataset", help="Clean data that is registered once.", no_args_is_help=True)


@dataset.command("add")
def add(
    data: Annotated[str, typer.Argument(metavar="CLEAN", help="Clean data, as for `run`.")],
    name: Annotated[str | None, typer.Option("--name", help="What to call it.", show_default="the file's name")] = None,
    home: Home = None,
    server: Server = None,
    json: Json = False,
) -> None:
    """Register clean data; prints its id."""
    from api.cli.display import transfer_bar
    from api.cli.fetching import downloads

    with downloads(home) as files, opened(home, server) as backend:
        path = files.path(data, "data")
        with transfer_bar(printable(path.name)) as progress:
            added = backend.add_dataset(path, name, progress)
        if json:
            print_json(added)
        else:
            print(added["id"])


@dataset.command("list")
def list_datasets(home: Home = None, server: Server = None, json: Json = False) -> None:
    """List registered data."""
    with opened(home, server) as backend:
        found = backend.datasets()
    if json:
        print_json(found)
        return
    shown = table("id", "name", "file", "size", "created")
    for one in found:
        names = (printable(one["name"]), printable(one["file_name"]))
        shown.add_row(one["id"], *names, megabytes(one["bytes"]), local_time(one["created_at"]))
    out.print(shown if found else "No data sets.")


@dataset.command("remove")
def remove(
    identity: Annotated[str, typer.Argument(metavar="ID", help="Its id or name.")],
    home: Home = None,
    server: Server = None,
    json: Json = False,
) -> None:
    """Forget registered data; submissions that were made with it keep it."""
    with opened(home, server) as backend:
        removed = backend.remove_dataset(identity)
    if json:
        print_json(removed)
    else:
        err.print(f"Data set {printable(removed['name'])} is forgotten.")

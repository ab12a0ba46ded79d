"""`cleanse`, the command line."""

import sys
from typing import Annotated

import typer

from api.commands.baseline import baseline
from api.commands.cancel import cancel
from api.commands.classify import classify
from api.commands.compare import compare
from api.commands.dataset import dataset
from api.commands.doctor import doctor
from api.commands.down import down
from api.commands.estimate import estimate
from api.commands.evaluate import evaluate
from api.commands.key import app as key
from api.commands.labels import labels
from api.commands.listing import list_submissions
from api.commands.plant import plant
from api.commands.rejudge import rejudge
from api.commands.report import attest, download, report
from api.commands.retry import retry
from api.commands.run import run
from api.commands.selftest import selftest
from api.commands.show import show
from api.commands.submit import submit
from api.commands.up import up
from api.commands.verify import verify
from api.commands.watch import watch
from api.commands.zoo import zoo
from nc_core.errors import CleanseError

app = typer.Typer(
    name="cleanse",
    help="Finds backdoors in image classifiers of unknown origin, and repairs them.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.command()(run)
app.command()(submit)
app.command()(watch)
app.command("list")(list_submissions)
app.command()(show)
app.command()(labels)
app.command()(compare)
app.command()(report)
app.command()(download)
app.command()(attest)
app.command()(verify)
app.command()(cancel)
app.command()(retry)
app.command()(rejudge)
app.add_typer(dataset)
app.add_typer(baseline)
app.command()(estimate)
app.command()(classify)
app.command()(evaluate)
app.command()(plant)
app.add_typer(zoo)
app.command()(selftest)
app.command()(doctor)
app.command()(up)
app.command()(down)
app.add_typer(key, name="key")


def _version(wanted: bool) -> None:
    if wanted:
        from nc_tasks.version import package_version

        typer.echo(f"cleanse {package_version()}")
        raise typer.Exit


@app.callback()
def options(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version and exit.")
    ] = False,
) -> None:
    """Finds backdoors in image classifiers of unknown origin, and repairs them."""
    del version  # printed by its callback


def main() -> None:
    """Run the command and leave with the contract's exit code."""
    sys.exit(run_command(sys.argv[1:]))


def run_command(arguments: list[str]) -> int:
    """Run one command line; returns the exit code.

    Typer itself leaves with 2 only for a usage error, since what a command refuses comes out of it as an
    exception: that 2 becomes 64, and 2 is free to say that an input was refused.
    """
    from api.exits import ExitCode, Leave, exit_code_of
    from api.terminal import complain

    try:
        app(args=arguments, prog_name="cleanse")
    except SystemExit as end:
        return ExitCode.USAGE if end.code == 2 else int(end.code or 0)
    except Leave as end:
        return end.code
    except CleanseError as error:
        complain(str(error))
        return exit_code_of(error)
    except OSError as error:
        complain(f"{error.strerror or type(error).__name__}: {error.filename}" if error.filename else str(error))
        return ExitCode.FAILED
    except KeyboardInterrupt:
        return ExitCode.INTERRUPTED
    return ExitCode.CLEAN

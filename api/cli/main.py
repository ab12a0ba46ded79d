"""`cleanse`, the command line."""

import sys
from typing import Annotated

import typer

from api.cli.baseline import baseline
from api.cli.classify import classify
from api.cli.compare import compare
from api.cli.dataset import dataset
from api.cli.doctor.command import doctor
from api.cli.estimate import estimate
from api.cli.evaluate import evaluate
from api.cli.exits import ExitCode, Leave, exit_code_of
from api.cli.key import app as key
from api.cli.listing import list_submissions
from api.cli.plant import plant
from api.cli.rejudge import rejudge
from api.cli.report import attest, download, report
from api.cli.retry import cancel, retry
from api.cli.run import run
from api.cli.show import labels, show
from api.cli.submit import submit
from api.cli.terminal import complain
from api.cli.up import down, up
from api.cli.verify import verify
from api.cli.watch import watch
from api.cli.zoo.command import selftest, zoo
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

"""`cleanse retry`: try again what failed."""

import typer

from api.arguments import Home, Out, SubmissionId, Workers


def retry(
    submission: SubmissionId,
    out: Out = None,
    home: Home = None,
    workers: Workers = None,
) -> None:
    """Try again the labels and repairs of a submission that failed or were cancelled, and judge it anew.

    Labels with a result keep it. Files and exit code are those of `run`.
    """
    from api.arguments import settings_of
    from api.scanning import scan_again

    raise typer.Exit(scan_again(settings_of(home), submission, out, workers))

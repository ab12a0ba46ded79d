"""`cleanse retry`: try again what failed."""

import typer

from api.cli.arguments import Home, Json, Out, Server, SubmissionId, Workers


def retry(
    submission: SubmissionId,
    out: Out = None,
    home: Home = None,
    server: Server = None,
    workers: Workers = None,
    json: Json = False,
) -> None:
    """Try again the labels and repairs of a submission that failed or were cancelled, and judge it anew.

    Labels with a result keep it. Files and exit code are those of `run`; a server is only told to try again.
    """
    if server is not None:
        from api.backends import opened
        from api.cli.showing import retry_submission

        with opened(home, server) as backend:
            retry_submission(backend, submission, as_json=json)
        return
    from api.backends import settings_of
    from api.cli.scanning import scan_again

    raise typer.Exit(scan_again(settings_of(home), submission, out, workers, as_json=json))

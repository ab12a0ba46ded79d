"""`cleanse watch`: follow a submission to its end."""

from api.cli.arguments import Home, Json, Server, SubmissionId


def watch(submission: SubmissionId, home: Home = None, server: Server = None, json: Json = False) -> None:
    """Show how far a submission is until its end. The exit code is that of `run`."""
    from api.backends import opened
    from api.cli.exits import Leave
    from api.cli.gate import watch as watch_in

    with opened(home, server) as backend:
        raise Leave(watch_in(backend, submission, as_json=json))

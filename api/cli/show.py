"""`cleanse show`: one submission."""

from api.cli.arguments import Home, Json, Server, SubmissionId


def show(submission: SubmissionId, home: Home = None, server: Server = None, json: Json = False) -> None:
    """Show one submission: how far it is, or its result."""
    from api.backends import opened
    from api.cli.showing import show_submission

    with opened(home, server) as backend:
        show_submission(backend, submission, as_json=json)

"""`cleanse cancel`: end a submission that is at work."""

from api.cli.arguments import Home, Json, Server, SubmissionId


def cancel(submission: SubmissionId, home: Home = None, server: Server = None, json: Json = False) -> None:
    """Stop all labels of a submission within seconds; what has ended stays, and `retry` or `run` carries on."""
    from api.backends import opened
    from api.cli.showing import cancel_submission

    with opened(home, server) as backend:
        cancel_submission(backend, submission, as_json=json)

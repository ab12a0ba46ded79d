"""`cleanse cancel`: end a submission that is at work."""

from api.arguments import Home, SubmissionId


def cancel(submission: SubmissionId, home: Home = None) -> None:
    """Stop all labels of a submission within seconds; what has ended stays, and `retry` or `run` carries on."""
    from api.arguments import settings_of
    from api.cancelling import cancel_submission

    cancel_submission(settings_of(home), submission)

"""`cleanse show`: one submission."""

from api.arguments import Home, Json, SubmissionId


def show(
    submission: SubmissionId,
    home: Home = None,
    json: Json = False,
) -> None:
    """Show one submission: how far it is, or its result."""
    from api.arguments import settings_of
    from api.showing import show_submission

    show_submission(settings_of(home), submission, as_json=json)

"""`cleanse down`: stop broker and workers."""

from api.cli.arguments import Home


def down(home: Home = None) -> None:
    """Stop the broker and the workers of this home; what they were at is carried on by the next run."""
    from api.backends import settings_of
    from api.cli.terminal import err
    from nc_tasks.embedded.client import down as stop

    stopped = stop(settings_of(home))
    err.print("Stopped." if stopped else "Nothing was running.")

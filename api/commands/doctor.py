"""`cleanse doctor`: is everything there that a scan needs?"""

import typer

from api.arguments import Home, Json


def doctor(home: Home = None, json: Json = False) -> None:
    """Look at disk, memory, device, broker, database, clock and workers, and say what to do.

    Changes nothing. Exit code: 0 where nothing fails, 1 otherwise.
    """
    from api.arguments import settings_of
    from api.diagnosing import show_checks
    from api.doctor import examine

    raise typer.Exit(show_checks(examine(settings_of(home)), as_json=json))

"""`cleanse doctor`: is everything there that a scan needs?"""

import typer

from api.cli.arguments import Home, Json, Server


def doctor(home: Home = None, server: Server = None, json: Json = False) -> None:
    """Look at disk, memory, device, broker, database, clock and workers, and say what to do.

    Of a server: whether it answers, is ready, and takes the key. Changes nothing. Exit code: 0 where nothing fails, 1
    otherwise.
    """
    from api.cli.diagnosing import show_checks

    if server is not None:
        from api.backends.remote import client
        from api.cli.doctor.server import checks

        with client(server) as connected:
            raise typer.Exit(show_checks(checks(connected), as_json=json))
    from api.backends import settings_of
    from api.cli.doctor.examine import examine

    raise typer.Exit(show_checks(examine(settings_of(home)), as_json=json))

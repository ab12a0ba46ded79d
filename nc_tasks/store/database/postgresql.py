"""PostgreSQL: for several machines."""

from importlib.util import find_spec

from sqlalchemy import URL, Connection, Engine, create_engine, event, text

from nc_tasks.errors import StoreUnusable

CONNECT_SECONDS = 10
WAIT_SECONDS = 30
"""How long a write waits for another, and how long one may stand idle: a process that is frozen within a write, or
whose machine is cut off, holds up all others until then."""
WRITERS = 0x77726974657273
"""The advisory lock that writers hold ("writers" in ASCII): together, or one alone."""


def connect(url: URL) -> Engine:
    """The database of this address; raises StoreUnusable where the driver is not installed."""
    if find_spec("psycopg") is None:
        raise StoreUnusable(
            "the database is PostgreSQL, whose driver is not installed: pip install 'cleanse[postgresql]'"
        )
    waits = {"lock_timeout": WAIT_SECONDS, "idle_in_transaction_session_timeout": WAIT_SECONDS}
    engine = create_engine(
        url.set(drivername="postgresql+psycopg"),
        pool_pre_ping=True,
        connect_args={
            "connect_timeout": CONNECT_SECONDS,
            "options": " ".join(f"-c {name}={int(1000 * seconds)}" for name, seconds in waits.items()),
            # A server that vanished without a word is given up after as long.
            "tcp_user_timeout": int(1000 * WAIT_SECONDS),
        },
    )
    event.listen(engine, "begin", _begin)
    return engine


def modes(engine: Engine) -> tuple[Engine, Engine, Engine]:
    """The engine for reading (one consistent state), for writing alone and for writing together.

    What reads before it writes relies on nobody writing in between, as on SQLite: it writes alone. What workers write
    by the thousand are single rows, fenced by their attempt, and those go together.
    """
    reading = engine.execution_options(isolation_level="REPEATABLE READ", postgresql_readonly=True)
    lock = "pg_advisory_xact_lock"
    return reading, engine.execution_options(writers=lock), engine.execution_options(writers=f"{lock}_shared")


def _begin(connection: Connection) -> None:
    lock = connection.get_execution_options().get("writers")
    if lock is not None:
        connection.execute(text(f"SELECT {lock}(:key)"), {"key": WRITERS})

"""What processes write into their logs, and what a line is about.

A worker does several things at once. Every line that is written while a task runs carries what the task is about; the
line that says that one has come carries it too.
"""

import logging
import re
from collections.abc import Mapping
from contextvars import ContextVar
from typing import Any

from nc_tasks.settings import Settings, get_settings

FIELDS = ("submission", "label", "round", "method", "job")
"""Arguments of tasks that say what they are about."""
TEXT = "%(asctime)s %(levelname)s %(message)s"
_about: ContextVar[Mapping[str, object]] = ContextVar("about")
_ARGUMENT = re.compile(r"'(submission|label|round|method|job)': '?([0-9a-z-]+)")


def about() -> Mapping[str, object]:
    """What this thread is at."""
    return _about.get({})


def note(**fields: object) -> None:
    """Add to what this thread is at, until its task ends."""
    _about.set({**about(), **fields})


def configure(settings: Settings) -> None:
    """Have this process write its logs to stderr, as the settings say."""
    handler = logging.StreamHandler()
    handler.setFormatter(_json() if settings.log_format == "json" else logging.Formatter(TEXT))
    handler.addFilter(_add_subject)
    logging.basicConfig(level=logging.INFO, handlers=[handler], force=True)
    # One line for each request that is passed on, and for each migration that is not needed.
    for name in ("alembic", "httpx"):
        logging.getLogger(name).setLevel(logging.WARNING)


def _json() -> logging.Formatter:
    from pythonjsonlogger.json import JsonFormatter

    return JsonFormatter(
        "%(levelname)s %(name)s %(message)s %(processName)s %(threadName)s",
        rename_fields={"levelname": "level", "name": "logger", "processName": "process", "threadName": "thread"},
        timestamp="time",
        json_ensure_ascii=False,
    )


def _add_subject(record: logging.LogRecord) -> bool:
    for name, value in (about() or _of_message(record)).items():
        setattr(record, name, value)
    return True


def _of_message(record: logging.LogRecord) -> Mapping[str, object]:
    """What Celery's own line about a message says of its arguments."""
    data = getattr(record, "data", None)
    told = data.get("kwargs") if isinstance(data, dict) else None
    found = dict(_ARGUMENT.findall(str(told))) if told else {}
    return {name: int(value) if name in ("label", "round") else value for name, value in found.items()}


def begin_task(kwargs: Mapping[str, Any], **_: object) -> None:
    """For Celery's signal before a task."""
    _about.set({name: kwargs[name] for name in FIELDS if name in kwargs})


def end_task(**_: object) -> None:
    """For Celery's signal after a task."""
    _about.set({})


def configure_worker(**_: object) -> None:
    """For Celery's signal that asks who sets up the logs; where nobody does, it writes them in a form of its own."""
    configure(get_settings())

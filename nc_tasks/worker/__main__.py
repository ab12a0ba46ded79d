"""One worker of a queue: `python -m nc_tasks.worker -Q labels -n labels1@%h --pool threads -c 8`.

Celery's own command would do the same. But it first imports every command that any package adds to it, Flower with its
web server and a shell among them: a third of what a worker does until it takes tasks.
"""

import argparse
import sys

from celery.utils.nodenames import default_nodename, host_format

from nc_tasks.messages.app import app


def main(arguments: list[str] | None = None) -> int:
    """Work until told to end; returns the exit code."""
    parser = argparse.ArgumentParser(prog="nc_tasks.worker", description="Options as of `celery worker`.")
    parser.add_argument("-Q", dest="queue", required=True)
    parser.add_argument("-n", dest="name", required=True)
    parser.add_argument("-c", dest="concurrency", type=int, required=True)
    parser.add_argument("--pool", choices=("prefork", "threads"), required=True)
    parser.add_argument("--heartbeat-interval", type=int, required=True)
    parser.add_argument("--include", action="append", default=[])
    given = parser.parse_args(arguments)
    worker = app.Worker(
        hostname=host_format(default_nodename(given.name)),
        queues=[given.queue],
        pool=given.pool,
        concurrency=given.concurrency,
        heartbeat_interval=given.heartbeat_interval,
        include=given.include,
        loglevel="INFO",
        without_gossip=True,
        without_mingle=True,
    )
    worker.start()
    return worker.exitcode or 0


if __name__ == "__main__":
    sys.exit(main())

"""The broker: does it answer, may it forget messages, and how much waits there?"""

from redis import Redis
from redis.exceptions import RedisError

from api.cli.doctor.check import Check, fail, ok, warn
from nc_tasks.embedded.broker import find_broker
from nc_tasks.messages.address import socket_path
from nc_tasks.settings import Settings

ANSWER_SECONDS = 3.0
KEEPS = "noeviction"


def check(settings: Settings) -> Check:
    """Look at the broker in use; an embedded one that does not run is started by the next command."""
    if settings.redis_url is None and find_broker(settings) is None:
        return ok("broker", "the embedded one does not run; the next command starts it")
    try:
        with _client(settings) as client:
            return _look(client)
    except (RedisError, OSError, ValueError) as error:
        found = f"does not answer: {' '.join(str(error).split())[:200]}"
        return fail("broker", found, "start it, or set REDIS_URL to one that runs")


def _client(settings: Settings) -> Redis:
    limits = {"socket_timeout": ANSWER_SECONDS, "socket_connect_timeout": ANSWER_SECONDS}
    if settings.redis_url is None:
        return Redis(unix_socket_path=str(socket_path(settings)), socket_timeout=ANSWER_SECONDS)
    return Redis.from_url(settings.redis_url, **limits)


def _look(client: Redis) -> Check:
    server, memory = client.info("server"), client.info("memory")
    version = server.get("valkey_version") or server.get("redis_version", "of unknown version")
    policy = memory.get("maxmemory_policy", KEEPS)
    found = f"answers, {server.get('server_name', 'redis')} {version}"
    if policy != KEEPS and memory.get("maxmemory", 0):
        return warn(
            "broker", f"{found}; it forgets messages when memory is short ({policy})", f"set maxmemory-policy {KEEPS}"
        )
    return ok("broker", found)

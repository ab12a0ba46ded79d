"""The client of S3, with the patience that is asked of a bucket; endpoint and credentials are the environment's."""

from collections.abc import Callable
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

from nc_tasks.errors import ArtefactsUnreachable

if TYPE_CHECKING:
    from botocore.exceptions import ClientError

CONNECT_SECONDS, READ_SECONDS, ATTEMPTS = 5, 60, 5


def s3_client(wanted_by: str, *, signed: bool = True) -> Any:
    """A client that tries each request five times.

    wanted_by: what names a bucket, for the error. signed: whether requests carry credentials. Raises
    ArtefactsUnreachable where boto3 is not installed.
    """
    _check_installed(wanted_by)
    import boto3
    from botocore import UNSIGNED
    from botocore.config import Config

    make: Callable[..., Any] = boto3.session.Session().client
    how: dict[str, Any] = {} if signed else {"signature_version": UNSIGNED}
    retries = {"mode": "standard", "total_max_attempts": ATTEMPTS}
    return make("s3", config=Config(connect_timeout=CONNECT_SECONDS, read_timeout=READ_SECONDS, retries=retries, **how))


def has_credentials(wanted_by: str) -> bool:
    """Whether the environment has any. Raises ArtefactsUnreachable where boto3 is not installed."""
    _check_installed(wanted_by)
    import boto3

    return boto3.session.Session().get_credentials() is not None


def is_missing(error: "ClientError") -> bool:
    """Whether it says that there is no such object, or bucket."""
    return error.response["Error"]["Code"] in ("404", "NoSuchKey", "NoSuchBucket")


def _check_installed(wanted_by: str) -> None:
    if find_spec("boto3") is None:
        raise ArtefactsUnreachable(f"{wanted_by} names a bucket, for which boto3 is needed: pip install 'cleanse[s3]'")

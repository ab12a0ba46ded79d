"""`s3://bucket/key`: an object, asked for with the credentials of the environment, or without where there are none.

Endpoint, region and credentials come from the variables that every S3 client reads (AWS_ENDPOINT_URL_S3, AWS_REGION,
AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY), from its files, or from the machine's role.
"""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from api.client.addresses.incoming import Incoming, Kind
from api.client.errors import AddressRefused, FetchFailed
from nc_tasks.files.s3 import has_credentials, is_missing, s3_client

ADDRESS = re.compile(r"s3://(?P<bucket>[a-z0-9][a-z0-9.-]{1,61}[a-z0-9])/(?P<key>.*[^/])")
MOST_LISTED = 1000


@contextmanager
def opened(address: str, kind: Kind, *, plain_http: bool) -> Iterator[Incoming]:  # noqa: ARG001
    """The object at the address. Raises AddressRefused, FetchFailed."""
    found = ADDRESS.fullmatch(address)
    if found is None:
        raise AddressRefused(f"{address[:200]!r} is no address of a file: pass s3://BUCKET/KEY")
    asked = client()
    with _answered(address):
        answer = asked.get_object(Bucket=found["bucket"], Key=found["key"])
        yield Incoming(
            name=found["key"].rsplit("/", 1)[-1],
            place=address,
            size=answer["ContentLength"],
            pieces=answer["Body"].iter_chunks(2**20),
        )


def names_under(address: str) -> list[str]:
    """The keys behind s3://bucket/prefix/, of the first thousand. Raises AddressRefused, FetchFailed."""
    bucket, _, path = address.removeprefix("s3://").partition("/")
    prefix = path.strip("/") + "/"
    asked = client()
    with _answered(address):
        found = asked.list_objects_v2(Bucket=bucket, Prefix=prefix, MaxKeys=MOST_LISTED)
    return [entry["Key"].removeprefix(prefix) for entry in found.get("Contents", ())]


def client() -> Any:
    """A client of S3; its requests are signed where the environment has credentials."""
    wanted_by = "an address s3://"
    return s3_client(wanted_by, signed=has_credentials(wanted_by))


@contextmanager
def _answered(address: str) -> Iterator[None]:
    """Say in one line what the bucket did not do."""
    from boto3.exceptions import Boto3Error
    from botocore.exceptions import BotoCoreError, ClientError

    try:
        yield
    except ClientError as error:
        if is_missing(error):
            raise AddressRefused(f"{address} does not exist") from None
        status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode")
        if status in (401, 403):
            raise AddressRefused(f"{address} may not be read: it asks for other credentials") from None
        raise FetchFailed(f"{address} cannot be fetched: {' '.join(str(error).split())}") from None
    except (Boto3Error, BotoCoreError) as error:
        raise FetchFailed(f"{address} cannot be fetched: {' '.join(str(error).split())}") from None

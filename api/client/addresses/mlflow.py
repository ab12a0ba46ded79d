"""`mlflow:/models/name/version`: the one model file of a registered version.

The server at MLFLOW_TRACKING_URI says where the version's files are (REST API, "Get Download URI For ModelVersion
Artifacts"): with itself, which gives them out ("mlflow-artifacts"), or in a bucket, which is asked.
MLFLOW_TRACKING_TOKEN, or MLFLOW_TRACKING_USERNAME and MLFLOW_TRACKING_PASSWORD, are read as its own client reads them.
"""

import json
import os
import re
from base64 import b64encode
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import quote, urlencode, urlsplit

from api.client.addresses import s3, web
from api.client.addresses.incoming import Incoming, Kind, only_one
from api.client.errors import AddressRefused, FetchFailed

ADDRESS = re.compile(r"mlflow:/models/(?P<name>[^/]+)/(?P<version>[0-9]+)")
DEEPEST, MOST_LISTED = 4, 1000


@contextmanager
def opened(address: str, kind: Kind, *, plain_http: bool) -> Iterator[Incoming]:
    """The model of the version. Raises AddressRefused, FetchFailed."""
    version = _version_of(address)
    server = _Server.of_environment(plain_http=plain_http)
    asked = urlencode(version)
    told = server.ask(f"api/2.0/mlflow/model-versions/get-download-uri?{asked}")
    folder = told.get("artifact_uri") if isinstance(told, dict) else None
    if not isinstance(folder, str):
        raise FetchFailed(f"{server.url} does not say where {address} is: is MLFLOW_TRACKING_URI right?")
    how = "a file's own address"
    if folder.startswith("s3://"):
        file = only_one(s3.names_under(folder), kind, address, how)
        with s3.opened(f"{folder.rstrip('/')}/{file}", kind, plain_http=plain_http) as incoming:
            yield replace(incoming, place=f"{address} ({file})")
        return
    place = urlsplit(folder)
    if place.scheme != "mlflow-artifacts" or place.netloc:
        raise AddressRefused(
            f"{address} is at {folder[:200]!r}, which its server does not give out: fetch it with mlflow, and pass "
            "the file"
        )
    path = place.path.strip("/")
    file = only_one(list(server.names_under(path)), kind, address, how)
    source = f"{server.artifacts}/{quote(f'{path}/{file}')}"
    with web.answered(source, headers=server.headers, plain_http=plain_http) as answer:
        yield replace(web.incoming(answer, f"{address} ({file})"), name=file.rsplit("/", 1)[-1])


def set_tags(address: str, tags: Mapping[str, str], *, plain_http: bool) -> None:
    """Set the tags on the version (REST API, "Set Model Version Tag"). Raises AddressRefused, FetchFailed."""
    version = _version_of(address)
    server = _Server.of_environment(plain_http=plain_http)
    for key, value in tags.items():
        server.tell("api/2.0/mlflow/model-versions/set-tag", {**version, "key": key, "value": value})


def _version_of(address: str) -> dict[str, str]:
    """Name and version, as the server calls them; raises AddressRefused."""
    found = ADDRESS.fullmatch(address)
    if found is None:
        raise AddressRefused(f"{address[:200]!r} is no address: pass mlflow:/models/NAME/VERSION, a number")
    return {"name": found["name"], "version": found["version"]}


@dataclass(frozen=True, kw_only=True)
class _Server:
    """A tracking server, and what it is asked with."""

    url: str
    headers: Mapping[str, str]
    plain_http: bool

    @classmethod
    def of_environment(cls, *, plain_http: bool) -> "_Server":
        url = os.environ.get("MLFLOW_TRACKING_URI", "")
        if not url.startswith(("http://", "https://")):
            raise AddressRefused(f"MLFLOW_TRACKING_URI is {url[:200]!r}: set it to the https:// address of the server")
        return cls(url=url.rstrip("/"), headers=_credentials(), plain_http=plain_http)

    @property
    def artifacts(self) -> str:
        """Where it gives out files."""
        return f"{self.url}/api/2.0/mlflow-artifacts/artifacts"

    def ask(self, path: str) -> Any:
        return web.json_of(f"{self.url}/{path}", headers=self.headers, plain_http=self.plain_http)

    def tell(self, path: str, what: Mapping[str, str]) -> None:
        headers = {**self.headers, "Content-Type": "application/json"}
        web.post(f"{self.url}/{path}", json.dumps(what).encode(), headers=headers, plain_http=self.plain_http)

    def names_under(self, path: str) -> Iterator[str]:
        """The files behind the path, and in its folders."""
        left, seen = [("", 0)], 0
        while left:
            folder, depth = left.pop()
            asked = urlencode({"path": f"{path}/{folder}".rstrip("/")})
            listed = self.ask(f"api/2.0/mlflow-artifacts/artifacts?{asked}")
            for entry in listed.get("files", ()) if isinstance(listed, dict) else ():
                seen += 1
                name = f"{folder}/{str(entry['path']).rsplit('/', 1)[-1]}".lstrip("/")
                if seen > MOST_LISTED:
                    raise AddressRefused(
                        f"{path} has more than {MOST_LISTED} files, the limit: pass the file's own address"
                    )
                if not entry.get("is_dir"):
                    yield name
                elif depth < DEEPEST:
                    left.append((name, depth + 1))


def _credentials() -> dict[str, str]:
    if token := os.environ.get("MLFLOW_TRACKING_TOKEN"):
        return {"Authorization": f"Bearer {token}"}
    user, password = (os.environ.get(f"MLFLOW_TRACKING_{name}") for name in ("USERNAME", "PASSWORD"))
    if user and password:
        return {"Authorization": f"Basic {b64encode(f'{user}:{password}'.encode()).decode()}"}
    return {}

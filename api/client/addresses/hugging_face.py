"""`hf://org/name[/file][@revision]`: a file of a repository of the Hugging Face Hub, or of what speaks like it.

The paths are those of its HTTP API: /api/models/NAME/revision/REVISION lists, /NAME/resolve/REVISION/FILE gives out.
HF_ENDPOINT and HF_TOKEN are read as its own client reads them.
"""

import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from urllib.parse import quote

from api.client.addresses import web
from api.client.addresses.incoming import Incoming, Kind, only_one
from api.client.errors import AddressRefused, FetchFailed

ADDRESS = re.compile(
    r"hf://(?P<datasets>datasets/)?(?P<name>[\w.-]+/[\w.-]+)(?:/(?P<file>[^@]+))?(?:@(?P<revision>[^@]+))?", re.ASCII
)
HUB, NEWEST = "https://huggingface.co", "main"


@contextmanager
def opened(address: str, kind: Kind, *, plain_http: bool) -> Iterator[Incoming]:
    """The file at the address, or the one of its kind that the repository has. Raises AddressRefused, FetchFailed."""
    found = ADDRESS.fullmatch(address)
    if found is None:
        raise AddressRefused(
            f"{address[:200]!r} is no address: pass hf://ORG/NAME, hf://ORG/NAME/FILE, or either with @REVISION behind "
            "it; hf://datasets/ORG/NAME for data sets"
        )
    repository, revision = (found["datasets"] or "") + found["name"], found["revision"] or NEWEST
    hub, which = os.environ.get("HF_ENDPOINT", HUB).rstrip("/"), quote(revision, safe="")
    token = os.environ.get("HF_TOKEN")
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    file = found["file"]
    if file is None:
        listing = f"{hub}/api/{found['datasets'] or 'models/'}{found['name']}/revision/{which}"
        names = _names(web.json_of(listing, headers=headers, plain_http=plain_http), listing)
        file = only_one(names, kind, f"hf://{repository}@{revision}", f"hf://{repository}/FILE")
    source = f"{hub}/{repository}/resolve/{which}/{quote(file)}"
    with web.answered(source, headers=headers, plain_http=plain_http) as answer:
        commits = [each.headers.get("X-Repo-Commit", "") for each in (*answer.history, answer)]
        exact = next((commit for commit in commits if re.fullmatch("[0-9a-f]{40}", commit)), revision)
        place = f"hf://{repository}/{file}@{exact}"
        yield replace(web.incoming(answer, place), name=file.rsplit("/", 1)[-1])


def _names(listed: object, place: str) -> list[str]:
    """The files of a repository."""
    try:
        return [str(one["rfilename"]) for one in listed["siblings"]]  # type: ignore[index]
    except (KeyError, TypeError):
        raise FetchFailed(f"{place} lists no files: is HF_ENDPOINT right?") from None

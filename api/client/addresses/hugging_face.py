"""`hf://org/name[/file][@revision]`: a file of a repository of the Hugging Face Hub, or of what speaks like it.

The paths are those of its HTTP API: /api/models/NAME/revision/REVISION lists, /NAME/resolve/REVISION/FILE gives out.
HF_ENDPOINT and HF_TOKEN are read as its own client reads them.
"""

import json
import os
import re
from base64 import b64encode
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, replace
from urllib.parse import quote

import httpx

from api.client.addresses import web
from api.client.addresses.incoming import Incoming, Kind, only_one
from api.client.errors import AddressRefused, FetchFailed

ADDRESS = re.compile(
    r"hf://(?P<datasets>datasets/)?(?P<name>[\w.-]+/[\w.-]+)(?:/(?P<file>[^@]+))?(?:@(?P<revision>[^@]+))?", re.ASCII
)
HUB, NEWEST, CARD = "https://huggingface.co", "main", "README.md"


@contextmanager
def opened(address: str, kind: Kind, *, plain_http: bool) -> Iterator[Incoming]:
    """The file at the address, or the one of its kind that the repository has. Raises AddressRefused, FetchFailed."""
    repository, file = _repository_of(address, plain_http=plain_http)
    if file is None:
        file = only_one(
            repository.names(), kind, f"{repository.called}@{repository.revision}", f"{repository.called}/FILE"
        )
    with repository.answered(file) as answer:
        place = f"{repository.called}/{file}@{_commit(answer) or repository.revision}"
        yield replace(web.incoming(answer, place), name=file.rsplit("/", 1)[-1])


def push_card(address: str, change: Callable[[str], str], *, plain_http: bool) -> None:
    """Commit the model card with a change, to the branch of the address (as its own client's create_commit does).

    change: card -> card, "" where there is none. Raises AddressRefused, FetchFailed; also where somebody else has
    committed meanwhile.
    """
    repository, _ = _repository_of(address, plain_http=plain_http)
    card, parent = "", None
    if CARD in repository.names():
        with repository.answered(CARD) as answer:
            card, parent = web.text_of(answer), _commit(answer)
    header = {"summary": "Write the verdict of a backdoor scan", "description": ""}
    header |= {} if parent is None else {"parentCommit": parent}
    content = b64encode(change(card).encode()).decode()
    lines = (
        {"key": "header", "value": header},
        {"key": "file", "value": {"path": CARD, "encoding": "base64", "content": content}},
    )
    repository.post("commit", "\n".join(map(json.dumps, lines)).encode())


@dataclass(frozen=True, kw_only=True)
class _Repository:
    """A repository of models or data, at a revision. kind: "datasets/", or nothing for models."""

    hub: str
    kind: str
    name: str
    revision: str
    plain_http: bool

    @property
    def called(self) -> str:
        """Its address."""
        return f"hf://{self.kind}{self.name}"

    def names(self) -> list[str]:
        """Its files."""
        place = self._api("revision")
        return _names(web.json_of(place, headers=_credentials(), plain_http=self.plain_http), place)

    def answered(self, file: str) -> AbstractContextManager[httpx.Response]:
        """A file, its body still to be read."""
        place = f"{self.hub}/{self.kind}{self.name}/resolve/{quote(self.revision, safe='')}/{quote(file)}"
        return web.answered(place, headers=_credentials(), plain_http=self.plain_http)

    def post(self, what: str, lines: bytes) -> None:
        headers = {**_credentials(), "Content-Type": "application/x-ndjson"}
        web.post(self._api(what), lines, headers=headers, plain_http=self.plain_http)

    def _api(self, what: str) -> str:
        return f"{self.hub}/api/{self.kind or 'models/'}{self.name}/{what}/{quote(self.revision, safe='')}"


def _repository_of(address: str, *, plain_http: bool) -> tuple[_Repository, str | None]:
    """The repository, and the file where one is named; raises AddressRefused."""
    found = ADDRESS.fullmatch(address)
    if found is None:
        raise AddressRefused(
            f"{address[:200]!r} is no address: pass hf://ORG/NAME, hf://ORG/NAME/FILE, or either with @REVISION behind "
            "it; hf://datasets/ORG/NAME for data sets"
        )
    repository = _Repository(
        hub=os.environ.get("HF_ENDPOINT", HUB).rstrip("/"),
        kind=found["datasets"] or "",
        name=found["name"],
        revision=found["revision"] or NEWEST,
        plain_http=plain_http,
    )
    return repository, found["file"]


def _credentials() -> dict[str, str]:
    token = os.environ.get("HF_TOKEN")
    return {"Authorization": f"Bearer {token}"} if token else {}


def _commit(answer: httpx.Response) -> str | None:
    """The commit that an answer, or a redirect to it, is of."""
    told = (each.headers.get("X-Repo-Commit", "") for each in (*answer.history, answer))
    return next((commit for commit in told if re.fullmatch("[0-9a-f]{40}", commit)), None)


def _names(listed: object, place: str) -> list[str]:
    """The files of a repository."""
    try:
        return [str(one["rfilename"]) for one in listed["siblings"]]  # type: ignore[index]
    except (KeyError, TypeError):
        raise FetchFailed(f"{place} lists no files: is HF_ENDPOINT right?") from None

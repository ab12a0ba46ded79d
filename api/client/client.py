"""One class for everything that the HTTP service does."""

import json
import re
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing
from datetime import datetime
from pathlib import Path
from secrets import token_hex
from types import TracebackType
from typing import Any, Self
from urllib.parse import quote

import httpx

from api.client import events, inputs
from api.client.addresses import Downloads
from api.client.connection import Connection
from api.client.errors import ServerRefused
from api.client.types import Baseline, BaselineScans, Dataset, Event, Key, Label, NewKey, Rejudged, Result, Submission
from api.client.uploads import Progress, Upload, packed, sha256_of, silent
from nc_tasks.request import choices
from nc_tasks.settings import get_settings

ENDS = ("done", "refused", "failed", "cancelled")
"""States of a submission that will not change by itself."""
PAGE = 100
"""Submissions that are asked for at once."""


class CleanseClient:
    """A Cleanse server, seen from a script.

    url: such as "http://127.0.0.1:8000". key: made by `cleanse key create`; a server in local mode needs none.
    Every method raises ServerRefused where what was sent or asked for is at fault, ServerFailed where the server is.

    >>> from api.client import CleanseClient
    >>> with CleanseClient(SERVER) as cleanse:                                     # doctest: +ELLIPSIS
    ...     submission = cleanse.submit("badnet.h5", data="clean.npz", options={"mitigate": "none"})
    ...     (found,) = cleanse.list(model_sha256=submission["model"]["sha256"])
    ...     print(found["model"]["name"], found["state"], cleanse.cancel(found["id"])["state"])
    badnet.h5 queued cancelled
    """

    def __init__(
        self,
        url: str,
        key: str | None = None,
        *,
        transport: httpx.BaseTransport | None = None,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._server = Connection(url, key, transport=transport, sleep=sleep)
        self._sleep = sleep

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close every connection."""
        self._server.close()

    def submit(
        self,
        model: str | Path,
        *,
        data: str | Path | None = None,
        dataset: str | None = None,
        poisoned: Sequence[str | Path] = (),
        options: Mapping[str, Any] | None = None,
        force: bool = choices.FORCE.default,
        priority: str = choices.PRIORITY.default,
        tags: Mapping[str, str] | None = None,
        callback_url: str | None = choices.CALLBACK_URL.default,
        idempotency_key: str | None = None,
        progress: Progress = silent,
    ) -> Submission:
        """Submit a model with clean data: a file, a folder of pictures, or `dataset`, the id of a registered one.

        An address may stand for a file (see `api.client.addresses`): it is fetched here, and sent.
        What the server has is not sent again: it is asked for the digests first. options: as `cleanse submit` takes
        them, by the names of result.json. priority: high, normal or low: whose labels go first while workers are
        scarce. tags: name -> text, to call it by. callback_url: told, signed, when it has ended. The same files and
        options are the same submission, and one call that had to be sent twice is answered once.
        """
        fields = {"options": json.dumps(dict(options or {})), "force": "true" if force else "false"}
        fields |= {"priority": priority, "tags": json.dumps(dict(tags or {}))}
        fields |= {} if callback_url is None else {"callback_url": callback_url}
        files: list[tuple[str, Path, str]] = []
        with Downloads(get_settings) as fetched, tempfile.TemporaryDirectory(prefix="cleanse-") as folder:
            net = fetched.path(model, "model")
            inputs.check_model(net)
            digest = sha256_of(net)
            if self.has(digest):
                fields |= {"model_sha256": digest, "model_name": inputs.name_of(net)}
            else:
                files.append(("model", net, inputs.name_of(net)))
            clean = None if data is None else fetched.path(data, "data")
            dataset = dataset or (self._registered(clean) if clean is not None else None)
            if dataset is not None:
                fields["dataset"] = dataset
            elif clean is not None:
                file, name = packed(clean, Path(folder), 0)
                digest = sha256_of(file)
                if self.has(digest):
                    fields |= {"data_sha256": digest, "data_name": name}
                else:
                    files.append(("data", file, name))
            for number, path in enumerate(poisoned, start=1):
                files.append(("poisoned", *packed(fetched.path(path, "data"), Path(folder), number)))
            headers = {"Idempotency-Key": idempotency_key or token_hex(16)}
            with closing(Upload(fields, files, progress)) as body:
                return self._server.json("POST", "/v1/submissions", body=body, headers=headers)

    def make_batch(self, submission_ids: Sequence[str]) -> str:
        """Make submissions a batch, which has a page; returns its id. The same ones again are the same batch."""
        return str(self._server.json("POST", "/v1/batches", json={"submissions": [*submission_ids]})["id"])

    def has(self, sha256: str) -> bool:
        """Whether the server has a file with this digest that was yours."""
        return self._server.exists(f"/v1/artefacts/{sha256}")

    def get(self, submission_id: str) -> Submission:
        """One submission."""
        return self._server.json("GET", f"/v1/submissions/{submission_id}")

    def find(self, prefix: str) -> Submission:
        """The one submission whose id begins so; raises ServerRefused for none or several."""
        if re.fullmatch("[0-9a-f]{12}", prefix):
            return self.get(prefix)
        found = [one for one in self.list(text=prefix) if one["id"].startswith(prefix)] if prefix else []
        if len(found) == 1:
            return found[0]
        if not found:
            raise ServerRefused(f"no submission's id begins with {prefix!r}; `cleanse list` shows them", 404)
        ids = ", ".join(one["id"] for one in found[:3]) + (", ..." if len(found) > 3 else "")
        raise ServerRefused(f"several ids begin with {prefix!r} ({ids}); give more letters", 404)

    def list(self, *, most: int | None = None, **filters: Any) -> Iterator[Submission]:
        """Submissions, newest first, asked for page by page; most: how many, None: all.

        filters: state, verdict, flagged_label, model_sha256, dataset, text, created_after, created_before (aware
        times, or texts as of RFC 3339); None: any.
        """
        asked = {name: _asked(value) for name, value in filters.items() if value is not None}
        left = most
        while left is None or left > 0:
            size = PAGE if left is None else min(left, PAGE)
            page = self._server.json("GET", "/v1/submissions", params={**asked, "limit": size})
            yield from page["items"]
            left = None if left is None else left - len(page["items"])
            if page["next_cursor"] is None:
                return
            asked["cursor"] = page["next_cursor"]

    def labels(self, submission_id: str) -> Sequence[Label]:
        """Its labels as far as they are, by label."""
        return self._server.json("GET", f"/v1/submissions/{submission_id}/labels")["items"]

    def result(self, submission_id: str) -> Result:
        """Its result.json; raises ServerRefused before there is a verdict."""
        return self._server.json("GET", f"/v1/submissions/{submission_id}/result.json")

    def events(self, submission_id: str) -> Iterator[Event]:
        """What happens to it, from now until its end; a connection that breaks off is made again."""
        return events.followed(
            lambda: self._events(submission_id),
            lambda: self.get(submission_id)["state"] in ENDS,
            self._sleep,
        )

    def wait(self, submission_id: str) -> Submission:
        """The submission once it has ended."""
        for _ in self.events(submission_id):
            pass
        return self.get(submission_id)

    def cancel(self, submission_id: str) -> Submission:
        """Stop it within seconds; what has ended stays."""
        return self._server.json("POST", f"/v1/submissions/{submission_id}/cancel")

    def retry(self, submission_id: str) -> Submission:
        """Try again what failed or was cancelled of it, and judge it anew."""
        return self._server.json("POST", f"/v1/submissions/{submission_id}/retry")

    def delete(self, submission_id: str) -> None:
        """Forget it, and the files that nothing else needs."""
        self._server.send("DELETE", f"/v1/submissions/{submission_id}")

    def download(self, submission_id: str, name: str, path: str | Path) -> None:
        """Write one of its files, such as "report.html"; under the path lies the old file or the whole new one."""
        self._server.save(f"/v1/submissions/{submission_id}/{name}", Path(path))

    def attestation_key(self) -> bytes:
        """The public key of the server's attestations, as PEM: what `cleanse verify --key` takes."""
        return self._server.send("GET", "/v1/attestation.pub.pem", headers={"Accept": "*/*"}).content

    def compare(self, left: str, right: str) -> dict[str, Any]:
        """Two submissions side by side: verdicts, norms label by label, what has drifted."""
        return self._server.json("GET", "/v1/compare", params={"left": left, "right": right})

    def datasets(self) -> Sequence[Dataset]:
        """The registered clean data."""
        return self._server.json("GET", "/v1/datasets")["items"]

    def add_dataset(self, path: str | Path, *, name: str | None = None, progress: Progress = silent) -> Dataset:
        """Register clean data under a name (the file's unless given), to submit many models against."""
        with Downloads(get_settings) as fetched, tempfile.TemporaryDirectory(prefix="cleanse-") as folder:
            file, called = packed(fetched.path(path, "data"), Path(folder), 0)
            with closing(Upload({"name": name or called}, [("data", file, called)], progress)) as body:
                return self._server.json("POST", "/v1/datasets", body=body)

    def remove_dataset(self, dataset_id: str) -> None:
        """Forget registered data; submissions that were made with it keep it."""
        self._server.send("DELETE", f"/v1/datasets/{dataset_id}")

    def baselines(self) -> Sequence[Baseline]:
        """Names of clean scans, with how many there are."""
        return self._server.json("GET", "/v1/baselines")["items"]

    def baseline(self, name: str) -> BaselineScans:
        """One of them, with its scans."""
        return self._server.json("GET", f"/v1/baselines/{quote(name, safe='')}")

    def add_to_baseline(self, name: str, submission_ids: Sequence[str]) -> BaselineScans:
        """Put scans of clean models under a name, for `submit(..., options={"baseline": name})`."""
        body = {"submissions": [*submission_ids]}
        return self._server.json("POST", f"/v1/baselines/{quote(name, safe='')}", json=body)

    def remove_from_baseline(self, name: str, submission_ids: Sequence[str] | None = None) -> None:
        """Take scans from under a name, None: all of them; they stay."""
        place = f"/v1/baselines/{quote(name, safe='')}"
        for path in [place] if submission_ids is None else [f"{place}/{each}" for each in submission_ids]:
            self._server.send("DELETE", path)

    def rejudge(
        self,
        submission_ids: Sequence[str] | None = None,
        *,
        tags: Mapping[str, str] | None = None,
        baseline: str | None = None,
        fleet: bool = False,
        alpha: float | None = None,
    ) -> Sequence[Rejudged]:
        """Verdicts made anew from what is stored; nothing recorded is changed.

        submission_ids: None: all that have a verdict, or those with all the tags. baseline: held against these clean
        scans; fleet: each against the others that do not stand out; without both: as each was. alpha: per model.
        """
        body: dict[str, Any] = {"tags": dict(tags or {}), "baseline": baseline, "fleet": fleet, "alpha": alpha}
        body |= {} if submission_ids is None else {"submissions": [*submission_ids]}
        return self._server.json("POST", "/v1/rejudge", json=body)["items"]

    def create_key(self, owner: str, scopes: Sequence[str] = ("submit", "read"), *, name: str = "") -> NewKey:
        """Make a key of the owner, for which it takes an admin; its text is told this once. name: what it is for."""
        body = {"owner": owner, "scopes": [*scopes], "name": name}
        return self._server.json("POST", "/v1/keys", json=body)

    def keys(self) -> Sequence[Key]:
        """All keys, revoked ones too, oldest first; for admins."""
        return self._server.json("GET", "/v1/keys")["items"]

    def revoke_key(self, key_id: str) -> None:
        """End a key at once, for which it takes an admin."""
        self._server.send("DELETE", f"/v1/keys/{key_id}")

    def estimate(
        self,
        net: Mapping[str, int],
        *,
        labels: int,
        profile: str = choices.PROFILE.default,
        slots: int | None = choices.SLOTS.default,
        images: int | None = None,
        twins: int = choices.TWINS.default,
        classes: int | None = None,
    ) -> dict[str, Any]:
        """How many minutes and how much memory a scan would take there; nothing is uploaded.

        net: image, activations, multiply_adds and parameters, as `nc_core.intake.cost.cost_of` counts them. labels: how
        many. images: clean ones. twins: clean nets to compare with, each scanned in all classes, None: in `labels`.
        """
        body: dict[str, Any] = {"net": dict(net), "labels": labels, "profile": profile, "slots": slots}
        body |= {} if images is None else {"images": images}
        # A server of an earlier version knows no twins.
        body |= {"twins": twins, "classes": classes} if twins else {}
        return self._server.json("POST", "/v1/estimate", json=body)

    def ready(self) -> dict[str, Any]:
        """What the server says of its database, broker and workers, whether all is well or not."""
        return self._server.json("GET", "/readyz", also=(503,))

    def health(self) -> dict[str, Any]:
        """The server's version, and whether it asks for keys."""
        return self._server.json("GET", "/healthz")

    def _events(self, submission_id: str) -> Iterator[Event]:
        place = f"/v1/submissions/{submission_id}/events"
        with self._server.stream(place, headers={"Accept": "text/event-stream"}) as answer:
            yield from events.parse(answer.iter_lines())

    def _registered(self, data: Path) -> str | None:
        """The id of a registered data set with the contents of this file."""
        inputs.check_data(data)
        if data.is_dir():
            return None
        digest = sha256_of(data)
        return next((one["id"] for one in self.datasets() if one["sha256"] == digest), None)


def _asked(value: Any) -> Any:
    """A filter as an address has it."""
    return value.isoformat() if isinstance(value, datetime) else value

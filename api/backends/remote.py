"""A server, as commands speak to it."""

import os
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from api.backends.backend import Order, RejudgeOrder, dataset_called
from api.client import CleanseClient, ServerRefused, inputs
from api.client.types import Baseline, BaselineScans, Dataset, Label, Rejudged, Result, Submission
from api.client.uploads import Progress
from api.results.absent import without_files
from nc_core.results.files import Format, renewed
from nc_tasks.errors import WrongState

if TYPE_CHECKING:
    from api.progress.snapshot import Snapshot

KEY = "CLEANSE_KEY"
NAME_LETTERS = 60
"""Of a folder's name that the file which it is packed into keeps: any system takes so many."""


def client(url: str) -> CleanseClient:
    """The server at this address; the key is read from the environment, where process lists do not show it."""
    return CleanseClient(url, os.environ.get(KEY) or None)


@contextmanager
def remote(url: str) -> Iterator["RemoteBackend"]:
    """The same as a backend."""
    with client(url) as connected, tempfile.TemporaryDirectory(prefix="cleanse-") as folder:
        yield RemoteBackend(connected, Path(folder))


class RemoteBackend:
    """See `Backend`."""

    def __init__(self, client: CleanseClient, folder: Path) -> None:
        self._client, self._folder = client, folder
        self._packed: dict[Path, Path] = {}

    def submit(self, order: Order, progress: Progress) -> Submission:
        """See `Backend`; what the server has is not sent again."""
        return self._client.submit(
            order.model,
            data=None if order.data is None else self._as_file(order.data),
            dataset=None if order.dataset is None else self._dataset(order.dataset)["id"],
            poisoned=[self._as_file(path) for path in order.poisoned],
            **order.parameters.model_dump(mode="json"),
            progress=progress,
        )

    def _as_file(self, path: Path) -> Path:
        """A folder of data as one file, packed once for all models that are submitted against it."""
        if not path.is_dir():
            return path
        if path not in self._packed:
            from nc_core.datasets import pack_folder

            folder = self._folder / str(len(self._packed))
            folder.mkdir()
            file = folder / inputs.name_of(path)[-NAME_LETTERS:]
            pack_folder(path, file)
            self._packed[path] = file
        return self._packed[path]

    def make_batch(self, submission_ids: Sequence[str]) -> str:
        """See `Backend`."""
        return self._client.make_batch(submission_ids)

    def find(self, prefix: str) -> Submission:
        """See `Backend`."""
        return self._client.find(prefix)

    def recent(self, *, limit: int, dataset: str | None = None, **filters: Any) -> Sequence[Submission]:
        """See `Backend`."""
        data = None if dataset is None else self._dataset(dataset)["id"]
        return list(self._client.list(most=limit, dataset=data, **filters))

    def result(self, submission_id: str) -> Result | None:
        """See `Backend`."""
        try:
            return self._client.result(submission_id)
        except ServerRefused as error:
            # 409: it has no verdict yet, or ended without one.
            if error.status == 409:
                return None
            raise

    def labels(self, submission_id: str) -> Sequence[Label]:
        """See `Backend`."""
        return self._client.labels(submission_id)

    def watch(self, submission_id: str) -> "Iterator[Snapshot]":
        """See `Backend`."""
        from api.progress.snapshot import Snapshot

        seen: Snapshot | None = None
        for event in self._client.events(submission_id):
            if event["event"] == "progress":
                seen = Snapshot.from_event(event["data"])
                yield seen
        if seen is None or not seen.ended:
            ended = self._client.get(submission_id)
            yield Snapshot.at_end(state=ended["state"], reason=ended["reason"], labels=ended["labels"]["total"] or 0)

    def cancel(self, submission_id: str) -> None:
        """See `Backend`."""
        self._client.cancel(submission_id)

    def retry(self, submission_id: str) -> None:
        """See `Backend`."""
        self._client.retry(submission_id)

    def download(self, submission_id: str, name: str, path: Path) -> None:
        """See `Backend`."""
        self._client.download(submission_id, name, path)

    def download_all(self, submission_id: str, folder: Path, format: Format = "keras") -> Result:
        """See `Backend`."""
        result = self.result(submission_id)
        if result is None:
            raise WrongState(without_files(submission_id))
        for name in renewed(folder, result, format):
            self._client.download(submission_id, name, folder / name)
        return result

    def compare(self, left: str, right: str) -> Mapping[str, Any]:
        """See `Backend`."""
        return self._client.compare(left, right)

    def datasets(self) -> Sequence[Dataset]:
        """See `Backend`."""
        return self._client.datasets()

    def add_dataset(self, path: Path, name: str | None, progress: Progress) -> Dataset:
        """See `Backend`."""
        return self._client.add_dataset(path, name=name, progress=progress)

    def remove_dataset(self, wanted: str) -> Dataset:
        """See `Backend`."""
        found = self._dataset(wanted)
        self._client.remove_dataset(found["id"])
        return found

    def baselines(self) -> Sequence[Baseline]:
        """See `Backend`."""
        return self._client.baselines()

    def baseline(self, name: str) -> BaselineScans:
        """See `Backend`."""
        return self._client.baseline(name)

    def add_to_baseline(self, name: str, submission_ids: Sequence[str]) -> BaselineScans:
        """See `Backend`."""
        return self._client.add_to_baseline(name, submission_ids)

    def remove_from_baseline(self, name: str, submission_ids: Sequence[str] | None) -> None:
        """See `Backend`."""
        self._client.remove_from_baseline(name, submission_ids)

    def rejudge(self, order: RejudgeOrder) -> Sequence[Rejudged]:
        """See `Backend`."""
        return self._client.rejudge(
            order.ids, tags=order.tags, baseline=order.baseline, fleet=order.fleet, alpha=order.alpha
        )

    def _dataset(self, wanted: str) -> Dataset:
        found = dataset_called(self._client.datasets(), wanted)
        if found is None:
            raise ServerRefused(f"no data set has the id or name {wanted!r}; `cleanse dataset list` shows them", 404)
        return found

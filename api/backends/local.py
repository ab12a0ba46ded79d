"""The store under a home, as commands speak to it; workers of this machine do the work."""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, closing, contextmanager
from functools import partial
from pathlib import Path
from typing import Any, cast

from api.backends.backend import Order, RejudgeOrder, dataset_called
from api.backends.keeping import kept
from api.client import inputs
from api.client.types import Baseline, BaselineScans, Dataset, Label, Rejudged, Result, Submission
from api.client.uploads import Progress
from api.progress.snapshot import Snapshot
from api.progress.watching import watch
from api.results.absent import without_files
from api.service.models.baseline import BaselineInfo
from api.service.models.submission import SubmissionInfo
from nc_core.errors import OptionRefused
from nc_core.results.files import Format
from nc_tasks.errors import NotFound, WrongState
from nc_tasks.files import open_artefacts
from nc_tasks.request.choices import BASELINE_NAME
from nc_tasks.request.scan import StoredFile
from nc_tasks.settings import Settings
from nc_tasks.store import LOCAL, Store, open_store
from nc_tasks.store.queries import listing
from nc_tasks.store.queries.listing import Filters, Listed
from nc_tasks.store.rows import baselines, batches, datasets, detections, submissions
from nc_tasks.store.tables import Dataset as DatasetRow
from nc_tasks.store.tables.states import SUBMISSION_ENDS
from nc_tasks.views.labels import labels_of
from nc_tasks.views.results import result_json
from nc_tasks.webhooks import check_url


@contextmanager
def local(settings: Settings, *, workers: int | None = None, stops_workers: bool = False) -> Iterator["LocalBackend"]:
    """The store of these settings.

    workers: label processes to start where there is work, None: what suits. stops_workers: Ctrl-C ends the workers that
    nobody else waits for; they finish what they have otherwise.
    """
    with closing(open_store(settings)) as store, ExitStack() as attached:
        backend = LocalBackend(settings, store, workers, attached)
        try:
            yield backend
        except KeyboardInterrupt:
            if not stops_workers:
                attached.close()
            raise


class LocalBackend:
    """See `Backend`. Workers are started with the first work that is handed in, and end by themselves."""

    def __init__(self, settings: Settings, store: Store, workers: int | None, attached: ExitStack) -> None:
        self._settings, self._store, self._workers, self._attached = settings, store, workers, attached
        self._artefacts = open_artefacts(settings)
        self._kept: dict[Path, StoredFile] = {}
        self._keep_up: Callable[[], None] = _nobody

    def submit(self, order: Order, progress: Progress) -> Submission:  # noqa: ARG002
        """See `Backend`; files are copied, so nothing is told of their way."""
        order.check_files()
        asked = order.parameters
        if asked.callback_url is not None:
            check_url(asked.callback_url, allow_private=self._settings.callback_private)
        poisoned = [self._keep(path) for path in order.poisoned]
        request = asked.request_for(model=self._keep(order.model), data=self._data(order), poisoned=poisoned)
        with self._store.write() as session:
            row = submissions.submit(session, request)
        # Of one that has ended a callback may be left to send.
        if row.state not in SUBMISSION_ENDS or asked.callback_url is not None:
            self._begin(row.id, asked.options.slots)
        return self._get(row.id)

    def make_batch(self, submission_ids: Sequence[str]) -> str:
        """See `Backend`."""
        with self._store.write() as session:
            return batches.make(session, owner=LOCAL, submission_ids=submission_ids)

    def find(self, prefix: str) -> Submission:
        """See `Backend`."""
        with self._store.read() as session:
            return self._get(submissions.find(session, prefix=prefix).id)

    def recent(self, *, limit: int, dataset: str | None = None, **filters: Any) -> Sequence[Submission]:
        """See `Backend`."""
        data = None if dataset is None else self._registered(dataset)["sha256"]
        with self._store.read() as session:
            found = listing.page(session, filters=Filters(data_sha256=data, **filters), limit=limit)
        return [_submission(listed) for listed in found.items]

    def result(self, submission_id: str) -> Result | None:
        """See `Backend`."""
        with self._store.read() as session:
            judged = detections.get(session, submission_id=submission_id) is not None
            return result_json(session, submission_id) if judged else None

    def labels(self, submission_id: str) -> Sequence[Label]:
        """See `Backend`."""
        with self._store.read() as session:
            return labels_of(session, submissions.get(session, submission_id=submission_id))

    def watch(self, submission_id: str) -> Iterator[Snapshot]:
        """See `Backend`; workers that die while somebody watches are started again."""
        for seen in watch(self._store, submission_id):
            yield seen
            if not seen.ended:
                self._keep_up()

    def cancel(self, submission_id: str) -> None:
        """See `Backend`."""
        with self._store.write() as session:
            submissions.cancel(session, submission_id=submission_id)

    def retry(self, submission_id: str) -> int:
        """See `Backend`."""
        with self._store.write() as session:
            again = submissions.retry(session, submission_id=submission_id)
        self.carry_on(submission_id)
        return again

    def carry_on(self, submission_id: str) -> None:
        """See to it that workers go on with one that is at work: those that had it may be gone."""
        with self._store.read() as session:
            slots = submissions.get(session, submission_id=submission_id).options["slots"]
        self._begin(submission_id, slots)

    def download(self, submission_id: str, name: str, path: Path) -> None:
        """See `Backend`."""
        from api.results import outputs

        if self.result(submission_id) is None:
            raise WrongState(f"submission {submission_id} has no verdict: there is no {name}")
        scan = outputs.read_scan(self._store, self._artefacts, submission_id)
        outputs.write_output(scan, name, path, settings=self._settings)

    def download_all(self, submission_id: str, folder: Path, format: Format = "keras") -> Result:
        """See `Backend`."""
        from api.results import outputs

        if self.result(submission_id) is None:
            raise WrongState(without_files(submission_id))
        scan = outputs.read_scan(self._store, self._artefacts, submission_id)
        outputs.write_scan(folder, scan, format)
        return scan.result

    def compare(self, left: str, right: str) -> Mapping[str, Any]:
        """See `Backend`."""
        from nc_tasks.views.comparison import compare

        with self._store.read() as session:
            return compare(session, left=left, right=right).to_json()

    def datasets(self) -> Sequence[Dataset]:
        """See `Backend`."""
        with self._store.read() as session:
            return [_dataset(row) for row in datasets.every(session, owner=LOCAL)]

    def add_dataset(self, path: Path, name: str | None, progress: Progress) -> Dataset:  # noqa: ARG002
        """See `Backend`."""
        inputs.check_data(path)
        file = self._keep(path)
        size = self._artefacts.path(file.sha256).stat().st_size
        with self._store.write() as session:
            row = datasets.register(
                session,
                owner=LOCAL,
                name=name or file.name,
                file_name=file.name,
                sha256=file.sha256,
                size=size,
            )
            return _dataset(row)

    def remove_dataset(self, wanted: str) -> Dataset:
        """See `Backend`."""
        found = self._registered(wanted)
        with self._store.write() as session:
            datasets.remove(session, dataset_id=found["id"], owner=LOCAL)
        return found

    def baselines(self) -> Sequence[Baseline]:
        """See `Backend`."""
        with self._store.read() as session:
            found = baselines.every(session, owner=LOCAL)
        return [cast(Baseline, BaselineInfo.model_validate(one).model_dump(mode="json")) for one in found]

    def baseline(self, name: str) -> BaselineScans:
        """See `Backend`."""
        with self._store.read() as session:
            found = baselines.get(session, owner=LOCAL, name=name)
            ids = baselines.members(session, owner=LOCAL, name=name)
            items = [one for each in ids if (one := listing.one(session, submission_id=each)) is not None]
        told = BaselineInfo.model_validate(found).model_dump(mode="json")
        return cast(BaselineScans, {**told, "items": [_submission(one) for one in items]})

    def add_to_baseline(self, name: str, submission_ids: Sequence[str]) -> BaselineScans:
        """See `Backend`."""
        if re.fullmatch(BASELINE_NAME, name) is None:
            raise OptionRefused(f"{name[:80]!r} is no name of a baseline: pass at most 63 of A-Z, a-z, 0-9, ., _ and -")
        with self._store.write() as session:
            for each in submission_ids:
                submissions.get(session, submission_id=each)
            baselines.add(session, owner=LOCAL, name=name, submission_ids=submission_ids)
        return self.baseline(name)

    def remove_from_baseline(self, name: str, submission_ids: Sequence[str] | None) -> None:
        """See `Backend`."""
        with self._store.write() as session:
            baselines.remove(session, owner=LOCAL, name=name, submission_ids=submission_ids)

    def rejudge(self, order: RejudgeOrder) -> Sequence[Rejudged]:
        """See `Backend`."""
        from api.service.models.rejudged import RejudgedInfo
        from nc_tasks.views.rejudging import rejudge, wanted

        with self._store.read() as session:
            rows = wanted(session, ids=order.ids, tags=order.tags)
            found = rejudge(session, rows, owner=LOCAL, baseline=order.baseline, fleet=order.fleet, alpha=order.alpha)
            return [cast(Rejudged, RejudgedInfo.of(one).model_dump(mode="json")) for one in found]

    def _get(self, submission_id: str) -> Submission:
        with self._store.read() as session:
            found = listing.one(session, submission_id=submission_id)
        assert found is not None  # its id was read from a row
        return _submission(found)

    def _keep(self, path: Path) -> StoredFile:
        """Keep a file; of many models against one data set that is copied once."""
        if path not in self._kept:
            self._kept[path] = kept(self._artefacts, path)
        return self._kept[path]

    def _data(self, order: Order) -> StoredFile:
        if order.data is not None:
            return self._keep(order.data)
        found = self._registered(order.dataset or "")
        return StoredFile(sha256=found["sha256"], name=found["file_name"])

    def _registered(self, wanted: str) -> Dataset:
        found = dataset_called(self.datasets(), wanted)
        if found is None:
            raise NotFound(f"no data set has the id or name {wanted!r}; `cleanse dataset list` shows them")
        return found

    def _begin(self, submission_id: str, slots: int | None) -> None:
        """Send the first message; the workers are started where none run, and stay until the work is done."""
        from api.backends.stack import keep_up, working_stack

        if self._keep_up is _nobody:
            stack = self._attached.enter_context(working_stack(self._settings, workers=self._workers, slots=slots))
            self._keep_up = partial(keep_up, stack)
        # Imported here: while the workers start.
        from nc_tasks.messages.app import make_app, publish_start

        publish_start(submission_id, to=make_app(self._settings))


def _nobody() -> None:
    """Of workers that were not started from here."""


def _submission(listed: Listed) -> Submission:
    return cast(Submission, SubmissionInfo.of(listed).model_dump(mode="json"))


def _dataset(row: DatasetRow) -> Dataset:
    return Dataset(
        id=row.id,
        name=row.name,
        file_name=row.file_name,
        sha256=row.sha256,
        bytes=row.bytes,
        created_at=row.created_at.isoformat(timespec="seconds"),
    )

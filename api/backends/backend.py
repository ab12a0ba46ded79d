"""What commands ask of a place where submissions live."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from api.client import inputs
from api.client.types import Baseline, BaselineScans, Dataset, Label, Rejudged, Result, Submission
from api.client.uploads import Progress
from nc_core.results.files import Format

if TYPE_CHECKING:
    from api.progress.snapshot import Snapshot
    from nc_tasks.request.scan import RequestParameters


@dataclass(frozen=True, kw_only=True)
class Order:
    """A request for a scan whose files are still at their paths: those of a `ScanRequest` are kept already.

    data: a path, or dataset: the id or name of registered data.
    """

    model: Path
    data: Path | None
    dataset: str | None
    poisoned: Sequence[Path] = ()
    parameters: "RequestParameters"

    def check_files(self) -> None:
        """Raise ModelRefused or DataRefused unless each of its files is there."""
        inputs.check_model(self.model)
        for path in (self.data, *self.poisoned):
            if path is not None:
                inputs.check_data(path)


@dataclass(frozen=True, kw_only=True)
class RejudgeOrder:
    """What is to be judged anew: the submissions with these ids, or with all these tags, or all that have a verdict.

    baseline: name of the clean scans, or fleet: each is held against the others; without both as each was. alpha: per
    model, None: each one's own.
    """

    ids: Sequence[str] | None = None
    tags: Mapping[str, str] = field(default_factory=dict)
    baseline: str | None = None
    fleet: bool = False
    alpha: float | None = None


class Backend(Protocol):
    """Raises InputRefused, NotFound or WrongState where what is asked for is at fault, CleanseError otherwise."""

    def submit(self, order: Order, progress: Progress) -> Submission:
        """Hand in one model, and see to it that workers begin it."""
        ...

    def make_batch(self, submission_ids: Sequence[str]) -> str:
        """Make submissions, at most 200, a batch; returns its id."""
        ...

    def find(self, prefix: str) -> Submission:
        """The one submission whose id begins so."""
        ...

    def recent(self, *, limit: int, **filters: Any) -> Sequence[Submission]:
        """Submissions, newest first.

        filters: state, verdict, flagged_label, model_sha256, dataset (id or name), text, created_after, created_before
        (aware times); None: any.
        """
        ...

    def result(self, submission_id: str) -> Result | None:
        """Its result.json, None before there is a verdict."""
        ...

    def labels(self, submission_id: str) -> Sequence[Label]:
        """Its labels as far as they are, by label."""
        ...

    def watch(self, submission_id: str) -> "Iterator[Snapshot]":
        """How far it is, again and again until its end; the last one is of its end."""
        ...

    def cancel(self, submission_id: str) -> None:
        """Stop it."""
        ...

    def retry(self, submission_id: str) -> int | None:
        """Queue what failed of it again, and see to it that workers carry it on.

        Returns how many labels and repairs that is, None from a server, which does not say.
        """
        ...

    def download(self, submission_id: str, name: str, path: Path) -> None:
        """Write one of its files, by name; see `nc_core.results.files.FILES`."""
        ...

    def download_all(self, submission_id: str, folder: Path, format: Format = "keras") -> Result:
        """Write what `cleanse run` leaves, in place of an earlier scan's files; returns its result.json.

        result.json is removed first and written last: it vouches for the others. Raises WrongState before there is a
        verdict.
        """
        ...

    def compare(self, left: str, right: str) -> Mapping[str, Any]:
        """Two submissions side by side."""
        ...

    def datasets(self) -> Sequence[Dataset]:
        """The registered clean data."""
        ...

    def add_dataset(self, path: Path, name: str | None, progress: Progress) -> Dataset:
        """Register clean data under a name, the file's unless given."""
        ...

    def remove_dataset(self, wanted: str) -> Dataset:
        """Forget registered data, by id or name; returns what it was."""
        ...

    def baselines(self) -> Sequence[Baseline]:
        """Names of clean scans, by name."""
        ...

    def baseline(self, name: str) -> BaselineScans:
        """One of them, with its scans."""
        ...

    def add_to_baseline(self, name: str, submission_ids: Sequence[str]) -> BaselineScans:
        """Put scans under the name."""
        ...

    def remove_from_baseline(self, name: str, submission_ids: Sequence[str] | None) -> None:
        """Take scans from under the name, None: all."""
        ...

    def rejudge(self, order: RejudgeOrder) -> Sequence[Rejudged]:
        """Verdicts made anew; nothing recorded is changed."""
        ...


def dataset_called(datasets: Sequence[Dataset], wanted: str) -> Dataset | None:
    """The one with this id, or else with this name."""
    by_id = (one for one in datasets if one["id"] == wanted)
    return next(by_id, next((one for one in datasets if one["name"] == wanted), None))

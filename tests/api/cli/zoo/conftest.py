"""Workers that train nothing and scans that are over at once."""

import json
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import pytest

from api.cli.main import run_command
from api.cli.zoo import building
from api.progress.snapshot import Snapshot
from nc_core.zoo import Card
from nc_tasks.files import FolderArtefacts
from nc_tasks.request.options import ScanOptions
from nc_tasks.settings import Settings
from nc_tasks.store import open_store
from nc_tasks.store.rows import jobs


@pytest.fixture(autouse=True)
def home(settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CLEANSE_HOME", str(settings.home))
    monkeypatch.chdir(tmp_path)


def cleanse(line: str) -> int:
    return run_command(line.split())


class Workers:
    """Does jobs as soon as they are published. failing: names of cards whose nets cannot be trained."""

    def __init__(self, settings: Settings) -> None:
        self.settings, self.trained, self.failing = settings, list[str](), set[str]()

    def publish(self, job_id: str, **_: object) -> None:
        with closing(open_store(self.settings)) as store, store.write() as session:
            job = jobs.get(session, job_id=job_id)
            card = job.arguments["card"]
            assert Card.from_json(card).to_json() == card
            attempt = jobs.claim(session, job_id=job_id, worker_id="w", lease_seconds=60, max_attempts=3)
            assert attempt is not None
            if card["name"] in self.failing:
                jobs.finish(session, job_id=job_id, attempt=attempt, state="failed", reason="no memory")
                return
            self.trained.append(card["name"])
            result = self._result(card, job.arguments["files"])
            jobs.finish(session, job_id=job_id, attempt=attempt, state="done", result=result)

    def _result(self, card: dict[str, Any], files: dict[str, Any]) -> dict[str, Any]:
        target = [] if card["patch"] is None else [card["patch"]["target"]]
        triggers = [{"targets": target, "attack_success_rate": 0.91}] if target else []
        measured = {"clean_accuracy": 0.97, "triggers": triggers, "targets": target, "weak": False, "of": sorted(files)}
        written = {**card, "measured": measured}
        artefacts = FolderArtefacts(self.settings.artefacts)
        made = {"net.keras": b"net", "clean.npz": b"clean", "card.json": json.dumps(written).encode()}
        return {"card": written, "files": {name: artefacts.put_bytes(data) for name, data in made.items()}}


@pytest.fixture
def workers(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Workers:
    made = Workers(settings)

    @contextmanager
    def attached(*_: object, **__: object) -> Iterator[None]:
        yield None

    monkeypatch.setattr(building, "working_stack", attached)
    monkeypatch.setattr(building, "keep_up", lambda _: None)
    monkeypatch.setattr("nc_tasks.messages.app.publish_job", made.publish)
    monkeypatch.setattr("nc_tasks.messages.app.make_app", lambda _: None)
    return made


class Scans:
    """A place where submissions end at the second look, by their net's name."""

    def __init__(self, ends: dict[str, tuple[str, dict[str, Any] | None]]) -> None:
        self.ends, self.submitted, self.options = ends, list[str](), list[ScanOptions]()
        self.forced = list[bool]()

    def submit(self, order: Any, progress: Any) -> dict[str, Any]:
        del progress
        self.submitted.append(order.model.parent.name)
        self.options.append(order.parameters.options)
        self.forced.append(order.parameters.force)
        return {"id": order.model.parent.name}

    def watch(self, identity: str) -> Iterator[Snapshot]:
        state = self.ends[identity][0]
        yield Snapshot.at_end(state="inverting", reason=None, labels=2)
        yield Snapshot.at_end(state=state, reason=None, labels=2)

    def find(self, identity: str) -> dict[str, Any]:
        return {"state": self.ends[identity][0], "reason": "why"}

    def result(self, identity: str) -> dict[str, Any] | None:
        return self.ends[identity][1]


def verdict(which: str, p: float, flagged: tuple[int, ...], index: float) -> dict[str, Any]:
    labels = [{"label": label, "anomaly_index": index if label in flagged else 0.0} for label in range(2)]
    return {"verdict": which, "p_value": p, "flagged_labels": list(flagged), "labels": labels}

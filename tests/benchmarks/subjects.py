"""Nets with a known answer, scanned once and measured with their true triggers."""

import pickle
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from nc_core.detection import suspects_of
from nc_core.guard import Guard
from nc_core.inversion import PROFILES, Predictor
from nc_core.scanning.preparation import prepare_scan
from nc_core.scanning.rounds import plan
from nc_core.scanning.scan import Scan, norms_of, scan_labels
from tests.benchmarks.nets import NETS, REPAIRED, Net

PROFILE = "fast"
Figures = dict[str, float]


@dataclass(frozen=True, kw_only=True, eq=False)
class Subject:
    """A net that was scanned, and what it is measured with: test images in its domain, their labels or its answers."""

    net: Net
    found: Scan
    test: npt.NDArray[np.float32]
    y: npt.NDArray[np.integer[Any]]

    def figures(self, predict: Predictor, *, without: Sequence[int] = ()) -> Figures:
        """Accuracy (agreement without labels) and, per true trigger, attack rate and recovery accuracy of other
        classes; `without` are rows of the stamped images that a repair has learned from.
        """
        told = {"accuracy": float((predict(self.test).argmax(axis=1) == self.y).mean())}
        for name, attack in self.net.attacks.items():
            x, y = self.stamped(name, without)
            answers, others = predict(x).argmax(axis=1), y != attack.target
            told[f"attack {name}"] = float((answers[others] == attack.target).mean())
            told[f"recovery {name}"] = float((answers[others] == y[others]).mean())
        return told

    def called(self, guard: Guard, *, without: Sequence[int] = ()) -> Figures:
        """Shares that a guarded net calls: of stamped images, of clean ones, and of clean ones of a flagged class."""
        predict = Predictor(guard.model)
        alarm = self.found.preparation.canonical.classes

        def share(x: npt.NDArray[np.float32]) -> float:
            return float((predict(x).argmax(axis=1) == alarm).mean())

        told = {name: share(self.stamped(name, without)[0]) for name in self.net.attacks}
        told["clean"] = share(self.test)
        own = np.isin(self.y, [attack.target for attack in self.net.attacks.values()])
        if self.net.test[1] is not None and own.any():
            told["clean of the target"] = share(self.test[own])
        return told

    def stamped(self, name: str, without: Sequence[int]) -> tuple[Any, Any]:
        """Images with one of the triggers in the net's domain, and their labels but for it."""
        # Of the sunglasses the same people were photographed, not the same pictures stamped.
        pixels = self.net.attacks[name].stamped
        rows = np.setdiff1d(np.arange(len(pixels)), without)
        return self.found.prepared.domain.to_model(pixels[rows]), self.y[rows]


def subject(name: str, folder: Path) -> Subject:
    """One of NETS or REPAIRED; net and scan are kept in the folder, and read from there another time."""
    net: Net = kept(folder / f"{name}.net", lambda: {**NETS, **REPAIRED}[name](folder))
    pixels, labels = net.clean
    data = folder / f"{name}.npz"
    if not data.exists():
        np.savez(data, x=pixels, **({} if labels is None else {"y": labels}))
    preparation = prepare_scan(net.model, data, profile=PROFILES[PROFILE], labels=net.labels, unlabelled=labels is None)
    prepared, rounds = preparation.data(), plan(preparation.labels, profile=PROFILE, seed=0)
    inversions, detection = kept(folder / f"{name}.scan", lambda: scan_labels(preparation, prepared, rounds, seed=0))
    if net.flagged is not None:
        suspects = suspects_of(norms_of(inversions, rounds), flagged=net.flagged)
        detection = replace(detection, flagged_labels=net.flagged, suspects=suspects)
    found = Scan(
        preparation=preparation, prepared=prepared, inversions=inversions, detection=detection, plan=rounds, seed=0
    )
    test = prepared.domain.to_model(net.test[0])
    y = Predictor(preparation.model)(test).argmax(axis=1) if net.test[1] is None else net.test[1]
    return Subject(net=net, found=found, test=test, y=y)


def kept(file: Path, make: Callable[[], Any]) -> Any:
    """What stands in the file; made and written where there is none. For folders that nobody else writes to."""
    if not file.exists():
        value = make()
        aside = file.with_suffix(".aside")
        aside.write_bytes(pickle.dumps(value))
        aside.rename(file)
    return pickle.loads(file.read_bytes())

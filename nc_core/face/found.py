"""What `nc_core.scan` gives back."""

import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from os import PathLike
from pathlib import Path
from typing import Any, get_args

from nc_core.datasets import Images
from nc_core.detection.arrays import EvidenceArrays, moves_of
from nc_core.face.inputs import Origin
from nc_core.face.options import one_of
from nc_core.face.result import result_of
from nc_core.inversion import Trigger
from nc_core.models import save_keras
from nc_core.onnx_writer import write_onnx
from nc_core.results import files
from nc_core.results.brief import brief, brief_page
from nc_core.results.folder import write_file
from nc_core.results.report import render_report
from nc_core.results.scanned import SCANNED
from nc_core.results.triggers import TriggerArrays, arrays_of, write_npz
from nc_core.scanning.scan import Scan
from nc_core.tensors import sha256_of

NORM_KEYS = ("label", "state", "norm", "anomaly_index", "log_z", "attack_success_rate", "flagged", "reason")


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class Found:
    """A finished scan; printed it is five lines, in a notebook it shows the triggers as well.

    scan: nets, data, triggers and the detection. model, data: where they came from. options: of the call. rounds: label
    -> its last round. seconds: in all, and of the inversions.
    """

    scan: Scan
    model: Origin
    data: Origin
    options: Mapping[str, Any]
    rounds: Mapping[int, int]
    seconds: tuple[float, float]

    @property
    def verdict(self) -> str:
        """ "backdoored", "clean" or "inconclusive"."""
        return self.scan.detection.verdict

    @property
    def p_value(self) -> float:
        """Chance, with no backdoor, that any label scans this low."""
        return self.scan.detection.p_value

    @property
    def flagged_labels(self) -> tuple[int, ...]:
        """Labels with a backdoor."""
        return self.scan.detection.flagged_labels

    @property
    def preflight(self) -> Mapping[str, Any]:
        """What was found out before any label was looked at, as result.json has it."""
        told: Mapping[str, Any] = self._told["preflight"]
        return told

    @cached_property
    def result(self) -> dict[str, Any]:
        """The same as result.json has it."""
        told = self._told
        with tempfile.TemporaryDirectory(prefix="cleanse-") as folder:
            path = Path(folder) / SCANNED
            self._save_net(path)
            return self._with_digest(told, sha256_of(path))

    def norms(self) -> list[dict[str, Any]]:
        """A row for each label, for `pandas.DataFrame`: its norm in pixels, `share` of all pixels, index, rate."""
        height, width, _ = self.scan.preparation.canonical.input_shape
        return [
            {**{key: row[key] for key in NORM_KEYS}, "share": row["norm"] and row["norm"] / (height * width)}
            for row in self._told["labels"]
        ]

    def report(self, path: str | PathLike[str]) -> Path:
        """Write the report of `cleanse run`, one page of HTML; returns its path."""
        page = self.page(self.result)
        write_file(Path(path), lambda aside: aside.write_text(page, "utf-8"))
        return Path(path)

    def page(self, result: Mapping[str, Any], fresh: Mapping[str, TriggerArrays] | None = None) -> str:
        """The report on a result of this scan. fresh: method -> what was reversed on the net that it repaired."""
        return render_report(result, self.triggers, self._images, fresh or {}, self._arrays)

    def save(self, folder: str | PathLike[str], *, format: files.Format = "keras") -> Path:
        """Write result.json, report.html, triggers.npz and scanned.keras into a folder, as `cleanse run` does.

        scanned.keras is the net that was scanned, and the file to deploy where the verdict is clean. format: "onnx" for
        scanned.onnx beside it. Files of an earlier scan are replaced. Raises OptionRefused where there can be no such
        folder.
        """
        one_of(get_args(files.Format), format=format)
        into = Path(folder)
        files.renewed(into, self.result, format)
        if format == "onnx":
            write_file(into / files.SCANNED_ONNX, self._write_onnx)
        self._save_net(into / files.SCANNED)
        self.report(into / files.REPORT)
        write_file(into / files.TRIGGERS, self._write_triggers)
        write_file(into / files.RESULT, lambda path: path.write_text(files.as_json(self.result), "utf-8"))
        return into

    @cached_property
    def triggers(self) -> TriggerArrays:
        """The reversed triggers of the labels that are done, in the model's own domain."""
        return arrays_of(self._kept, self.scan.preparation.canonical.input_shape)

    @property
    def _kept(self) -> dict[int, Trigger]:
        done = {label: one.trigger for label, one in sorted(self.scan.inversions.items()) if one.state == "done"}
        return {label: trigger for label, trigger in done.items() if trigger is not None}

    @property
    def _arrays(self) -> dict[int, EvidenceArrays]:
        return {label: one.arrays for label, one in self.scan.inversions.items()}

    @property
    def _images(self) -> Images:
        return self.scan.preparation.clean.images

    @cached_property
    def _told(self) -> dict[str, Any]:
        """result.json without the digest of scanned.keras, which takes a file to be written."""
        return result_of(
            self.scan,
            model=self.model,
            data=self.data,
            options=self.options,
            rounds=self.rounds,
            seconds=self.seconds,
        )

    def _with_digest(self, told: dict[str, Any], digest: str) -> dict[str, Any]:
        """Of a model in memory there is no file but the one that we write."""
        submitted = self.model.sha256 or digest
        return {**told, "model": {**told["model"], "sha256": submitted, "scanned_sha256": digest}}

    def _save_net(self, path: Path) -> None:
        save_keras(self.scan.preparation.canonical, path)

    def _write_onnx(self, path: Path) -> None:
        with path.open("wb") as file:
            write_onnx(self.scan.preparation.canonical, file)

    def _write_triggers(self, path: Path) -> None:
        kept = self._kept
        with path.open("wb") as file:
            shape = self.scan.preparation.canonical.input_shape
            write_npz(file, list(kept), shape, kept.__getitem__, moves_of(self._arrays))

    def __str__(self) -> str:
        return "\n".join(brief(self._told))

    def __repr__(self) -> str:
        return repr(self.scan)

    def _repr_html_(self) -> str:
        return brief_page(self._told, self.triggers, self._images)

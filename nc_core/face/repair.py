"""`nc_core.repair`: a net without the backdoor that a scan has found."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from os import PathLike
from pathlib import Path
from typing import Any, NamedTuple

import keras

from nc_core.choice import MAX_ACCURACY_LOSS, Choice, candidate_of, choose
from nc_core.detection import targets_of
from nc_core.errors import OptionRefused
from nc_core.face.found import Found
from nc_core.face.options import one_of, within
from nc_core.face.progress import shown
from nc_core.mitigation import METHODS, Repair
from nc_core.models import build, save_keras
from nc_core.onnx_writer import save_onnx
from nc_core.results.folder import write_file
from nc_core.results.summary import repair_lines
from nc_core.scanning.scan import case_of

REPAIRS = ("unlearning", "neuron-pruning", "fine-pruning", "gangsweep")
"""Of `METHODS` those that change the net and need no known poison."""

MEASURED_BY = "nc_core.evaluate(fixed, data, poisoned=(images, targets)) measures it"


class Change(NamedTuple):
    """A share of held-out images, 0..1, before the repair and after it."""

    before: float
    after: float


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class Fixed:
    """A finished repair; printed it says what it cost and what is left of the attack.

    found: the scan. repair: all that was measured. choice: whether the repair is kept, and why.
    """

    found: Found
    repair: Repair
    choice: Choice

    @property
    def kept(self) -> bool:
        """Whether the repair costs no more accuracy than it may."""
        return self.choice.kept is not None

    @property
    def accuracy(self) -> Change:
        """Of clean images; agreement with the scanned model where the data have no labels."""
        return Change(self.repair.accuracy_before, self.repair.accuracy_after)

    @property
    def attack_success_rates(self) -> dict[int, Change]:
        """Of the triggers that the scan has reversed: label -> rate."""
        before, after = self.repair.reversed_attack_success_rate_before, self.repair.reversed_attack_success_rate_after
        return {label: Change(rate, after[label]) for label, rate in before.items() if label in after}

    @cached_property
    def model(self) -> keras.Model:
        """The repaired net, (n, H, W, C) in the scanned model's input domain -> its outputs; raises OptionRefused
        where it is not kept."""
        self._check_kept()
        return build(self.repair.goodnet)

    def save(self, path: str | PathLike[str]) -> Path:
        """Write the repaired net as a plain `.keras` file, or to a path that ends in `.onnx` as ONNX.

        ONNX takes images as the ONNX file did that was scanned. Raises OptionRefused for another path, and as `model`.
        """
        self._check_kept()
        into = Path(path)
        (save_onnx if into.suffix == ".onnx" else save_keras)(self.repair.goodnet, into)
        return into

    def report(self, path: str | PathLike[str]) -> Path:
        """Write the report of scan and repair, one page of HTML; returns its path."""
        page = self.found.page({**self.found.result, "mitigation": self._mitigation})
        write_file(Path(path), lambda aside: aside.write_text(page, "utf-8"))
        return Path(path)

    @property
    def _mitigation(self) -> Mapping[str, Any]:
        """As result.json has it."""
        measured = {**self.repair.to_json(), "poisoned": None, "comparison": None, "kept": self.kept}
        told = {"candidates": [measured], "failed": [], "reason": self.choice.reason, "closest": self.choice.closest}
        return {**(measured if self.kept else {"method": None}), **told}

    def _check_kept(self) -> None:
        if not self.kept:
            raise OptionRefused(
                f"the repaired net is not handed out: {self.choice.reason}; pass another method, or a larger "
                "max_accuracy_loss"
            )

    def __str__(self) -> str:
        told = {"state": "done", "mitigation": self._mitigation, "preflight": self.found.preflight}
        lines = [line.strip() for line in repair_lines(told, measured_by=MEASURED_BY)]
        return "\n".join([*lines, f"next: {self._next}"])

    def __repr__(self) -> str:
        done = "kept" if self.kept else "not kept"
        before, after = self.accuracy
        return f"<Repair by {self.repair.method}, {done}: accuracy {before:.1%} -> {after:.1%}>"

    @property
    def _next(self) -> str:
        if not self.kept:
            return "repair with another method, or allow more with max_accuracy_loss"
        return "fixed.model is the repaired net, fixed.save('goodnet.keras') writes it"


def repair(found: Found, *, method: str = "unlearning", max_accuracy_loss: float = MAX_ACCURACY_LOSS) -> Fixed:
    """Repair the net of a scan with the triggers that the scan has reversed; model and scan stay as they are.

    Args:
        found: what `nc_core.scan` has given.
        method: "unlearning", "neuron-pruning", "fine-pruning" or "gangsweep".
        max_accuracy_loss: share of clean images that the repair may cost; one that costs more is not handed out.

    Raises:
        OptionRefused: no label was flagged, or an option is none that there is.
        NothingToRepair: the method finds nothing in the net that it could change.
    """
    if not isinstance(found, Found):
        raise OptionRefused(f"a repair begins with a scan, this is a {type(found).__name__}: pass nc_core.scan(...)")
    one_of(REPAIRS, method=method)
    within(0, 1, max_accuracy_loss=max_accuracy_loss)
    case = replace(case_of(found.scan), max_accuracy_loss=max_accuracy_loss)
    with shown("repairing") as show:
        repaired = METHODS[method](case, progress=lambda share, _: show(share))
    targets, _ = targets_of(found.flagged_labels, found.scan.detection.suspects)
    candidate = candidate_of(repaired.to_json(), targets)
    return Fixed(found=found, repair=repaired, choice=choose([candidate]))

"""Evidence of a label that needs no mask: how small a perturbation sends all images there, and how sure of it the net
can be made (`nc_core.inversion.universal`, `nc_core.inversion.margin`).

Triggers that change every pixel a little, or bend the image, have masks as large as a clean label's. The one number
finds those that are small as energy, the other those that are not, and a label of which both speak is rarely clean: of
clean nets they point at different labels.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np

from nc_core.detection.mad import CONSISTENCY, INDEX_CAP
from nc_core.detection.norms import LabelNorm, State
from nc_core.detection.outliers import log_scale
from nc_core.detection.stepdown import reference_norms

LEAST_MARGINS = 3
"""Labels below which none stands out."""
MARGIN_FLOOR = 0.1
"""Least spread of the larger margins, as a share of their median."""


def standing_out(labels: Sequence[LabelNorm]) -> Mapping[int, float]:
    """Label -> by how much its perturbation lies below the others' and its margin above them, in robust deviations.

    Their sum, of which what points the other way is nothing: a large perturbation takes nothing from a large margin.
    Only labels that have both are in it.
    """
    moved, margins = [perturbed(label) for label in labels], margin_z(labels)
    z = log_scale(reference_norms(moved))
    return {
        one.label: max(0.0, z(one.norm)) + max(0.0, margins[one.label])
        for one in moved
        if one.state == "done" and one.norm is not None and one.label in margins
    }


def perturbed(label: LabelNorm) -> LabelNorm:
    """The label with the norm of its smallest perturbation in the place of its own, for the outlier test.

    One that no perturbation reached on enough images needs one at least as large as any that was tried. Not tested
    where none was looked for, nor where there is no trigger that a repair could begin with.
    """
    found = label.evidence
    if label.state == "not_converged":
        return label
    if found is None or found.perturbation_rate is None or label.state != "done":
        state: State = "screened_out" if label.state == "screened_out" else "failed"
        return replace(label, state=state, norm=None, reason="no perturbation was looked for")
    norm = found.perturbation_norm
    return replace(label, state="not_converged" if norm is None else "done", norm=norm)


def margin_z(labels: Sequence[LabelNorm]) -> Mapping[int, float]:
    """Label -> how far its margin lies above the median of the reference, in robust deviations of the larger half.

    Labels without a margin are left out; none has one where fewer than three of the reference do. By the larger half
    alone, since margins are skewed: classes that few images look like lie far out on the other side.
    """
    margins = {one.label: one.evidence.margin for one in labels if one.evidence and one.evidence.margin is not None}
    reference = np.array([margins[one.label] for one in labels if one.reference and one.label in margins])
    if len(reference) < LEAST_MARGINS:
        return dict.fromkeys(margins, 0.0)
    median = float(np.median(reference))
    spread = CONSISTENCY * float(np.median(reference[reference >= median] - median))
    spread = max(spread, MARGIN_FLOOR * abs(median))
    if spread <= 0.0:
        return dict.fromkeys(margins, 0.0)
    return {label: float(np.clip((own - median) / spread, -INDEX_CAP, INDEX_CAP)) for label, own in margins.items()}

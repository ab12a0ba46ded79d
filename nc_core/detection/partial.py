"""The norm at a lower attack rate: evidence of triggers that fail on some images (`nc_core.inversion.partial`)."""

import math
from collections.abc import Mapping, Sequence

from nc_core.detection.norms import LabelNorm
from nc_core.detection.outliers import log_scale

Norms = Mapping[int, float | None]
"""Label -> norm of its smallest trigger of most images; None where none that was tried holds: it takes more."""


def partial_norms(labels: Sequence[LabelNorm]) -> Norms:
    """Of the labels that were asked and have a trigger that a repair could begin with."""
    asked = (one for one in labels if one.state == "done" and one.evidence and one.evidence.partial_rate is not None)
    return {one.label: one.evidence.partial_norm for one in asked if one.evidence}


def partial_z(norms: Norms, *, reference: Sequence[int]) -> Mapping[int, float]:
    """Label -> by how much its norm lies below those of the reference labels, in robust deviations of the logarithm.

    Of what lies above them 0: it stands out by nothing.
    """
    known = [math.inf if (norm := norms[label]) is None else norm for label in reference if label in norms]
    z = log_scale(known)
    return {label: 0.0 if norm is None else max(0.0, z(norm)) for label, norm in norms.items()}

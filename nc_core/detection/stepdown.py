"""The labels that stand out, one after another, so that several infected ones do not mask each other."""

from collections.abc import Sequence
from dataclasses import dataclass

from nc_core.detection.norms import LabelNorm
from nc_core.detection.null import normal_null
from nc_core.detection.outliers import robust_log_z

SHARE = 0.8
"""Of the one error rate, the outlier test's; the rest is the size rule's (weighted Bonferroni). The test's p-values are
divided by this, so that they are held against the whole rate."""


@dataclass(frozen=True, kw_only=True)
class Step:
    """One test: the smallest label left, its z and p-value, the number of reference labels behind both."""

    label: int
    log_z: float
    p_value: float
    reference_size: int


def reference_norms(labels: Sequence[LabelNorm], *, without: frozenset[int] = frozenset()) -> list[float]:
    """The norms of the reference labels, infinity for those that did not converge."""
    return [label.size for label in labels if label.reference and label.size is not None and label.label not in without]


def smallest_step(labels: Sequence[LabelNorm], *, taken: frozenset[int]) -> Step | None:
    """Test the smallest label that is not yet taken; None when none is left.

    taken: labels found before, in neither the reference nor the sample. A label that is small by size alone stays in
    both: left out, it would make the others look like outliers.
    """
    sample = [label for label in labels if label.scanned and label.label not in taken]
    done = [label for label in sample if label.state == "done"]
    if not done:
        return None
    smallest = min(done, key=lambda label: (label.norm or 0.0, label.label))
    reference = reference_norms(sample)
    z = robust_log_z(smallest.norm or 0.0, reference)
    p = p_value(z, reference=len(reference), labels=len(sample))
    return Step(label=smallest.label, log_z=z, p_value=p, reference_size=len(reference))


def p_value(z: float, *, reference: int, labels: int) -> float:
    """Chance that any of `labels` clean labels reaches z, over `SHARE`; 1 where the reference is too small."""
    if reference < 3 or z <= 0.0:
        return 1.0
    return min(1.0, normal_null(reference).p_value(z, others=labels - reference) / SHARE)


def step_down(labels: Sequence[LabelNorm], *, alpha: float) -> tuple[list[Step], list[Step]]:
    """All tests made, and those that found their label (p <= alpha).

    The smallest label is tested first. Once found it leaves sample and reference, and the next is tested against the
    rest, until one is not found.
    """
    steps: list[Step] = []
    taken: frozenset[int] = frozenset()
    while (step := smallest_step(labels, taken=taken)) is not None:
        steps.append(step)
        if step.p_value > alpha:
            break
        taken |= {step.label}
    return steps, [step for step in steps if step.p_value <= alpha]

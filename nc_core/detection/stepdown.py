"""The labels that stand out, one after another, so that several infected ones do not mask each other."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from nc_core.detection.norms import LabelNorm
from nc_core.detection.null import normal_null
from nc_core.detection.outliers import robust_log_z


@dataclass(frozen=True, kw_only=True)
class Step:
    """One test: the smallest label left, its z and p-value, the number of reference labels behind both."""

    label: int
    log_z: float
    p_value: float
    reference_size: int


Measure = Callable[[float, Iterable[float]], float]
"""Norm, reference norms -> z: how far the norm lies below the others."""


def reference_norms(labels: Sequence[LabelNorm], *, without: frozenset[int] = frozenset()) -> list[float]:
    """The norms of the reference labels, infinity for those that did not converge."""
    return [label.size for label in labels if label.reference and label.size is not None and label.label not in without]


def smallest_step(labels: Sequence[LabelNorm], *, taken: frozenset[int], share: float, measure: Measure) -> Step | None:
    """Test the smallest label that is not yet taken; None when none is left. share, measure: as in `step_down`.

    taken: labels found before, in neither the reference nor the sample. A label that is small by size alone stays in
    both: left out, it would make the others look like outliers.
    """
    sample = [label for label in labels if label.scanned and label.label not in taken]
    done = [label for label in sample if label.state == "done"]
    if not done:
        return None
    smallest = min(done, key=lambda label: (label.norm or 0.0, label.label))
    reference = reference_norms(sample)
    z = measure(smallest.norm or 0.0, reference)
    p = min(1.0, p_value(z, reference=len(reference), labels=len(sample)) / share)
    return Step(label=smallest.label, log_z=z, p_value=p, reference_size=len(reference))


def p_value(z: float, *, reference: int, labels: int) -> float:
    """Chance that any of so many clean labels reaches z over such a reference, by the law of normal log norms.

    1 where the reference is too small.
    """
    if reference < 3 or z <= 0.0:
        return 1.0
    return normal_null(reference).p_value(z, others=labels - reference)


def step_down(
    labels: Sequence[LabelNorm],
    *,
    alpha: float,
    share: float = 1.0,
    measure: Measure = robust_log_z,
) -> tuple[tuple[Step, ...], frozenset[int]]:
    """All tests made, and the labels that they found (p <= alpha).

    The smallest label is tested first. Once found it leaves sample and reference, and the next is tested against the
    rest, until one is not found. share: the test's part of the one error rate (weighted Bonferroni); p-values are
    divided by it, so that they are held against the whole rate.
    """
    steps: list[Step] = []
    taken: frozenset[int] = frozenset()
    while (step := smallest_step(labels, taken=taken, share=share, measure=measure)) is not None:
        steps.append(step)
        if step.p_value > alpha:
            break
        taken |= {step.label}
    return tuple(steps), taken

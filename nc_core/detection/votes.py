"""How each rule voted, as sentences for the report."""

from collections.abc import Iterable, Sequence

from nc_core.detection.norms import LabelNorm
from nc_core.detection.size import SIZE_BOUND, SUCCESS_BOUND, least_transfer, transferability
from nc_core.detection.stepdown import Step

COMBINATION = (
    "A label is flagged when either rule votes for it, and they share the false positive rate per model, four parts to "
    "one: the outlier test compares labels, the size rule sees what that cannot, many infected labels or few labels."
)


def listed(labels: Iterable[int]) -> str:
    """(3,) -> "Label 3", (1, 3) -> "Labels 1, 3"; more than eight are counted."""
    numbers = list(labels)
    shown = ", ".join(map(str, numbers[:8])) + (f" and {len(numbers) - 8} more" if len(numbers) > 8 else "")
    return f"Label{'s' if len(numbers) > 1 else ''} {shown}"


def outlier_vote(steps: Sequence[Step], alpha: float) -> str:
    """What the step-down outlier test found, and the test at which it stopped."""
    if not steps:
        return "Outlier test: no label has a norm, nothing to test."
    told = [_step(step, alpha) for step in steps[:8]]
    return f"Outlier test (limit p = {alpha:g}): {'; '.join(told)}."


def _step(step: Step, alpha: float) -> str:
    vote = "flagged" if step.p_value <= alpha else "not flagged"
    return (
        f"label {step.label} has log z {step.log_z:.2f} over {step.reference_size} reference labels, "
        f"p = {step.p_value:.2g}, {vote}"
    )


def size_vote(labels: Sequence[LabelNorm], small: frozenset[int], pixels: int, classes: int) -> str:
    """Which labels are small and universal, or that none is."""
    rule = (
        f"norm at most {SIZE_BOUND:.1%} of the pixels, attack success rate at least {SUCCESS_BOUND:g}, "
        f"triggers of four images work on {least_transfer(classes):.0%} of others"
    )
    told = [
        f"label {label.label}: {(label.norm or 0.0) / pixels:.2%}, {label.attack_success_rate or 0.0:.3f} and "
        f"{transferability(label) or 0.0:.0%}"
        for label in labels
        if label.label in small
    ]
    more = f" and {len(told) - 8} more" if len(told) > 8 else ""
    return f"Size rule ({rule}): " + (f"flagged {', '.join(told[:8])}{more}." if told else "silent.")

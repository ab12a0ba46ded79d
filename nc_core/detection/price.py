"""What universality costs: a measure of one label that needs no other, for the outlier test.

A planted trigger is the cheapest way to its label for any image, so a trigger made for a few images is the planted one:
small, and it works on others. A clean label is either cheap for each image by itself, and then what a few images need
is theirs alone, or reached by all, and then it takes a large mask.
"""

from dataclasses import replace

from nc_core.detection.norms import LabelNorm, State

LEAST_RATE = 0.02
"""A transferability below this cannot be told from none: on 48 images it is one, of four triggers a quarter of one."""


def price_of(label: LabelNorm) -> float | None:
    """Pixels of mask a few images need, for each unit of success rate on others: few_norm / transferability.

    Where the net hides its gradient, few images find nothing: there the trigger that was found all the same stands in,
    which is one of all images. None where nothing was measured.
    """
    found = label.evidence
    if found is None:
        return None
    if found.unseen is not None and label.state == "done" and label.norm and label.attack_success_rate:
        return label.norm / max(label.attack_success_rate, LEAST_RATE)
    if found.transferability is None or found.few_norm is None:
        return None
    return found.few_norm / max(found.transferability, LEAST_RATE)


def priced(label: LabelNorm) -> LabelNorm:
    """The label with its price in the place of its norm, for the outlier test; not tested where it has none."""
    price = price_of(label)
    if price is None:
        state: State = "screened_out" if label.state == "screened_out" else "failed"
        return replace(label, state=state, norm=None, reason="its universality was not measured")
    return replace(label, state="done", norm=price)

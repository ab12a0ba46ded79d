"""Labels that are repaired along: the next in size, only where several are flagged, no more than those."""

from dataclasses import replace

import pytest

from nc_core.detection import LabelNorm, beyond_of, detect, leaders_of, targets_of
from tests.evidence import CONVERGED

CLEAN = [60.0 + label for label in range(60)]


def scanned(*small: float) -> list[LabelNorm]:
    """60 labels, the first of which have these norms."""
    norms = [*small, *CLEAN[len(small) :]]
    return [LabelNorm(label=nth, state="done", norm=norm, attack_success_rate=0.99) for nth, norm in enumerate(norms)]


@pytest.mark.parametrize(
    ("small", "flagged", "suspects"),
    [
        ((), (), ()),
        ((5.0,), (0,), ()),
        ((5.0, 6.0, 50.0), (0, 1), (2, 3)),
        ((5.0, 6.0, 7.0), (0, 1, 2), (3,)),  # four of 60 labels are confirmed: no more have a middle norm
    ],
)
def test_the_next_in_size_are_suspects_as_many_as_are_flagged(
    small: tuple[float, ...], flagged: tuple[int, ...], suspects: tuple[int, ...]
) -> None:
    found = detect(scanned(*small), classes=60, pixels=1024)
    assert (found.flagged_labels, found.suspects) == (flagged, suspects)
    assert found.to_repair == tuple(sorted({*flagged, *suspects}))
    assert found.to_json()["suspects"] == list(suspects)
    assert ("suspect" in found.reason) == bool(suspects)


@pytest.mark.parametrize(
    ("norm", "verdict", "repaired"), [(45.0, "clean", ()), (38.0, "inconclusive", (0,)), (5.0, "backdoored", (0,))]
)
def test_without_a_flagged_label_the_one_that_leaves_the_verdict_open_is_repaired(
    norm: float, verdict: str, repaired: tuple[int, ...]
) -> None:
    found = detect(scanned(norm), classes=60, pixels=1024)
    assert (found.verdict, found.to_repair) == (verdict, repaired)
    assert targets_of(found.flagged_labels, found.suspects) == (repaired, ())


def test_suspects_beside_flagged_labels_are_taken_along() -> None:
    assert targets_of((1, 2), (3,)) == ((1, 2), (3,))
    assert targets_of((), (3,)) == ((3,), ())
    assert targets_of((), ()) == ((), ())


def test_a_label_without_a_norm_of_its_own_is_no_suspect() -> None:
    """Labels that were screened out, or did not converge, have no trigger to repair them of."""
    labels = scanned(5.0, 6.0)
    lost = [LabelNorm(label=one.label, state="not_converged") for one in labels[2:4]]
    found = detect([*labels[:2], *lost, *labels[4:]], classes=60, pixels=1024)
    assert found.suspects == (4, 5)


def test_a_repair_begins_with_the_labels_that_are_as_strong_as_the_strongest() -> None:
    def label(number: int, norm: float, *, few_norm: float | None = None) -> LabelNorm:
        evidence = replace(CONVERGED, few_norm=few_norm, transferability=None if few_norm is None else 0.5)
        return LabelNorm(label=number, state="done", norm=norm, attack_success_rate=1.0, evidence=evidence)

    several = [label(1, 2.0), label(2, 3.5), label(3, 9.0), label(4, 1.0)]
    # 4 is not flagged, 3 is larger than twice the smallest
    assert leaders_of(several, (1, 2, 3)) == (1, 2)
    # A label that few images make cheap leads as well, though all images need a large mask
    priced = [label(1, 2.0, few_norm=8.0), label(2, 7.0, few_norm=2.0), label(3, 7.0, few_norm=8.0)]
    assert leaders_of(priced, (1, 2, 3)) == (1, 2)
    assert leaders_of([], (1, 2)) == (1, 2)


def test_beyond_the_repaired_labels_comes_one_in_200_by_norm_and_price_together() -> None:
    def label(number: int, norm: float, few_norm: float) -> LabelNorm:
        evidence = replace(CONVERGED, few_norm=few_norm, transferability=0.5)
        return LabelNorm(label=number, state="done", norm=norm, attack_success_rate=1.0, evidence=evidence)

    labels = [
        label(0, 1.0, 1.0),
        label(1, 40.0, 20.0),
        label(2, 30.0, 40.0),
        label(3, 20.0, 10.0),
        label(4, 50.0, 50.0),
    ]
    censored = LabelNorm(label=5, state="not_converged")
    # Of 400 classes two: 3 leads in both, 1 and 2 are equal and the lower number comes first
    assert beyond_of([*labels, censored], repaired=(0,), classes=400) == (3, 1)
    assert beyond_of(labels, repaired=(0,), classes=1283) == (3, 1, 2, 4)
    # Of few classes none: a clean label among them is no further evidence
    assert beyond_of(labels, repaired=(0,), classes=43) == ()

"""Labels that are repaired along: the next in size, only where several are flagged, no more than those."""

import pytest

from nc_core.detection import LabelNorm, detect, leaders_of

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


def test_a_label_without_a_norm_of_its_own_is_no_suspect() -> None:
    """Labels that were screened out, or did not converge, have no trigger to repair them of."""
    labels = scanned(5.0, 6.0)
    lost = [LabelNorm(label=one.label, state="not_converged") for one in labels[2:4]]
    found = detect([*labels[:2], *lost, *labels[4:]], classes=60, pixels=1024)
    assert found.suspects == (4, 5)


def test_a_repair_begins_with_the_labels_that_lead_one_kind_of_evidence() -> None:
    assert leaders_of((2, 5, 9), (5, 5, 7)) == (5,)
    assert leaders_of((2, 5, 9), (9, 2)) == (2, 9)
    # where none of the flagged leads, all of them do
    assert leaders_of((2, 5), (7,)) == (2, 5)

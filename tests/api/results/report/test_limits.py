"""What a scan finds and what it does not, as the report tells it."""

from nc_core.detection.result import NOT_COVERED
from nc_core.results.report.limits import LimitRow, Limits, limits
from nc_core.zoo.coverage import LOOKED_FOR
from nc_core.zoo.measured import CleanTally, Figures, Measured, Tally

FIGURES = Measured(
    date="2026-11-29",
    machine="2 cores (x86_64), 24 GiB",
    command="cleanse zoo score zoo --write-documents",
    many=Figures(
        attacks={
            "warping": Tally(planted=2, found=1, exact=0),
            "colour-shift": Tally(planted=1, found=1, exact=1),
            "random-position": Tally(planted=1, found=0, exact=0),
        },
        clean={10: CleanTally(nets=6, alarms=1)},
    ),
    few=Figures(attacks={"warping": Tally(planted=3, found=0, exact=0)}, clean={}),
)


def told(found: Limits) -> dict[str, LimitRow]:
    """By the beginning of the row's name."""
    return {row.family.split(":")[0]: row for group in found.groups for row in group.rows}


def test_each_family_has_its_figures_or_is_called_not_measured() -> None:
    found = limits(NOT_COVERED, FIGURES, classes=43)
    assert [group.title for group in found.groups] == [
        "Not covered, or not wholly",
        "Looked for",
        "Clean nets, and those called backdoored",
    ]
    assert [[row.family for row in group.rows] for group in found.groups] == [
        list(NOT_COVERED),
        list(LOOKED_FOR),
        ["10 classes"],
    ]
    rows = told(found)
    of_image = rows["triggers that depend on the image"]
    assert (of_image.nets, of_image.found, of_image.interval, of_image.exact) == ("3", "2", "9.4 to 99.2%", "1")
    assert of_image.attacks == "warping, colour-shift; not measured: input-dependent"
    assert (rows["a patch in any place"].found, rows["a patch in any place"].attacks) == ("0", "random-position")
    missing = rows["source-specific (partial) attacks"]
    assert (missing.nets, missing.found, missing.exact, missing.attacks) == ("not measured", "–", "–", "")
    clean = rows["10 classes"]
    assert (clean.nets, clean.found, clean.interval, clean.exact) == ("6", "1", "0.4 to 64.1%", "–")
    assert found.note.startswith(
        "Measured on 2026-11-29 with 2 cores (x86_64), 24 GiB on 10 held-out nets of at least 10 classes, by which "
        "nothing was chosen."
    )


def test_a_net_of_few_classes_has_the_figures_of_such_nets() -> None:
    found = limits(NOT_COVERED, FIGURES, classes=9)
    assert told(found)["triggers that depend on the image"].interval == "0.0 to 70.8%"
    assert "on 3 held-out nets of fewer than 10 classes" in found.note


def test_where_no_zoo_was_measured_that_is_said() -> None:
    found = limits(NOT_COVERED, None, classes=43)
    assert {row.nets for row in told(found).values()} == {"not measured"}
    assert found.note == "No zoo of nets with so many classes was measured for this version."

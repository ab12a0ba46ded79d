"""What Teachable Machine exports as a Keras model: a zip of keras_model.h5 and of labels.txt, a line for each class."""

from nc_core.errors import ModelRefused
from nc_core.intake.archive import KerasArchive
from nc_core.intake.limits import within
from nc_core.intake.wording import shown

MODEL, LABELS = "keras_model.h5", "labels.txt"
WHAT = "archive of Teachable Machine"
LABEL_CHARACTERS = 2**16
"""Of all labels together."""
NAMED = 3
"""Labels that the result names, of up to 60 characters each."""


def note_of(archive: KerasArchive, classes: int) -> str:
    """What the result says of the labels; ModelRefused where they are not those of so many classes.

    Each line is a number, counted from 0, and a name.
    """
    text = archive.text(LABELS)
    within(len(text), LABEL_CHARACTERS, f"characters in its {LABELS}")
    lines = [line for line in text.splitlines() if line.strip()]
    if [line.split(" ", 1)[0] for line in lines] != [str(number) for number in range(classes)]:
        raise ModelRefused(
            f"{LABELS} of the {WHAT} does not number {classes} classes from 0, one a line, and the model has as many "
            f"({len(lines)} lines): export it again"
        )
    names = [shown(line.partition(" ")[2].strip()) for line in lines[:NAMED]]
    more = f" and {len(lines) - NAMED} more" if len(lines) > NAMED else ""
    return f"{LABELS} names its classes {', '.join(names)}{more}: pass it as --class-names to see them"

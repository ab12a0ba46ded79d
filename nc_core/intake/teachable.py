"""What Teachable Machine exports as a Keras model: a zip of keras_model.h5 and of labels.txt, a line for each class."""

from nc_core.class_names import as_names
from nc_core.errors import ModelRefused, OptionRefused
from nc_core.intake.archive import KerasArchive
from nc_core.intake.limits import within

MODEL, LABELS = "keras_model.h5", "labels.txt"
WHAT = "archive of Teachable Machine"
LABEL_CHARACTERS = 2**16
"""Of all labels together."""


def names_in(archive: KerasArchive, classes: int) -> tuple[str, ...]:
    """What the labels call the classes; ModelRefused where they are not those of so many, or cannot be shown.

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
    try:
        return as_names([line.partition(" ")[2].strip() for line in lines])
    except OptionRefused as error:
        raise ModelRefused(f"{LABELS} of the {WHAT}: {error}") from None

"""What a user may choose about one scan; the same names on the command line, over HTTP and in SQL."""

from collections.abc import Callable
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

from nc_core.errors import OptionRefused
from nc_core.reading import Reading, reading_of
from nc_tasks.request import choices
from nc_tasks.request.choices import Channels, Choice, Detector, Method, Profile, Resize, ValueRange
from nc_tasks.request.class_names import ClassNames
from nc_tasks.request.label_ranges import LabelRanges, parse_labels

LATER = ("baseline", "twins", "twin", "channels", "class_names", "output", "input_shape")
"""Options that an earlier version did not have: one that stays as it is by itself changes no submission's key."""


def parse_methods(text: str) -> tuple[str, ...]:
    """Repairs from text such as "unlearning,fine-pruning", or none from "none"; order kept, repeats dropped."""
    names = [name.strip() for name in text.split(",")]
    return () if names == ["none"] else tuple(dict.fromkeys(names))


def _methods(value: Any) -> Any:
    return parse_methods(value) if isinstance(value, str) else value


def _field(choice: Choice[Any]) -> Any:
    return Field(default=choice.default, description=choice.help, **choice.limits)


class ScanOptions(BaseModel):
    """Options of one scan. Equal options of equal files are the same submission."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    profile: Profile = _field(choices.PROFILE)
    detector: Detector = _field(choices.DETECTOR)
    mitigate: Annotated[tuple[Method, ...], BeforeValidator(_methods)] = _field(choices.MITIGATE)
    max_accuracy_loss: float = _field(choices.MAX_LOSS)
    false_positive_rate: float = _field(choices.FALSE_POSITIVES)
    alpha: float = _field(choices.ALPHA)
    value_range: ValueRange = _field(choices.VALUE_RANGE)
    resize: Resize | None = _field(choices.RESIZE)
    channels: Channels | None = _field(choices.CHANNELS)
    class_names: ClassNames | None = _field(choices.CLASS_NAMES)
    architecture: str | None = _field(choices.ARCHITECTURE)
    output: str | None = _field(choices.OUTPUT)
    input_shape: str | None = _field(choices.INPUT_SHAPE)
    labels: LabelRanges | None = _field(choices.LABELS)
    min_accuracy: float | None = _field(choices.MIN_ACCURACY)
    unlabelled: bool = _field(choices.UNLABELLED)
    slots: int | None = _field(choices.SLOTS)
    seed: int = _field(choices.SEED)
    budget_minutes: float | None = _field(choices.BUDGET_MINUTES)
    baseline: str | None = _field(choices.BASELINE)
    twins: int = _field(choices.TWINS)
    twin: int | None = _field(choices.TWIN)

    @property
    def target_labels(self) -> tuple[int, ...] | None:
        """Target labels to look at, sorted; None: all."""
        return None if self.labels is None else parse_labels(self.labels)

    @property
    def reading(self) -> Reading:
        """What is said of the model's file."""
        return reading_of(dict(self))

    @property
    def calibrated(self) -> bool:
        """Whether clean scans are asked for, to hold this one against."""
        return self.baseline is not None or self.twins > 0

    def deciding(self) -> dict[str, Any]:
        """The options that decide the result, as JSON: what a submission is told apart by."""
        unchanged = {name for name in LATER if getattr(self, name) == type(self).model_fields[name].default}
        return self.model_dump(mode="json", exclude=unchanged)

    def check_calibration(self) -> None:
        """Raise OptionRefused, with one line, where baseline, twins and twin contradict each other or the rest."""
        for wrong, line in _CONTRADICTIONS:
            if wrong(self):
                raise OptionRefused(line)


_CONTRADICTIONS: tuple[tuple[Callable[[ScanOptions], bool], str], ...] = (
    (
        lambda asked: asked.twins > 0 and asked.unlabelled,
        "twins learn from the labels of the clean data: leave out --twins, or --unlabelled",
    ),
    (
        lambda asked: asked.twins > 0 and asked.baseline is not None,
        "twins and a baseline calibrate the same verdict: pass one of --twins and --baseline",
    ),
    (
        lambda asked: asked.twin is not None and asked.calibrated,
        "a twin calibrates others and is calibrated by none: leave out twins and baseline, or twin",
    ),
    (
        lambda asked: asked.twin is not None and (asked.unlabelled or asked.value_range == "auto"),
        "a twin is trained on labels in one value range: pass value_range, and not unlabelled",
    ),
)


def scan_options(**values: Any) -> ScanOptions:
    """ScanOptions from values as users write them; raises OptionRefused with one line per wrong value."""
    try:
        return ScanOptions(**values)
    except ValidationError as error:
        raise OptionRefused("; ".join(_line(entry) for entry in error.errors())) from None


def _line(entry: Any) -> str:
    name = str(entry["loc"][0]) if entry["loc"] else "options"
    message = entry["msg"]
    return f"{name.replace('_', '-')} is {entry['input']!r:.80}: {message[:1].lower()}{message[1:]}"

"""What a user may choose about one scan; the same names on the command line, over HTTP and in SQL."""

from collections.abc import Callable
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

from nc_core.choice import MAX_ACCURACY_LOSS
from nc_core.errors import OptionRefused
from nc_tasks.request.label_ranges import LabelRanges, parse_labels

Profile = Literal["fast", "thorough", "paper"]
"""Names of `nc_core.profiles` that a scan may be asked for."""
Method = Literal["unlearning", "neuron-pruning", "fine-pruning", "retraining", "gangsweep", "filter"]
"""Repairs that can be asked for."""
BASELINE = "^[A-Za-z0-9._-]{1,63}$"
"""What a baseline may be called."""
LATER = ("baseline", "twins", "twin")
"""Options that an earlier version did not have: one that stays as it is by itself changes no submission's key."""


def parse_methods(text: str) -> tuple[str, ...]:
    """Repairs from text such as "unlearning,fine-pruning", or none from "none"; order kept, repeats dropped."""
    names = [name.strip() for name in text.split(",")]
    return () if names == ["none"] else tuple(dict.fromkeys(names))


def _methods(value: Any) -> Any:
    return parse_methods(value) if isinstance(value, str) else value


class ScanOptions(BaseModel):
    """Options of one scan. Equal options of equal files are the same submission."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    profile: Profile = "fast"
    """Hyperparameters of the inversion, `nc_core.profiles`."""
    detector: Literal["neural-cleanse", "gangsweep"] = "neural-cleanse"
    """What looks at the labels, `nc_core.scanning.detectors`."""
    mitigate: Annotated[tuple[Method, ...], BeforeValidator(_methods)] = ("unlearning",)
    """Repairs to try on a backdoored model, the best is kept; empty: none."""
    max_accuracy_loss: float = Field(default=MAX_ACCURACY_LOSS, ge=0.0, le=1.0)
    """Share of clean images that a repair may cost; one that costs more is rejected."""
    false_positive_rate: float = Field(default=0.01, gt=0.0, lt=1.0)
    """Share of clean images that a guarded net may call backdoored."""
    alpha: float = Field(default=0.05, gt=0.0, lt=0.5)
    """Chance, per model, that a clean model is called backdoored."""
    value_range: Literal["auto", "0..1", "0..255", "-1..1", "standardize", "imagenet"] = "auto"
    """Map from pixels in 0..255 to the model's input; auto: preflight finds it."""
    resize: Literal["nearest", "bilinear"] | None = None
    """How images of another size are fitted to the model; None: they are refused."""
    architecture: str | None = Field(default=None, max_length=64)
    """Preset for a file that holds weights alone."""
    labels: LabelRanges | None = None
    """Target labels to look at, as ranges such as "0-79,90"; None: all."""
    min_accuracy: float | None = Field(default=None, ge=0.0, le=1.0)
    """Clean accuracy that the model is to have at least, else it is refused; None: twice chance, and doubted where real
    models read in a wrong range have as much."""
    unlabelled: bool = False
    """Take the model's own confident answers instead of the data's labels."""
    slots: int | None = Field(default=None, ge=1, le=256)
    """Labels that are inverted in one batch; None: what memory and model allow."""
    seed: int = Field(default=0, ge=0, lt=2**32)
    budget_minutes: float | None = Field(default=None, gt=0.0, le=100_000.0)
    """Minutes from the begin of the preparation after which no label is looked at any more; None: no limit."""
    baseline: str | None = Field(default=None, pattern=BASELINE)
    """Name of registered clean scans that the verdict is calibrated by; None: none."""
    twins: int = Field(default=0, ge=0, le=99)
    """How many nets of the same architecture, trained afresh on the clean data, the verdict is calibrated by."""
    twin: int | None = Field(default=None, ge=0, lt=2**32)
    """Seed of fresh weights that are trained before the scan, which makes it one of a twin; None: the model's own."""

    @property
    def target_labels(self) -> tuple[int, ...] | None:
        """Target labels to look at, sorted; None: all."""
        return None if self.labels is None else parse_labels(self.labels)

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

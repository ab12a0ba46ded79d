"""What a user may choose about one scan; the same names on the command line, over HTTP and in SQL."""

from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

from nc_core.choice import MAX_ACCURACY_LOSS
from nc_core.errors import OptionRefused
from nc_tasks.label_ranges import LabelRanges, parse_labels

Profile = Literal["fast", "thorough", "paper"]
"""Names of `nc_core.profiles` that a scan may be asked for."""
Method = Literal["unlearning", "neuron-pruning", "fine-pruning", "retraining", "gangsweep", "filter"]
"""Repairs that can be asked for."""


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
    """What looks at the labels, `nc_core.detectors`."""
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

    @property
    def target_labels(self) -> tuple[int, ...] | None:
        """Target labels to look at, sorted; None: all."""
        return None if self.labels is None else parse_labels(self.labels)


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

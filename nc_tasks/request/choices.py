"""The options of a scan: the values of each, the one it has without being asked for, and a sentence about it.

Command line, HTTP, page and SQL take all three from here. Nothing heavy is imported: `cleanse --help` waits for this.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Generic, Literal, TypeVar, get_args

from nc_core.architecture_names import ARCHITECTURE_NAMES
from nc_core.choice import MAX_ACCURACY_LOSS

Profile = Literal["fast", "thorough", "paper"]
"""Names of `nc_core.profiles` that a scan may be asked for."""
Detector = Literal["neural-cleanse", "gangsweep"]
"""Names of `nc_core.scanning.detectors`."""
Method = Literal["unlearning", "neuron-pruning", "fine-pruning", "retraining", "gangsweep", "filter"]
"""Repairs that can be asked for."""
ValueRange = Literal["auto", "0..1", "0..255", "-1..1", "standardize", "imagenet"]
Resize = Literal["nearest", "bilinear"]
Channels = Literal["grey", "rgb"]
Priority = Literal["high", "normal", "low"]
BASELINE_NAME = "^[A-Za-z0-9._-]{1,63}$"
"""What a baseline may be called."""

T = TypeVar("T")


@dataclass(frozen=True, kw_only=True)
class Choice(Generic[T]):
    """One option. limits: by pydantic's names; ge and le are part of what is allowed, gt and lt are not."""

    default: T
    help: str
    limits: Mapping[str, Any] = field(default_factory=dict)


PROFILE: Choice[Profile] = Choice(default="fast", help="How long to look for every trigger.")
DETECTOR: Choice[Detector] = Choice(
    default="neural-cleanse",
    help="How to look. neural-cleanse: optimise one mask and pattern for each label; gangsweep: train for each label a "
    "generator that makes a mask for every picture.",
)
MITIGATE: Choice[tuple[Method, ...]] = Choice(
    default=("unlearning",),
    help=f"Repairs of a backdoored model: some of {', '.join(get_args(Method))}; of several the best is kept. "
    "retraining needs poisoned pictures; filter changes no net and only guards the submitted one.",
)
MAX_LOSS: Choice[float] = Choice(
    default=MAX_ACCURACY_LOSS,
    help="Share of clean pictures that a repair may cost; one that costs more is rejected.",
    limits={"ge": 0.0, "le": 1.0},
)
FALSE_POSITIVES: Choice[float] = Choice(
    default=0.01,
    help="Share of clean pictures that the guarded net may call backdoored.",
    limits={"gt": 0.0, "lt": 1.0},
)
ALPHA: Choice[float] = Choice(
    default=0.05, help="Chance, per model, that a clean model is called backdoored.", limits={"gt": 0.0, "lt": 0.5}
)
VALUE_RANGE: Choice[ValueRange] = Choice(
    default="auto", help="What the model makes of pixels in 0..255; auto: it is found by itself."
)
RESIZE: Choice[Resize | None] = Choice(
    default=None, help="Bring pictures of another size to the model's; without, they are refused."
)
CHANNELS: Choice[Channels | None] = Choice(
    default=None,
    help="Take colour pictures as grey, or grey ones as rgb; without, those the model cannot take are refused.",
)
CLASS_NAMES: Choice[tuple[str, ...] | None] = Choice(
    default=None, help="Names of the model's outputs, in their order; folders of pictures are numbered by them."
)
ARCHITECTURE: Choice[str | None] = Choice(
    default=None,
    help=f"What a file of weights alone is for: {', '.join(ARCHITECTURE_NAMES)}; those of PyTorch also with the size "
    "of their pictures, such as resnet18@64x64.",
    limits={"max_length": 64},
)
OUTPUT: Choice[str | None] = Choice(
    default=None,
    help="Name of the output that is the classifier's, of a model with several.",
    limits={"min_length": 1, "max_length": 256},
)
INPUT_SHAPE: Choice[str | None] = Choice(
    default=None,
    help="Size of the model's pictures where its file leaves it open, HEIGHTxWIDTH or HEIGHTxWIDTHxCHANNELS: 28x28 of "
    "one that takes rows of 784 values.",
    limits={"pattern": r"^[1-9][0-9]{0,5}x[1-9][0-9]{0,5}(x[1-9][0-9]{0,2})?$"},
)
LABELS: Choice[str | None] = Choice(
    default=None, help="Target labels to scan, one by one or as text such as 0-79,90; without, all."
)
MIN_ACCURACY: Choice[float | None] = Choice(
    default=None,
    help="Refuse the model below this share of right answers on the clean data, and doubt none above it.",
    limits={"ge": 0.0, "le": 1.0},
)
UNLABELLED: Choice[bool] = Choice(
    default=False, help="Let the model's own answers stand in for the labels of the clean data."
)
SLOTS: Choice[int | None] = Choice(
    default=None, help="Labels in one batch; without, as many as memory and model allow.", limits={"ge": 1, "le": 256}
)
SEED: Choice[int] = Choice(default=0, help="Seed of every random choice.", limits={"ge": 0, "lt": 2**32})
BUDGET_MINUTES: Choice[float | None] = Choice(
    default=None,
    help="Look at no more labels after so many minutes, and judge what there is.",
    limits={"gt": 0.0, "le": 100_000.0},
)
BASELINE: Choice[str | None] = Choice(
    default=None,
    help="Hold the verdict against the scans of clean models that are registered under this name.",
    limits={"pattern": BASELINE_NAME},
)
TWINS: Choice[int] = Choice(
    default=0,
    help="Hold the verdict against so many nets of the same architecture, trained on the clean data and scanned.",
    limits={"ge": 0, "le": 99},
)
TWIN: Choice[int | None] = Choice(
    default=None,
    help="Seed of fresh weights that are trained before the scan, which makes it one of a twin; without, the model's.",
    limits={"ge": 0, "lt": 2**32},
)
PRIORITY: Choice[Priority] = Choice(default="normal", help="Whose labels go first while workers are scarce.")
FORCE: Choice[bool] = Choice(default=False, help="Scan again what was scanned before.")
CALLBACK_URL: Choice[str | None] = Choice(default=None, help="Told, signed, when the submission has ended.")

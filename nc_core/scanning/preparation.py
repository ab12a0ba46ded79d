"""From two files to what can be scanned: a model and its clean data that have passed preflight."""

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, Unpack

import keras

from nc_core.datasets import CleanData, Images, Resize, split_images
from nc_core.datasets.layout import Channels
from nc_core.datasets.numbering import Numbered, fitting, numbered
from nc_core.datasets.prepared import Prepared, prepare
from nc_core.errors import OptionRefused
from nc_core.intake import CanonicalModel
from nc_core.intake.cost import cost_of
from nc_core.inversion import ALL_PROFILES, Inverter, Predictor, Profile
from nc_core.inversion.backend import on_gpu
from nc_core.models import Compute, build_logits, check_compute
from nc_core.preflight import (
    Pace,
    Preflight,
    check,
    choose_slots,
    default_budget,
    domain_in,
    pace_of,
    quick_compute,
    same_at_any_scale,
)
from nc_core.quarantine.admit import admit_images, admit_model
from nc_core.reading import Reading
from nc_core.scanning.detectors import DETECTORS, Detector
from nc_core.scanning.one_output import as_logit
from nc_core.scanning.twins import train_twin


@dataclass(frozen=True, kw_only=True, eq=False)
class Preparation:
    """A model and its clean data that have passed preflight.

    numbering: how its labels became outputs. labels: to be scanned. slots: labels in one batch. compute: of the net
    while triggers are optimised; screening: while labels are screened, where a rough norm will do.
    """

    canonical: CanonicalModel
    model: keras.Model
    clean: CleanData
    preflight: Preflight
    numbering: Numbered
    labels: Sequence[int]
    slots: int
    compute: Compute = "float32"
    screening: Compute = "float32"

    def data(self, range: int = 0) -> Prepared:
        """The clean data in the model's own domain, split; without labels the model's answers stand in.

        range: number of the value range, of those that preflight found.
        """
        return prepare(
            self.clean,
            self.preflight.ranges[range].domain,
            Predictor(self.model),
            classes=self.canonical.classes,
            labelled=self.preflight.labelled,
        )

    def to_json(self) -> dict[str, Any]:
        """What preflight found, of its likeliest range, in plain types: `preflight` of result.json."""
        found = asdict(self.preflight)
        domain = found.pop("domain")
        found["ranges"] = [{**one.pop("domain"), **one} for one in found["ranges"]]
        return {
            **domain,
            **found,
            "class_names": self.numbering.names,
            "label_outputs": self.numbering.outputs,
            "range": 0,
            "split": {part: len(getattr(self.clean.split, part)) for part in ("fit", "holdout", "repair")},
            "screening_compute": self.screening,
            "slots": self.slots,
        }

    def inverter(
        self, prepared: Prepared, profile: str, *, slots: int | None = None, detector: Detector = "neural-cleanse"
    ) -> Inverter:
        """What looks at the model's labels, with the settings of a profile. slots: None for as many as were chosen."""
        settings = ALL_PROFILES[profile]
        compute = self.screening if settings.hands_on else self.compute
        return DETECTORS[detector](self.model, prepared, profile=settings, slots=slots or self.slots, compute=compute)


def prepare_scan(
    model: CanonicalModel | Path | str,
    data: Images | Path | str,
    *,
    profile: Profile,
    resize: Resize | None = None,
    channels: Channels | None = None,
    value_range: str = "auto",
    unlabelled: bool = False,
    labels: Sequence[int] | None = None,
    slots: int | None = None,
    seed: int = 0,
    memory_budget: int | None = None,
    min_accuracy: float | None = None,
    class_names: Sequence[str] | None = None,
    compute: Compute = "float32",
    twin: int | None = None,
    should_stop: Callable[[], bool] | None = None,
    **reading: Unpack[Reading],
) -> Preparation:
    """Read both files and find out whether and how they can be scanned.

    model, data: a file each, or what was read from one or from memory. reading: what the file of the
    model does not say itself.

    Raises InputRefused with one line that says what was found, what was expected and what to pass, OutOfBudget,
    or QuarantineFailed where this machine cannot read them in a confined process.
    memory_budget: bytes; None: half of what is free. resize, channels: see `admit_images`. min_accuracy: see `check`.
    class_names: see `numbered`; without them those that the model's file has, if any. compute: "bfloat16" where
    triggers are to be optimised in it; all that is measured is measured in float32. twin: train fresh weights with this
    seed and go on with that net, in the one value range that is given; raises Cancelled when `should_stop` says so
    meanwhile.
    """
    check_compute(compute)
    canonical = model if isinstance(model, CanonicalModel) else admit_model(Path(model), **reading)
    images = _images(data, canonical, resize=resize, channels=channels, labelled=not unlabelled)
    names, named = (class_names, "") if class_names is not None else names_of(canonical, images)
    numbering = numbered(images, classes=canonical.classes, class_names=names)
    scanned = _labels(labels, canonical.classes)
    clean = CleanData(images=numbering.images, split=split_images(len(images), seed))
    # Before anything goes through the net: a small file may ask for all the memory and time there is.
    cost = cost_of(canonical)
    chosen = choose_slots(
        cost,
        wanted=slots,
        labels=len(scanned),
        profile=profile,
        fit_images=len(clean.split.fit),
        budget=memory_budget or default_budget(),
    )
    if twin is not None:
        canonical = _trained(canonical, clean, value_range, seed=twin, should_stop=should_stop)
    pace = Pace() if on_gpu() else pace_of(cost)
    canonical, head = as_logit(canonical, numbering.images, value_range=value_range, pace=pace)
    net = build_logits(canonical)
    found = check(
        net,
        numbering.images,
        classes=canonical.classes,
        labels=scanned,
        value_range=value_range,
        labelled=images.labels is not None,
        min_accuracy=min_accuracy,
        same_at_any_scale=same_at_any_scale(canonical),
        orders=numbering.orders,
        names=numbering.names,
        pace=pace,
    )
    numbering = numbering.reordered(found.class_order)
    return Preparation(
        canonical=canonical,
        model=net,
        clean=replace(clean, images=numbering.images),
        preflight=replace(found, warnings=(*found.warnings, *filter(None, (canonical.note, named, head)))),
        numbering=numbering,
        labels=scanned,
        slots=chosen,
        compute=compute,
        screening=quick_compute(),
    )


def names_of(canonical: CanonicalModel, images: Images) -> tuple[tuple[str, ...] | None, str]:
    """What the model's file calls its outputs, None where nothing or where the data say otherwise; and what the result
    says of it."""
    if not canonical.class_names:
        return None, ""
    if fitting(canonical.class_names, images):
        return canonical.class_names, f"the classes are called as in {canonical.named_in}"
    return None, f"the classes are called as in the data, and otherwise in {canonical.named_in}"


def _images(
    data: Images | Path | str,
    canonical: CanonicalModel,
    *,
    resize: Resize | None,
    channels: Channels | None,
    labelled: bool,
) -> Images:
    if isinstance(data, Images):
        return data
    shape = canonical.input_shape
    return admit_images(Path(data), input_shape=shape, resize=resize, channels=channels, labelled=labelled)


def _trained(
    canonical: CanonicalModel,
    clean: CleanData,
    value_range: str,
    *,
    seed: int,
    should_stop: Callable[[], bool] | None,
) -> CanonicalModel:
    if value_range == "auto":
        raise OptionRefused("a twin is trained in one value range, and none is given: pass --value-range")
    return train_twin(canonical, clean, domain_in(value_range, clean.images), seed=seed, should_stop=should_stop)


def _labels(labels: Sequence[int] | None, classes: int) -> list[int]:
    wanted = list(range(classes)) if labels is None else sorted({*labels})
    if not wanted or wanted[0] < 0:
        raise OptionRefused(f"labels are {wanted}: pass one at least, numbers from 0 to {classes - 1}")
    if max(wanted) >= classes:
        raise OptionRefused(
            f"label {max(wanted)} was asked for, the model has {classes} classes (0 to {classes - 1}): "
            "pass --labels within them"
        )
    return wanted

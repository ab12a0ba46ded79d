"""Named sets of hyperparameters of one inversion."""

from dataclasses import dataclass, replace

from nc_core.profiles.proportional import ProportionalControl
from nc_core.profiles.published import PublishedControl
from nc_core.profiles.schedule import Control

SCREENING_STEPS = 12
"""Steps of one round of screening: after so many the true targets of real and planted nets of 43 to 163 labels were
among the smallest sixth, those of the two face nets the smallest of all."""


@dataclass(frozen=True, kw_only=True)
class Profile:
    """Settings of the optimisation of one trigger (Wang et al. 2019, section V-A, and the authors' code).

    A step is `updates_per_step` updates of Adam on batches of `batch` images; the attack rate and the norm of a step
    are means over its updates, and lambda, the cost of a pixel of the mask, moves once a step.
    """

    name: str
    batch: int
    """Images an update."""
    updates_per_step: int
    max_steps: int
    learning_rate: float = 0.1
    beta_1: float = 0.5
    """Adam's decay of the first moment."""
    beta_2: float = 0.9
    """Adam's decay of the second moment."""
    gate_threshold: float = 0.99
    """A mask may be kept from this attack success rate on."""
    gate_steps: int = 1
    """Steps whose mean attack rate a mask must pass with to be kept: a step of few images flatters by chance."""
    control: Control
    """What moves lambda, and when the optimisation is over."""
    hands_on: bool = False
    """The outcome is the mask as it stands at the end, for another round to go on with, and not the kept one."""
    early_mask: bool = False
    """What the mask is like after `SCREENING_STEPS` is evidence (`nc_core.detection.early`): looked at with these
    steps and this control alone."""

    @property
    def max_updates(self) -> int:
        """The budget of one label, in updates."""
        return self.updates_per_step * self.max_steps


PAPER = Profile(
    name="paper",
    batch=32,
    updates_per_step=31,
    max_steps=1000,
    control=PublishedControl(),
)
"""The authors' constants: 1000 images / batch of 32 = 31 updates a step."""

FAST = Profile(
    name="fast",
    batch=8,
    updates_per_step=6,
    max_steps=150,
    gate_steps=6,
    gate_threshold=0.995,
    control=ProportionalControl(),
    early_mask=True,
)
"""The default: small batches, and a lambda that moves with every 48 images.

The gate looks at the last six steps (288 images) and asks for a little more than the rate that is held, because the
smallest of many masks that just pass is one that was flattered by its images.
"""

THOROUGH = Profile(
    name="thorough",
    batch=32,
    updates_per_step=8,
    max_steps=250,
    gate_steps=3,
    gate_threshold=0.995,
    control=ProportionalControl(gain=1.25, patience=30, progress=1.0),
)
"""The same control with larger batches and more patience: smaller masks for many times the work."""

SCREENING = replace(
    FAST,
    name="screening",
    max_steps=SCREENING_STEPS,
    control=ProportionalControl(patience=SCREENING_STEPS),
    hands_on=True,
)
"""A glance at a label, in the rounds before the inversion where labels are many (`nc_core.scanning.rounds`)."""

PATIENT = replace(
    FAST,
    name="patient",
    max_steps=220,
    gate_threshold=0.98,
    control=ProportionalControl(attack_rate=0.98, gain=1.25, patience=20, progress=1.0),
    early_mask=False,
)
"""The inversion after screening. Few labels are left, so each may take twice as long. Among many labels the smallest
clean one comes close to a large trigger, and norms that are further minimised lie closer together; so do those that
the last two images of a hundred have no say in. On the face BadNet of 1283 classes, 40 to 64 random labels, the MAD of
log norms falls from 0.37 (`fast`) to 0.25, and the target's distance from the median grows from 1.3 to 1.4."""

FEW = replace(
    FAST,
    name="few",
    batch=4,
    updates_per_step=4,
    max_steps=20,
    gate_threshold=0.99,
    gate_steps=1,
    control=ProportionalControl(attack_rate=0.95, band=0.05),
)
"""A small trigger of four images, all of them in every update (`nc_core.inversion.transfer`). Twice the steps made
the planted ones of two nets 6 and 11% smaller."""

FEW_DRAWS = 4
"""Triggers of a label, each of `FEW.batch` images of its own."""

PARTIAL = replace(
    FAST,
    name="partial",
    max_steps=9,
    gate_threshold=0.8,
    gate_steps=3,
    control=ProportionalControl(attack_rate=0.82, band=0.1),
)
"""A trigger of few images, grown to most (`nc_core.inversion.partial`). What comes of so few steps works on .7 to 1
of held-out images. More steps let clean labels catch up: on a net whose patch works on 90%, robust z of its label 7.5
after 9 steps (the next label 2.3), 4.3 after 14; from random starts 4.1 and 2.5."""

PARTIAL_COST = 0.01
"""The lambda that it begins with."""

ANY_TARGET = replace(
    FAST, name="any-target", gate_threshold=0.9, control=ProportionalControl(attack_rate=0.9, band=0.05)
)
"""A trigger that sends images away from their classes, whereto ever (`nc_core.inversion.any_target`). At a rate of .9
the images that need most have no say in the mask."""

ANY_TARGET_STARTS, ANY_TARGET_STEPS = 3, 55
"""Of one net: random starts, and about how many steps each takes (31 to 85 on twenty nets)."""

TWIN_UPDATES, TWIN_BATCH = 600, 32
"""Of the training of a clean twin (`nc_core.scanning.twins`): updates, and images in each."""

PERTURBATION_UPDATES, PERTURBATION_BATCH = 12, 16
"""192 gradient images for the smallest universal perturbation of a label (`nc_core.inversion.perturbation`). 40 updates
made the norms 5 to 10% smaller, those of planted labels no more than the others."""

MARGIN_STARTS, MARGIN_UPDATES = 4, 40
"""160 gradient images for the largest margin of a label (`nc_core.inversion.margin`)."""

PROFILES = {profile.name: profile for profile in (PAPER, FAST, THOROUGH)}
"""What a scan may be asked for."""

ALL_PROFILES = {**PROFILES, SCREENING.name: SCREENING, PATIENT.name: PATIENT}
"""What a round may run with (`nc_core.scanning.rounds.Plan.profile_of`)."""

SLOTS_ON_CPU = 4
"""Labels in one batch unless somebody asks otherwise, the same for script and service: 32 images of `fast`. A processor
of its own, which a label worker has, is no quicker with more (4, 8 and 16 slots: 1.06, 1.05 and 1.10 times the best
bare pass on a GTSRB net, 1.13, 1.11 and 1.10 on a face net), and the labels that are the last to end run beside fewer
empty slots. Two processors for one program would want 16."""

SLOTS_ON_GPU = 64
"""512 images of `fast`; not measured on one."""

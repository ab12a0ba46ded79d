"""How a trigger is optimised: named sets of hyperparameters and the schedules of lambda. Plain Python, no Keras."""

from nc_core.profiles.named import (
    ALL_PROFILES,
    FAST,
    FEW,
    FEW_DRAWS,
    MARGIN_STARTS,
    MARGIN_UPDATES,
    PAPER,
    PERTURBATION_BATCH,
    PERTURBATION_UPDATES,
    PROFILES,
    SCREENING,
    SCREENING_STEPS,
    SLOTS_ON_CPU,
    SLOTS_ON_GPU,
    THOROUGH,
    Profile,
)

__all__ = [
    "ALL_PROFILES",
    "FAST",
    "FEW",
    "FEW_DRAWS",
    "MARGIN_STARTS",
    "MARGIN_UPDATES",
    "PAPER",
    "PERTURBATION_BATCH",
    "PERTURBATION_UPDATES",
    "PROFILES",
    "SCREENING",
    "SCREENING_STEPS",
    "SLOTS_ON_CPU",
    "SLOTS_ON_GPU",
    "THOROUGH",
    "Profile",
]

"""How a trigger is optimised: named sets of hyperparameters and the schedules of lambda. Plain Python, no Keras."""

from nc_core.profiles.named import (
    ALL_PROFILES,
    FAST,
    FEW,
    FEW_DRAWS,
    PAPER,
    PROFILES,
    SCREENING,
    SCREENING_STEPS,
    SLOTS_ON_CPU,
    SLOTS_ON_GPU,
    THOROUGH,
    TWIN_BATCH,
    TWIN_UPDATES,
    Profile,
)

__all__ = [
    "ALL_PROFILES",
    "FAST",
    "FEW",
    "FEW_DRAWS",
    "PAPER",
    "PROFILES",
    "SCREENING",
    "SCREENING_STEPS",
    "SLOTS_ON_CPU",
    "SLOTS_ON_GPU",
    "THOROUGH",
    "TWIN_BATCH",
    "TWIN_UPDATES",
    "Profile",
]

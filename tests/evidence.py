"""The numbers that an optimisation ends with, for tests of what is made of them."""

from dataclasses import replace

from nc_core.detection import Evidence

NOT_CONVERGED = Evidence(
    attack_rate=0.6,
    highest_rate=0.7,
    base_rate=0.01,
    gate=0.995,
    images=288,
    mask_share=0.4,
    cost=0.0,
    exhausted=True,
    blind=0.0,
    broken=0.0,
)
"""Of a label that stayed below the gate though its mask covers 40% of the pixels and costs nothing."""
CONVERGED = replace(NOT_CONVERGED, attack_rate=1.0, highest_rate=1.0, mask_share=0.04, cost=0.1, exhausted=False)

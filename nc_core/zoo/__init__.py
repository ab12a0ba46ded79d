"""A zoo of nets whose answers are known, planted and clean: what a verdict is measured on.

Cards say what each net is, the plan draws them, the builder trains them, the score holds scans against them.
"""

from nc_core.zoo.card import Card, read_card
from nc_core.zoo.plan import Plan, make_plan
from nc_core.zoo.sources import Source

__all__ = ["Card", "Plan", "Source", "make_plan", "read_card"]

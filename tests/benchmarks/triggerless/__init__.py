"""Repairs that look at no trigger, each from its paper: measured, and no part of the product."""

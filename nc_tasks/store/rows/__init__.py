"""Writes of rows, a module for each kind: they are made, claimed, kept alive and ended here."""

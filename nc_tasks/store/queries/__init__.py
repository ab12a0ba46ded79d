"""Reads over many rows: findings of labels, lists, figures, relatives."""

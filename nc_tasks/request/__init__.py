"""What can be asked for: one scan, how it is to be made, and which labels it is about."""

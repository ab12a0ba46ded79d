"""The commands, one module each; what is slow to import waits until a command runs."""

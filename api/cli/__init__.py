"""`cleanse`, the command line: a command a module; what is slow to import waits until a command runs."""

"""What the service answers, one module for each thing that is asked about."""

"""The clients: the `cleanse` command line and the report. Nothing here loads TensorFlow."""

"""The science: arrays and Keras models in, results out. No Celery, no SQL, no HTTP."""

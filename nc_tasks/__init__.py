"""The service: Celery tasks, their workflow, the SQL store, artefacts, the embedded stack."""

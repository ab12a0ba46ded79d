"""Alembic's migrations of the store, applied by `nc_tasks.store.migrate` when it is opened."""

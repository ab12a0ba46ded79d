"""Alembic's migrations of the store, applied by `nc_tasks.store.database.migrate` when it is opened."""

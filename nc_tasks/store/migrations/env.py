"""Run by Alembic; the caller passes its own connection, inside the transaction that holds the lock."""

from alembic import context

from nc_tasks.store.tables import Base

context.configure(
    connection=context.config.attributes["connection"], target_metadata=Base.metadata, render_as_batch=True
)
with context.begin_transaction():
    context.run_migrations()

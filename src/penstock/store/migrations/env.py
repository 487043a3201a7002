"""Run by Alembic for every command: the migrations go through the connection that `store.migrate` hands over."""

from alembic import context

from penstock.store.tables import metadata

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    transactional_ddl=True,
)
with context.begin_transaction():
    context.run_migrations()

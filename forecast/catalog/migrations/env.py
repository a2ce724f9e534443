"""Runs migrations on the connection, and in the transaction, that the catalogue hands over."""

from alembic import context

from forecast.catalog.schema import METADATA

context.configure(connection=context.config.attributes["connection"], target_metadata=METADATA, render_as_batch=True)
with context.begin_transaction():
    context.run_migrations()

"""The database: opened, migrated, durable, safe for many processes."""

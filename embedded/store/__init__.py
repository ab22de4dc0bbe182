"""The embedded store: chDB behind ClickHouse's native protocol and HTTP, one process per data directory."""

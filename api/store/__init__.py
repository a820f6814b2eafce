"""The incident's memory on disk: a folder, the raw telemetry in it, and an append-only journal."""

"""One verb of the command line a file: ``register`` adds its parser, ``run`` works and returns the exit code."""

"""What `fly` can do, a file for each kind of thing. Each has ``ACTIONS``: the word of the command line → ``Action``."""

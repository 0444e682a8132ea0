"""One package for each provider that the sandbox plays; plays.py finds them by their `PLAY`."""

"""The course that runs: one module per section, in reading order; `python -m lessons` lists, runs and prints them."""

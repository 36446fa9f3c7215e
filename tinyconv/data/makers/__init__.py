"""Pictures, signals, volumes and clips made by code: what lessons, tests and notebooks learn from without any download."""

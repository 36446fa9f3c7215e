"""Metric learning: networks whose distances mean something. Miners choose, losses pull and push, evaluation measures."""

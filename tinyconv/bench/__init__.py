"""Timings of one workload family each, on this machine."""

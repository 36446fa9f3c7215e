"""Architectures, and the weights trained here."""

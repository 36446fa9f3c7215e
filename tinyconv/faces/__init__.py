"""Faces: found in photographs, aligned, enrolled in a gallery, verified and identified."""

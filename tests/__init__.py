"""The tests: a package, so that no `tests` among the installed packages is taken for it."""

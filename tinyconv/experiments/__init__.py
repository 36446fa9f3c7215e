"""Published results and our own trainings, one file each; `tinyconv reproduce NAME` runs one."""

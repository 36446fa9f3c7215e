"""`python -m tinyconv` is the command `tinyconv`."""

import sys

from tinyconv.cli.main import main

if __name__ == "__main__":
    sys.exit(main())

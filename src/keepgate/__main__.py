"""python -m keepgate: the command `keepgate`, for programs that start modules, as torchrun does."""

import sys

from .cli.__main__ import main

if __name__ == "__main__":
    sys.exit(main())

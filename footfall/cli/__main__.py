"""`python -m footfall.cli`: the same as `footfall`."""

from footfall.cli import main

main(prog_name="footfall")

"""`python -m cli`: the same as `footfall`."""

from cli import main

main(prog_name="footfall")

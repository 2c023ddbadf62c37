"""`python -m transformer` is the `transformer` command."""

from transformer.cli import main

main()

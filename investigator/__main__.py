"""`python -m investigator` is the `investigator` command."""

from investigator.cli.main import main

if __name__ == "__main__":
    main()

"""``python -m nvc`` is ``nvc``."""

import sys


def main() -> int:
    """Run the command line; an interrupt while its modules load ends as quietly as a later one."""
    try:
        from nvc.cli import main as command

        return command()
    except KeyboardInterrupt:
        return 130


if __name__ == "__main__":
    sys.exit(main())

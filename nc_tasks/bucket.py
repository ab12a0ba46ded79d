"""Makes the bucket that the settings name, for an S3-compatible server of one's own: `python -m nc_tasks.bucket`."""

import sys

from nc_core.errors import CleanseError
from nc_tasks.artefacts import open_artefacts
from nc_tasks.s3 import S3Artefacts
from nc_tasks.settings import get_settings


def main() -> int:
    """Returns the exit code."""
    try:
        kept = open_artefacts(get_settings())
        if isinstance(kept, S3Artefacts):
            print("the bucket is new" if kept.make_bucket() else "the bucket is there")
    except CleanseError as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())

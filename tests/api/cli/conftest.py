"""Files of commands may lie in a bucket, as workers' may."""

from tests.nc_tasks.conftest import bucket, s3_server

__all__ = ["bucket", "s3_server"]

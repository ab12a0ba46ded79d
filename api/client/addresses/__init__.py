"""Models and data that are named by an address: fetched here, never by a worker or a server.

https://host/path, hf://org/name[/file][@revision], s3://bucket/key, and mlflow:/models/name/version.
"""

from api.client.addresses.downloads import Downloads, is_address

__all__ = ["Downloads", "is_address"]

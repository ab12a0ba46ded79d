"""Files kept in an S3 bucket, for workers on several machines: PREFIX/ab/cdef..., with a folder before it.

An object has the name of its contents, so writing it twice changes nothing, and a reader knows what it must get. S3
shows an object once it is whole. Every machine keeps what it wrote and read in a folder, and takes from that what was
not used for longest when there is too much.
"""

import os
import re
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from email.utils import parsedate_to_datetime
from hashlib import sha256
from pathlib import Path
from tempfile import mkstemp
from typing import BinaryIO
from urllib.parse import urlsplit

from nc_tasks.errors import ArtefactsUnreachable, MissingArtefact
from nc_tasks.files.artefacts import checked
from nc_tasks.files.folder import FolderArtefacts
from nc_tasks.files.s3 import is_missing, s3_client

FRESH_SECONDS = 60.0
"""An object that is kept again is written anew unless it is so young already."""
KEPT_SECONDS = 3600.0
"""Who asked for a path may open it a while later: what was used so lately is never taken away."""


class S3Artefacts:
    """A bucket, and the folder that is looked into first. Threads may share it.

    url: s3://bucket/prefix. cache_bytes: most that the folder may hold of what was not used for an hour.
    """

    def __init__(self, url: str, *, cache: FolderArtefacts, cache_bytes: int) -> None:
        place = urlsplit(url)
        self._bucket, self._prefix = place.netloc, place.path.strip("/")
        self._cache, self._cache_bytes = cache, cache_bytes
        self._client = s3_client("artefacts_url")

    @property
    def incoming(self) -> Path:
        """The folder that a file may be written in before `adopt` keeps it."""
        return self._cache.incoming

    def adopt(self, path: Path, digest: str) -> None:
        """Keep a file of `incoming`, whose sha256 the caller has made while writing it; the file is moved."""
        self._cache.adopt(path, digest)
        self._upload(digest)

    def put_file(self, path: Path) -> str:
        """Keep a copy of the file; returns its sha256 once the bucket has it. Raises ArtefactsUnreachable."""
        return self._upload(self._cache.put_file(path))

    def put_bytes(self, content: bytes) -> str:
        """Keep the bytes; returns their sha256 once the bucket has them. Raises ArtefactsUnreachable."""
        return self._upload(self._cache.put_bytes(content))

    def path(self, digest: str) -> Path:
        """A local file with these contents, fetched where needed; raises MissingArtefact, ArtefactsUnreachable."""
        try:
            path = self._cache.path(digest)
            os.utime(path)
        except (MissingArtefact, FileNotFoundError):
            path = self._fetch(checked(digest))
            self._make_room()
        return path

    def remove(self, digest: str, *, older_than: float) -> bool:
        """Delete the object unless it was kept, or kept again, in the last seconds; returns whether it went.

        Other machines' folders may hold it for a while longer.
        """
        with self._answered():
            age = self._age(digest)
            if age is None or age < older_than:
                return False
            self._client.delete_object(Bucket=self._bucket, Key=self._key(digest))
        self._cache.remove(digest, older_than=0.0)
        return True

    def digests(self) -> list[str]:
        """Of all objects; raises ArtefactsUnreachable."""
        under = f"{self._prefix}/" if self._prefix else ""
        with self._answered():
            pages = self._client.get_paginator("list_objects_v2").paginate(Bucket=self._bucket, Prefix=under)
            names = [
                entry["Key"][len(under) :].replace("/", "") for page in pages for entry in page.get("Contents", ())
            ]
        return [name for name in names if re.fullmatch("[0-9a-f]{64}", name)]

    def sweep(self) -> int:
        """Delete temporary files of the folder that a crash left behind more than a day ago; returns how many."""
        return self._cache.sweep()

    def make_bucket(self) -> bool:
        """Make the bucket where it is not there; returns whether it is new. Raises ArtefactsUnreachable."""
        from botocore.exceptions import ClientError

        with self._answered():
            try:
                self._client.head_bucket(Bucket=self._bucket)
            except ClientError as error:
                if not is_missing(error):
                    raise
                self._client.create_bucket(Bucket=self._bucket)
                return True
        return False

    def _upload(self, digest: str) -> str:
        with self._answered():
            age = self._age(digest)
            if age is None:
                self._client.upload_file(str(self._cache.path(digest)), self._bucket, self._key(digest))
            elif age > FRESH_SECONDS:
                self._renew(digest)
        self._make_room()
        return digest

    def _renew(self, digest: str) -> None:
        """Make the object as young as one that was written now, so that nobody takes it for forgotten."""
        place = {"Bucket": self._bucket, "Key": self._key(digest)}
        self._client.copy_object(**place, CopySource=place, MetadataDirective="REPLACE")

    def _age(self, digest: str) -> float | None:
        """Seconds since the object was written, by the clock of the bucket; None where there is none."""
        from botocore.exceptions import ClientError

        try:
            found = self._client.head_object(Bucket=self._bucket, Key=self._key(digest))
        except ClientError as error:
            if is_missing(error):
                return None
            raise
        now = parsedate_to_datetime(found["ResponseMetadata"]["HTTPHeaders"]["date"])
        return float((now - found["LastModified"]).total_seconds())

    def _fetch(self, digest: str) -> Path:
        handle, name = mkstemp(dir=self.incoming, suffix=".tmp")
        temporary = Path(name)
        try:
            with open(handle, "wb") as file:
                found = self._download(digest, file)
            if found != digest:
                raise ArtefactsUnreachable(
                    f"{self._address(digest)} holds other contents (sha256 {found}): delete it, submit the files again"
                )
            self._cache.adopt(temporary, digest)
        finally:
            temporary.unlink(missing_ok=True)
        return self._cache.path(digest)

    def _download(self, digest: str, file: BinaryIO) -> str:
        """Write the object into the file; returns the sha256 of what came."""
        from botocore.exceptions import ClientError

        hashed = sha256()
        with self._answered():
            try:
                body = self._client.get_object(Bucket=self._bucket, Key=self._key(digest))["Body"]
            except ClientError as error:
                if is_missing(error):
                    raise MissingArtefact(
                        f"no file with sha256 {digest} in s3://{self._bucket}/{self._prefix}; submit the files again"
                    ) from None
                raise
            for chunk in body.iter_chunks(2**20):
                hashed.update(chunk)
                file.write(chunk)
        return hashed.hexdigest()

    def _make_room(self) -> None:
        """Take from the folder what was not used for longest, until the rest may stay."""
        found = sorted(self._kept())
        total, before = sum(size for _, size, _ in found), time.time() - KEPT_SECONDS
        for used, size, path in found:
            if total <= self._cache_bytes or used >= before:
                return
            path.unlink(missing_ok=True)
            total -= size

    def _kept(self) -> Iterator[tuple[float, int, Path]]:
        for path in self._cache.root.glob("??/*"):
            with suppress(FileNotFoundError):  # another process was faster
                status = path.stat()
                yield status.st_mtime, status.st_size, path

    def _key(self, digest: str) -> str:
        return "/".join(filter(None, (self._prefix, digest[:2], digest[2:])))

    def _address(self, digest: str) -> str:
        return f"s3://{self._bucket}/{self._key(digest)}"

    @contextmanager
    def _answered(self) -> Iterator[None]:
        """Say in one line what the bucket did not do."""
        from boto3.exceptions import Boto3Error
        from botocore.exceptions import BotoCoreError, ClientError

        try:
            yield
        except (Boto3Error, BotoCoreError, ClientError) as error:
            told = " ".join(str(error).split())
            raise ArtefactsUnreachable(f"the bucket {self._bucket} cannot be used: {told}") from error

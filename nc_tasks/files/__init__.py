"""Artefacts: uploads, canonical models, triggers and repaired models, kept by the sha256 of their contents."""

from nc_tasks import private
from nc_tasks.files.artefacts import ArtefactStore
from nc_tasks.files.folder import FolderArtefacts
from nc_tasks.settings import Settings

__all__ = ["ArtefactStore", "FolderArtefacts", "open_artefacts"]


def open_artefacts(settings: Settings) -> ArtefactStore:
    """Where these settings keep files: the folder under home, or a bucket with that folder before it.

    Raises ArtefactsUnreachable where the program for it is not installed.
    """
    private.make_home(settings.home)
    folder = FolderArtefacts(settings.artefacts)
    if settings.artefacts_url is None:
        return folder
    from nc_tasks.files.bucket import S3Artefacts

    return S3Artefacts(settings.artefacts_url, cache=folder, cache_bytes=settings.artefacts_cache_bytes)

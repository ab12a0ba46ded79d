import multiprocessing
import os
import stat
import time
from hashlib import sha256
from pathlib import Path

import pytest

from nc_tasks.errors import MissingArtefact
from nc_tasks.files import ArtefactStore, FolderArtefacts, open_artefacts
from nc_tasks.files.folder import CHUNK_BYTES, STALE_SECONDS
from nc_tasks.settings import Settings


@pytest.fixture
def artefacts(tmp_path: Path) -> FolderArtefacts:
    return FolderArtefacts(tmp_path / "artefacts")


def files_of(artefacts: FolderArtefacts) -> list[Path]:
    return [path for path in artefacts.root.rglob("*") if path.is_file()]


def test_given_a_file_of_several_chunks_then_it_is_kept_by_its_digest(
    artefacts: FolderArtefacts, tmp_path: Path
) -> None:
    content = os.urandom(2 * CHUNK_BYTES + 7)
    source = tmp_path / "model.h5"
    source.write_bytes(content)
    digest = artefacts.put_file(source)
    kept = artefacts.path(digest)
    assert digest == sha256(content).hexdigest()
    assert kept.read_bytes() == content
    assert kept == artefacts.root / digest[:2] / digest[2:]
    assert stat.S_IMODE(kept.stat().st_mode) == 0o400


def test_given_the_same_contents_twice_then_one_file_is_kept_untouched(artefacts: FolderArtefacts) -> None:
    first = artefacts.put_bytes(b"x")
    before = artefacts.path(first).stat()
    assert artefacts.put_bytes(b"x") == first
    assert artefacts.path(first).stat().st_ino == before.st_ino
    assert len(files_of(artefacts)) == 1


@pytest.fixture(params=["folder", "bucket"])
def kept(request: pytest.FixtureRequest, tmp_path: Path) -> ArtefactStore:
    """Each kind of store: what follows holds for both."""
    url = request.getfixturevalue("bucket") if request.param == "bucket" else None
    return open_artefacts(Settings(home=tmp_path, artefacts_url=url))


def test_given_what_was_kept_in_any_way_then_it_is_found_by_its_digest(kept: ArtefactStore, tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"from a file")
    incoming = kept.incoming / "upload.tmp"
    incoming.write_bytes(b"uploaded")
    kept.adopt(incoming, sha256(b"uploaded").hexdigest())
    assert not incoming.exists()
    for content, digest in (
        (b"", kept.put_bytes(b"")),
        (b"from a file", kept.put_file(tmp_path / "file")),
        (b"uploaded", sha256(b"uploaded").hexdigest()),
    ):
        assert digest == sha256(content).hexdigest()
        assert kept.path(digest).read_bytes() == content
        assert stat.S_IMODE(kept.path(digest).stat().st_mode) == 0o400


def test_given_a_digest_that_is_not_kept_then_it_is_missing(kept: ArtefactStore) -> None:
    with pytest.raises(MissingArtefact, match="no file with sha256"):
        kept.path("0" * 64)


def test_given_several_files_then_all_are_named_and_an_old_one_can_be_removed(kept: ArtefactStore) -> None:
    assert kept.digests() == []
    one, two = kept.put_bytes(b"one"), kept.put_bytes(b"two")
    assert sorted(kept.digests()) == sorted([one, two])
    # What was kept a moment ago stays: the row that refers to it may be about to be written
    assert not kept.remove(one, older_than=60.0)
    assert kept.remove(one, older_than=-1.0)
    assert not kept.remove(one, older_than=-1.0)
    assert kept.digests() == [two]
    with pytest.raises(MissingArtefact):
        kept.path(one)


@pytest.mark.parametrize("digest", ["", "../../etc/passwd", "A" * 64, "0" * 63, "0" * 64 + "\n"])
def test_given_text_that_is_no_digest_then_no_path_is_made_of_it(kept: ArtefactStore, digest: str) -> None:
    with pytest.raises(MissingArtefact, match="is no sha256"):
        kept.path(digest)


def test_when_writing_fails_then_nothing_is_left_behind(
    artefacts: FolderArtefacts, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space"):
        artefacts.put_bytes(b"x")
    assert files_of(artefacts) == []


def test_when_a_put_was_cut_off_then_what_it_left_is_swept_after_a_day(
    artefacts: FolderArtefacts,
) -> None:
    kept = artefacts.put_bytes(b"kept")
    old, young = artefacts.root / "old.tmp", artefacts.root / "young.tmp"
    for path in (old, young):
        path.touch()
    os.utime(old, (0, time.time() - STALE_SECONDS - 60))
    assert artefacts.sweep() == 1
    assert young.exists()
    assert not old.exists()
    assert artefacts.path(kept).exists()


def _cut_off(root: str) -> None:
    def killed(_: int) -> None:
        os._exit(9)

    os.fsync = killed
    FolderArtefacts(Path(root)).put_bytes(b"half")


def test_when_the_process_dies_before_the_rename_then_the_digest_is_not_kept(artefacts: FolderArtefacts) -> None:
    child = multiprocessing.get_context("spawn").Process(target=_cut_off, args=(str(artefacts.root),))
    child.start()
    child.join()
    assert child.exitcode == 9
    with pytest.raises(MissingArtefact):
        artefacts.path(sha256(b"half").hexdigest())
    assert [path.suffix for path in files_of(artefacts)] == [".tmp"]


def test_given_a_file_then_it_is_listed_and_removed_unless_it_was_kept_again_lately(kept: ArtefactStore) -> None:
    digest = kept.put_bytes(b"x")
    assert kept.digests() == [digest]
    assert not kept.remove(digest, older_than=60.0)
    assert kept.path(digest).read_bytes() == b"x"
    assert kept.remove(digest, older_than=0.0)
    assert not kept.remove(digest, older_than=0.0)
    assert kept.digests() == []
    with pytest.raises(MissingArtefact):
        kept.path(digest)


def test_given_an_old_file_when_it_is_kept_again_then_it_is_young(artefacts: FolderArtefacts) -> None:
    digest = artefacts.put_bytes(b"x")
    os.utime(artefacts.path(digest), (0, 0))
    artefacts.put_bytes(b"x")
    assert not artefacts.remove(digest, older_than=60.0)

"""What the bucket adds to the contract that test_folder.py holds both kinds to."""

import os
import time
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

from nc_tasks.__main__ import main
from nc_tasks.errors import ArtefactsUnreachable, MissingArtefact
from nc_tasks.files import ArtefactStore, open_artefacts, s3
from nc_tasks.files import bucket as bucket_module
from nc_tasks.settings import Settings, get_settings


def machine(folder: Path, bucket: str, **values: Any) -> ArtefactStore:
    """The files as a machine with this home has them."""
    return open_artefacts(Settings(home=folder, artefacts_url=bucket, **values))


def cached(folder: Path) -> list[Path]:
    return [path for path in (folder / "artefacts").rglob("*") if path.is_file()]


def stored(bucket: str) -> dict[str, Any]:
    """The objects of the bucket by key."""
    name, _, prefix = bucket.removeprefix("s3://").partition("/")
    listed = s3.s3_client("a test").list_objects_v2(Bucket=name, Prefix=prefix)
    return {entry["Key"]: entry for entry in listed.get("Contents", [])}


def test_given_a_file_kept_by_one_machine_then_another_has_it_too(bucket: str, tmp_path: Path) -> None:
    content = os.urandom(9 * 2**20)  # goes up in parts
    source = tmp_path / "model.h5"
    source.write_bytes(content)
    digest = machine(tmp_path / "one", bucket).put_file(source)
    found = machine(tmp_path / "two", bucket).path(digest)
    assert found.is_relative_to(tmp_path / "two")
    assert found.read_bytes() == content
    assert list(stored(bucket)) == [f"files/{digest[:2]}/{digest[2:]}"]


def test_given_what_a_crash_left_then_it_is_swept_from_the_folder_before_the_bucket(
    bucket: str, tmp_path: Path
) -> None:
    kept = machine(tmp_path, bucket)
    cut_off, under_way = kept.incoming / "old.tmp", kept.incoming / "young.tmp"
    for path in (cut_off, under_way):
        path.touch()
    os.utime(cut_off, (0, 0))
    assert kept.sweep() == 1
    assert cached(tmp_path) == [under_way]


def test_given_a_file_that_is_there_then_it_is_not_sent_again(bucket: str, tmp_path: Path) -> None:
    digest = machine(tmp_path / "one", bucket).put_bytes(b"x")
    before = stored(bucket)
    assert machine(tmp_path / "two", bucket).put_bytes(b"x") == digest
    assert stored(bucket) == before


def test_given_an_old_file_that_is_kept_again_then_it_is_young(
    bucket: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    digest = machine(tmp_path / "one", bucket).put_bytes(b"x")
    before = stored(bucket)
    time.sleep(1.1)  # the bucket's clock shows whole seconds
    monkeypatch.setattr(bucket_module, "FRESH_SECONDS", 0.5)
    assert machine(tmp_path / "two", bucket).put_bytes(b"x") == digest
    (old,), (new,) = before.values(), stored(bucket).values()
    assert new["LastModified"] > old["LastModified"]
    assert machine(tmp_path / "three", bucket).path(digest).read_bytes() == b"x"


def test_given_an_object_with_other_contents_then_it_is_refused_and_not_kept(bucket: str, tmp_path: Path) -> None:
    digest = machine(tmp_path / "one", bucket).put_bytes(b"good")
    name = bucket.removeprefix("s3://").partition("/")[0]
    s3.s3_client("a test").put_object(Bucket=name, Key=f"files/{digest[:2]}/{digest[2:]}", Body=b"evil")
    with pytest.raises(ArtefactsUnreachable, match=f"holds other contents .sha256 {sha256(b'evil').hexdigest()}"):
        machine(tmp_path / "two", bucket).path(digest)
    assert cached(tmp_path / "two") == []


def test_given_more_than_fits_then_what_was_not_used_for_longest_is_fetched_anew(
    bucket: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bucket_module, "KEPT_SECONDS", 10.0)
    here = machine(tmp_path, bucket, artefacts_cache_bytes=2500)
    digests = [here.put_bytes(bytes([number]) * 1000) for number in range(2)]
    for age, digest in zip((200, 100), digests, strict=True):
        path = here.path(digest)
        os.utime(path, (path.stat().st_mtime - age,) * 2)
    # Given that the first one is used
    assert here.path(digests[0]).exists()
    # When a third one comes
    third = here.put_bytes(b"3" * 1000)
    # Then the second goes, which can be had again all the same
    assert {path.read_bytes()[0] for path in cached(tmp_path)} == {0, ord("3")}
    assert here.path(digests[1]).read_bytes() == bytes([1]) * 1000
    # And what was used just now stays, whatever the bound
    assert here.path(digests[0]).exists()
    assert here.path(third).exists()


def test_given_no_server_then_one_line_says_so_and_a_file_that_is_here_is_found(
    bucket: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    digest = machine(tmp_path, bucket).put_bytes(b"here")
    monkeypatch.setenv("AWS_ENDPOINT_URL_S3", "http://127.0.0.1:9")
    monkeypatch.setattr(s3, "ATTEMPTS", 1)
    here = machine(tmp_path, bucket)
    assert here.path(digest).read_bytes() == b"here"
    for ask in (lambda: here.path("0" * 64), lambda: here.put_bytes(b"new")):
        with pytest.raises(ArtefactsUnreachable, match=r"the bucket cleanse-.* cannot be used: .*127\.0\.0\.1:9") as no:
            ask()
        assert "\n" not in str(no.value)
        assert isinstance(no.value, OSError)


def test_given_a_bucket_that_is_not_there_then_the_line_names_it(bucket: str, tmp_path: Path) -> None:
    del bucket
    with pytest.raises(ArtefactsUnreachable, match="the bucket nobody-s cannot be used"):
        machine(tmp_path, "s3://nobody-s/x").put_bytes(b"x")


def test_given_no_boto3_then_the_line_says_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(s3, "find_spec", lambda _: None)
    with pytest.raises(ArtefactsUnreachable, match=r"pip install 'cleanse\[s3\]'"):
        machine(tmp_path, "s3://bucket")


def test_given_a_server_of_one_s_own_then_the_bucket_is_made_once(
    bucket: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("CLEANSE_HOME", str(tmp_path))
    monkeypatch.setenv("CLEANSE_ARTEFACTS_URL", f"{bucket.removesuffix('/files')}-new/files")
    assert [main(["bucket"]), main(["bucket"])] == [0, 0]
    assert capsys.readouterr().out == "the bucket is new\nthe bucket is there\n"
    assert open_artefacts(get_settings()).put_bytes(b"x")


@pytest.mark.parametrize("url", ["http://bucket", "s3://", "s3://Bucket", "bucket/x"])
def test_given_text_that_names_no_bucket_then_the_settings_refuse_it(url: str) -> None:
    with pytest.raises(ValueError, match="artefacts_url"):
        Settings(artefacts_url=url)


def test_given_a_digest_that_nobody_kept_then_it_is_missing(bucket: str, tmp_path: Path) -> None:
    with pytest.raises(MissingArtefact, match=r"no file with sha256 0+ in s3://cleanse-.*/files; submit"):
        machine(tmp_path, bucket).path("0" * 64)

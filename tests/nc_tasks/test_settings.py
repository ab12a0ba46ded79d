from pathlib import Path

import pytest
from pydantic import ValidationError

from nc_tasks.settings import Settings, get_settings

NAMES = ("CLEANSE_HOME", "CLEANSE_REDIS_URL", "REDIS_URL", "CLEANSE_DATABASE_URL", "DATABASE_URL")


@pytest.fixture(autouse=True)
def _empty_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in NAMES:
        monkeypatch.delenv(name, raising=False)


def test_given_nothing_then_everything_lies_in_the_users_home(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", "/home/somebody")
    settings = get_settings()
    assert settings.home == Path("/home/somebody/.cleanse")
    assert settings.store_url == "sqlite:////home/somebody/.cleanse/cleanse.sqlite"
    assert settings.redis_url is None


def test_given_a_relative_home_then_it_is_absolute(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    assert Settings(home=Path("here")).home == tmp_path / "here"


@pytest.mark.parametrize("prefix", ["", "CLEANSE_"])
def test_given_the_urls_with_or_without_prefix_then_both_are_read(monkeypatch: pytest.MonkeyPatch, prefix: str) -> None:
    monkeypatch.setenv(f"{prefix}REDIS_URL", "redis://somewhere")
    monkeypatch.setenv(f"{prefix}DATABASE_URL", "postgresql://somewhere/cleanse")
    settings = get_settings()
    assert settings.redis_url == "redis://somewhere"
    assert settings.store_url == "postgresql://somewhere/cleanse"


def test_given_an_empty_variable_then_it_counts_as_unset(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REDIS_URL", "")
    assert get_settings().redis_url is None


def test_when_settings_are_handed_on_by_environment_then_they_arrive_whole(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    settings = Settings(
        home=tmp_path / "a b",
        redis_url="redis://x",
        lease_seconds=3.5,
        memory_budget_bytes=10,
        worker_slots=3,
    )
    for name, value in settings.environment().items():
        monkeypatch.setenv(name, value)
    assert get_settings() == settings


def test_given_a_lease_of_no_time_then_it_is_refused() -> None:
    with pytest.raises(ValidationError, match="lease_seconds"):
        Settings(lease_seconds=0)


def test_given_two_stores_then_their_digests_differ(tmp_path: Path) -> None:
    one, two = Settings(home=tmp_path / "1"), Settings(home=tmp_path / "2")
    assert one.store_digest == Settings(home=tmp_path / "1").store_digest != two.store_digest

from collections.abc import Callable, Iterator

import httpx
import pytest
from fastapi import FastAPI

from api.service import submitting
from api.web.app import create_app
from nc_tasks.settings import Settings
from nc_tasks.store import Store, open_store
from nc_tasks.store.rows import keys
from nc_tasks.store.tables.states import Scope
from tests.api.service.conftest import serving


@pytest.fixture
def store(settings: Settings) -> Iterator[Store]:
    store = open_store(settings)
    yield store
    store.close()


@pytest.fixture
def sent(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Ids of submissions whose message was sent: there is no broker to take it."""
    ids: list[str] = []
    monkeypatch.setattr(submitting, "publish", lambda _service, found: ids.extend(found))
    return ids


@pytest.fixture
def app(settings: Settings, sent: list[str]) -> FastAPI:  # noqa: ARG001
    return create_app(settings)


@pytest.fixture
def browser(app: FastAPI) -> Iterator[httpx.Client]:
    """What a browser without scripts sends and sees."""
    with serving(app) as url, httpx.Client(base_url=url, trust_env=False) as client:
        client.headers["Origin"] = url
        yield client


@pytest.fixture(scope="module")
def empty(tmp_path_factory: pytest.TempPathFactory) -> Iterator[httpx.Client]:
    """A browser at a service in which nothing was ever submitted."""
    settings = Settings(home=tmp_path_factory.mktemp("home"))
    with serving(create_app(settings)) as url, httpx.Client(base_url=url, trust_env=False) as client:
        yield client


@pytest.fixture
def make_key(store: Store) -> Callable[..., str]:
    def make(owner: str, *scopes: Scope) -> str:
        with store.write() as session:
            return keys.create(session, owner=owner, name="test", scopes=scopes or ("submit", "read")).text

    return make

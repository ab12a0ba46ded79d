"""https://: what is fetched, how it is called, and what is refused."""

import stat
from hashlib import sha256
from pathlib import Path

import httpx
import pytest

from api.client.addresses import Downloads, is_address
from api.client.addresses.web import MOST_REDIRECTS, answered
from api.client.errors import AddressRefused, FetchFailed
from nc_core.errors import InputRefused
from nc_tasks.settings import Settings
from tests.servers import web
from tests.servers.web import Answer, Web

MODEL = bytes(range(250)) * 2


@pytest.mark.parametrize(
    "place", ["https://h/x", "http://h/x", "HF://o/n", "s3://b/k", "mlflow:/models/n/1", "https:/x"]
)
def test_an_address_is_told_from_a_path(place: str) -> None:
    assert is_address(place)
    assert not is_address(Path(place))


@pytest.mark.parametrize("place", ["model.keras", "/tmp/https://x", "models/s3:/x", "C:/model.keras", "", "ftp://h/x"])
def test_what_is_no_address_is_a_path(place: str, downloads: Downloads) -> None:
    assert downloads.path(place, "model") == Path(place)


def test_a_file_comes_whole_into_a_private_folder_and_its_digest_is_told(
    server: Web, downloads: Downloads, lines: list[str]
) -> None:
    server.answers["/a/net%201.keras?token=secret"] = Answer(body=MODEL)
    path = downloads.path(f"{server.url}/a/net%201.keras?token=secret", "model")
    assert (path.name, path.read_bytes()) == ("net 1.keras", MODEL)
    assert stat.S_IMODE(path.parent.parent.stat().st_mode) == 0o700
    # And what is told holds no secret
    digest = sha256(MODEL).hexdigest()
    assert lines == [f"Fetched {server.url}/a/net%201.keras: 500 bytes, sha256 {digest}"]
    # And what was fetched is not fetched again
    assert downloads.path(f"{server.url}/a/net%201.keras?token=secret", "model") == path
    assert len(server.asked) == 1


@pytest.mark.parametrize(
    ("given", "name"),
    [
        ('attachment; filename="signs.keras"', "signs.keras"),
        ('attachment; filename="../../etc/passwd"', "passwd"),
        ('attachment; filename="..\\\\..\\\\x.h5"', "x.h5"),
        ('attachment; filename=".."', "model"),
        ("attachment; filename*=utf-8''a%1b%5b2J.h5", "a_[2J.h5"),
        (f'attachment; filename="{"x" * 500}.keras"', f"{'x' * 194}.keras"),
    ],
)
def test_a_server_may_name_the_file_and_not_where_it_lies(
    server: Web, downloads: Downloads, given: str, name: str
) -> None:
    server.answers["/download"] = Answer(body=MODEL, headers={"Content-Disposition": given})
    assert downloads.path(f"{server.url}/download", "model").name == name


@pytest.mark.parametrize("length", [None, -1])
def test_a_file_above_the_limit_is_refused_whether_or_not_it_says_its_size(
    server: Web, downloads: Downloads, length: int | None
) -> None:
    server.answers["/big.keras"] = Answer(body=b"x" * 1001, length=length)
    with pytest.raises(AddressRefused, match=r"/big\.keras has 1,001 bytes or more, the limit is 1,000") as refused:
        downloads.path(f"{server.url}/big.keras", "model")
    assert isinstance(refused.value, InputRefused)


def test_a_file_that_breaks_off_is_no_file(server: Web, downloads: Downloads, lines: list[str]) -> None:
    server.answers["/half.keras"] = Answer(body=b"x" * 10, length=20)
    with pytest.raises(FetchFailed, match=r"/half\.keras cannot be fetched"):
        downloads.path(f"{server.url}/half.keras", "model")
    assert lines == []


def test_a_file_that_would_be_unpacked_on_its_way_is_refused(server: Web, downloads: Downloads) -> None:
    server.answers["/bomb.keras"] = Answer(body=MODEL, headers={"Content-Encoding": "gzip"})
    with pytest.raises(AddressRefused, match="comes in the coding 'gzip'"):
        downloads.path(f"{server.url}/bomb.keras", "model")
    assert server.asked[0][1]["Accept-Encoding"] == "identity"


@pytest.mark.parametrize(
    ("status", "kind", "why"),
    [
        (404, AddressRefused, "does not exist"),
        (403, AddressRefused, "other credentials"),
        (500, FetchFailed, "HTTP status 500"),
        (304, FetchFailed, "HTTP status 304"),
    ],
)
def test_an_answer_that_is_no_file_is_one_line(
    server: Web, downloads: Downloads, status: int, kind: type[Exception], why: str
) -> None:
    server.answers["/x.keras?key=secret"] = Answer(status=status)
    with pytest.raises(kind, match=why) as raised:
        downloads.path(f"{server.url}/x.keras?key=secret", "model")
    assert "\n" not in str(raised.value)
    assert "secret" not in str(raised.value)


def test_redirects_are_followed_so_often_and_no_more(server: Web, downloads: Downloads) -> None:
    for number in range(MOST_REDIRECTS):
        server.answers[f"/{number}.keras"] = Answer(status=302, headers={"Location": f"/{number + 1}.keras"})
    server.answers[f"/{MOST_REDIRECTS}.keras"] = Answer(body=MODEL)
    # The name is that of the address which was given
    assert downloads.path(f"{server.url}/0.keras", "model").name == "0.keras"
    server.answers["/again"] = Answer(status=302, headers={"Location": "/again"})
    with pytest.raises(AddressRefused, match=f"redirected more than {MOST_REDIRECTS} times"):
        downloads.path(f"{server.url}/again", "model")


@pytest.mark.parametrize(
    ("to", "why"),
    [
        ("http://example.invalid/x", "can be changed on its way"),
        ("file:///etc/passwd", "is no address"),
        ("https://user:secret@example.invalid/x", "with a user or password"),
    ],
)
def test_a_redirect_is_held_to_the_rules_of_an_address(server: Web, downloads: Downloads, to: str, why: str) -> None:
    server.answers["/x.keras"] = Answer(status=307, headers={"Location": to})
    with pytest.raises(AddressRefused, match=f"is redirected, and .*{why}") as raised:
        downloads.path(f"{server.url}/x.keras", "model")
    assert "secret" not in str(raised.value)


def test_credentials_go_to_the_host_that_they_are_for(server: Web) -> None:
    with web.running() as other:
        server.answers["/x"] = Answer(status=302, headers={"Location": f"{other.url}/y"})
        other.answers["/y"] = Answer(body=MODEL)
        with answered(f"{server.url}/x", headers={"Authorization": "Bearer t"}, plain_http=False) as answer:
            assert answer.read() == MODEL
        assert server.asked[0][1]["Authorization"] == "Bearer t"
        assert "Authorization" not in other.asked[0][1]


@pytest.mark.parametrize(
    ("place", "why"),
    [
        ("http://example.invalid/x.keras", "pass https://"),
        ("https://user:secret@example.invalid/x.keras", "pass it without"),
        ("https://", "is no address"),
        ("https:///x.keras", "is no address"),
        ("https://h:port/x", "is no address"),
    ],
)
def test_an_address_that_may_not_be_asked_is_refused_before_anybody_is(
    downloads: Downloads, place: str, why: str
) -> None:
    with pytest.raises(AddressRefused, match=why) as raised:
        downloads.path(place, "model")
    assert "secret" not in str(raised.value)


def test_plain_http_within_a_network_of_ones_own_can_be_allowed(tmp_path: Path) -> None:
    settings = Settings(home=tmp_path, fetch_plain_http=True)
    with Downloads(lambda: settings) as downloads, pytest.raises(FetchFailed, match="cannot be fetched"):
        downloads.path("http://host.invalid/x.keras", "model")


def test_no_redirect_leads_from_elsewhere_to_this_machine(server: Web, monkeypatch: pytest.MonkeyPatch) -> None:
    # Given a server elsewhere that sends whoever asks to a port of this machine
    def elsewhere(request: httpx.Request) -> httpx.Response:
        return httpx.Response(302, headers={"Location": f"{server.url}/private"}, request=request)

    monkeypatch.setattr(
        "api.client.addresses.web._client", lambda: httpx.Client(transport=httpx.MockTransport(elsewhere))
    )
    with pytest.raises(AddressRefused, match="redirected to this machine"), answered("https://far/x", plain_http=False):
        pass
    assert server.asked == []

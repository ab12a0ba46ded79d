"""Callbacks over TLS: to a receiver with a certificate of an authority that is trusted, and to others."""

import ipaddress
import ssl
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from nc_tasks.settings import Settings
from nc_tasks.store import Store
from nc_tasks.store.rows import deliveries
from nc_tasks.webhooks import Callbacks
from tests.nc_tasks.webhooks.conftest import Receiver, due_now, ended, row_of, serving, submitted

HERE = x509.IPAddress(ipaddress.ip_address("127.0.0.1"))
ELSEWHERE = x509.DNSName("elsewhere.example")


class Authority:
    """Signs certificates; `file` is its own."""

    def __init__(self, folder: Path, name: str) -> None:
        self._folder, self._key = folder, ec.generate_private_key(ec.SECP256R1())
        self._name = _named(name)
        basic = x509.BasicConstraints(ca=True, path_length=0)
        self._made = _unsigned(self._name, self._name, self._key).add_extension(basic, critical=True)
        self.file = self._write(f"{name}.pem", self._made.sign(self._key, hashes.SHA256()))

    def certificate(self, subject: x509.GeneralName) -> Path:
        """A file with a key and a certificate of a server of that name."""
        key = ec.generate_private_key(ec.SECP256R1())
        made = _unsigned(_named("receiver"), self._name, key)
        made = made.add_extension(x509.SubjectAlternativeName([subject]), critical=False)
        form = (serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
        return self._write("receiver.pem", made.sign(self._key, hashes.SHA256()), key.private_bytes(*form))

    def _write(self, name: str, certificate: x509.Certificate, key: bytes = b"") -> Path:
        path = self._folder / name
        path.write_bytes(key + certificate.public_bytes(serialization.Encoding.PEM))
        return path


def _named(name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])


def _unsigned(subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePrivateKey) -> x509.CertificateBuilder:
    now = datetime.now(UTC)
    made = x509.CertificateBuilder().subject_name(subject).issuer_name(issuer).public_key(key.public_key())
    made = made.serial_number(x509.random_serial_number())
    return made.not_valid_before(now - timedelta(hours=1)).not_valid_after(now + timedelta(hours=1))


@pytest.fixture
def authority(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Authority:
    """The one that this process trusts."""
    made = Authority(tmp_path, "trusted")
    monkeypatch.setenv("SSL_CERT_FILE", str(made.file))
    return made


class SecureReceiver(Receiver):
    """A receiver behind TLS; a handshake that fails is the client's affair."""

    def wear(self, certificate: Path) -> None:
        """Show this certificate."""
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        context.load_cert_chain(certificate)
        self.socket = context.wrap_socket(self.socket, server_side=True)

    @property
    def url(self) -> str:
        return super().url.replace("http:", "https:")


@pytest.fixture
def receiver() -> Iterator[SecureReceiver]:
    server = SecureReceiver()
    with serving(server):
        yield server


def test_given_a_certificate_that_is_trusted_then_the_receiver_is_told(
    store: Store, settings: Settings, authority: Authority, receiver: SecureReceiver
) -> None:
    receiver.wear(authority.certificate(HERE))
    identity = submitted(store, receiver.url)
    ended(store, identity)
    assert Callbacks(store, settings).deliver() == 1
    ((headers, _),) = receiver.got
    assert headers["webhook-signature"].startswith("v1,")
    assert headers["Host"] == f"127.0.0.1:{receiver.server_port}"
    assert (row_of(store, identity).state, row_of(store, identity).status) == ("done", 200)


@pytest.mark.parametrize("fault", ["of nobody known", "of another name"])
def test_given_a_certificate_that_is_not_trusted_then_nothing_is_told_and_it_is_tried_again_until_it_is_mended(
    store: Store, settings: Settings, authority: Authority, receiver: SecureReceiver, tmp_path: Path, fault: str
) -> None:
    # Given a receiver that cannot show who it is
    stranger = Authority(tmp_path, "stranger")
    theirs = stranger.certificate(HERE) if fault == "of nobody known" else authority.certificate(ELSEWHERE)
    receiver.wear(theirs)
    identity = submitted(store, receiver.url)
    ended(store, identity)
    # When it is to be told
    assert Callbacks(store, settings).deliver() == 0
    # Then it has seen nothing, and one line says what is wrong and what to do
    row = row_of(store, identity)
    assert (receiver.got, row.state, row.status, row.attempt) == ([], "queued", None, 1)
    assert str(row.reason).startswith("its certificate is not trusted: ")
    assert "\n" not in str(row.reason)
    assert "SSL_CERT_FILE" in str(row.reason)
    # When it shows a good one, then the next try tells it
    receiver.wear(authority.certificate(HERE))
    due_now(store)
    assert Callbacks(store, settings).deliver() == 1
    assert len(receiver.got) == 1


def test_given_a_receiver_that_never_can_show_who_it_is_then_it_is_given_up(
    store: Store, settings: Settings, authority: Authority, receiver: SecureReceiver
) -> None:
    receiver.wear(authority.certificate(ELSEWHERE))
    identity = submitted(store, receiver.url)
    ended(store, identity)
    for _ in range(len(deliveries.PAUSES) + 1):
        assert row_of(store, identity).state != "failed"
        Callbacks(store, settings).deliver()
        due_now(store)
    row = row_of(store, identity)
    assert (row.state, receiver.got) == ("failed", [])
    assert "127.0.0.1" in str(row.reason)

"""hf://, s3:// and mlflow:/ against servers on this machine that speak the routes which are used."""

import json
from hashlib import sha256

import pytest

from api.client.addresses import Downloads, s3
from api.client.errors import AddressRefused, FetchFailed
from tests.servers.web import Answer, Web, of_json

MODEL, COMMIT = b"model" * 20, "0123456789" * 4
MLFLOW = "/api/2.0/mlflow/model-versions/get-download-uri?name=signs&version=3"
ARTIFACTS = "/api/2.0/mlflow-artifacts/artifacts"


@pytest.fixture
def hub(server: Web, monkeypatch: pytest.MonkeyPatch) -> Web:
    """A hub with one repository: a model, its card, and a file that is kept in a store of its own."""
    monkeypatch.setenv("HF_ENDPOINT", f"{server.url}/")
    monkeypatch.setenv("HF_TOKEN", "t")
    siblings = [{"rfilename": name} for name in ("README.md", "nets/signs.keras", "config.json")]
    server.answers["/api/models/org/net/revision/main"] = of_json({"siblings": siblings})
    redirect = {"Location": "/stored/abcdef", "X-Repo-Commit": COMMIT}
    server.answers["/org/net/resolve/main/nets/signs.keras"] = Answer(status=302, headers=redirect)
    server.answers["/stored/abcdef"] = Answer(body=MODEL)
    return server


@pytest.mark.parametrize("address", ["hf://org/net", "hf://org/net/nets/signs.keras", "hf://org/net@main"])
def test_the_file_of_a_repository_is_fetched_and_its_commit_told(
    hub: Web, downloads: Downloads, lines: list[str], address: str
) -> None:
    path = downloads.path(address, "model")
    assert (path.name, path.read_bytes()) == ("signs.keras", MODEL)
    assert lines == [
        f"Fetched hf://org/net/nets/signs.keras@{COMMIT}: 100 bytes, sha256 {sha256(MODEL).hexdigest()}",
    ]
    assert hub.asked[0][1]["Authorization"] == "Bearer t"


def test_a_revision_and_a_data_set_are_asked_for_as_such(hub: Web, downloads: Downloads) -> None:
    hub.answers["/org/net/resolve/refs%2Fpr%2F1/a.keras"] = Answer(body=b"pr")
    assert downloads.path("hf://org/net/a.keras@refs/pr/1", "model").read_bytes() == b"pr"
    hub.answers["/api/datasets/org/signs/revision/v1"] = of_json({"siblings": [{"rfilename": "clean.npz"}]})
    hub.answers["/datasets/org/signs/resolve/v1/clean.npz"] = Answer(body=b"data")
    assert downloads.path("hf://datasets/org/signs@v1", "data").read_bytes() == b"data"


def test_a_repository_without_a_model_or_with_several_says_what_to_write(hub: Web, downloads: Downloads) -> None:
    hub.answers["/api/models/org/none/revision/main"] = of_json({"siblings": [{"rfilename": "model.bin"}]})
    with pytest.raises(AddressRefused, match=r"hf://org/none@main holds no model: files named \.keras, \.h5"):
        downloads.path("hf://org/none", "model")
    hub.answers["/api/models/org/two/revision/main"] = of_json(
        {"siblings": [{"rfilename": n} for n in ("b.h5", "a.onnx")]}
    )
    with pytest.raises(AddressRefused, match=r"holds 2 files .* \(a\.onnx, b\.h5\): name one, as hf://org/two/FILE"):
        downloads.path("hf://org/two", "model")
    hub.answers["/api/models/org/odd/revision/main"] = of_json([1])
    with pytest.raises(FetchFailed, match="lists no files"):
        downloads.path("hf://org/odd", "model")


@pytest.mark.parametrize(
    "address",
    ["hf://org", "hf://org/", "hf://org/net/", "hf://org/net@", "hf:/org/net", "hf://a b/c", "hf://org/n@a@b"],
)
def test_what_names_no_repository_is_refused(hub: Web, downloads: Downloads, address: str) -> None:
    with pytest.raises(AddressRefused, match=r"pass hf://ORG/NAME"):
        downloads.path(address, "model")
    assert hub.asked == []


def test_an_object_is_fetched_and_one_that_is_too_large_is_not(bucket: str, downloads: Downloads) -> None:
    name = bucket.split("/")[2]
    s3.client().put_object(Bucket=name, Key="nets/a b?#.keras", Body=MODEL)
    s3.client().put_object(Bucket=name, Key="big.h5", Body=b"x" * 1001)
    path = downloads.path(f"s3://{name}/nets/a b?#.keras", "model")
    assert (path.name, path.read_bytes()) == ("a b?#.keras", MODEL)
    with pytest.raises(AddressRefused, match="has 1,001 bytes or more, the limit is 1,000"):
        downloads.path(f"s3://{name}/big.h5", "model")
    with pytest.raises(AddressRefused, match=f"s3://{name}/gone does not exist"):
        downloads.path(f"s3://{name}/gone", "model")
    with pytest.raises(AddressRefused, match="s3://no-such-bucket-here/x does not exist"):
        downloads.path("s3://no-such-bucket-here/x", "model")


def test_without_credentials_requests_are_not_signed(
    server: Web, downloads: Downloads, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    for name, value in {
        "AWS_ENDPOINT_URL_S3": server.url,
        "AWS_REGION": "us-east-1",
        "AWS_EC2_METADATA_DISABLED": "true",
        "AWS_SHARED_CREDENTIALS_FILE": "/dev/null",
        "AWS_CONFIG_FILE": "/dev/null",
    }.items():
        monkeypatch.setenv(name, value)
    server.answers["/public/net.keras"] = Answer(body=MODEL)
    assert downloads.path("s3://public/net.keras", "model").read_bytes() == MODEL
    assert "Authorization" not in server.asked[-1][1]
    server.answers["/private/net.keras"] = Answer(status=403)
    with pytest.raises(AddressRefused, match="other credentials"):
        downloads.path("s3://private/net.keras", "model")


@pytest.mark.parametrize(
    "address", ["s3://bucket", "s3://bucket/", "s3://bucket/folder/", "s3:/bucket/key", "s3:///key"]
)
def test_what_names_no_object_is_refused(downloads: Downloads, address: str) -> None:
    with pytest.raises(AddressRefused, match=r"pass s3://BUCKET/KEY"):
        downloads.path(address, "model")


@pytest.fixture
def registry(server: Web, monkeypatch: pytest.MonkeyPatch) -> Web:
    """A tracking server with one version, as its Keras flavour writes it."""
    monkeypatch.setenv("MLFLOW_TRACKING_URI", server.url)
    monkeypatch.setenv("MLFLOW_TRACKING_USERNAME", "me")
    monkeypatch.setenv("MLFLOW_TRACKING_PASSWORD", "secret")
    server.answers[MLFLOW] = of_json({"artifact_uri": "mlflow-artifacts:/1/run/artifacts/model"})
    top = [{"path": "MLmodel", "is_dir": False, "file_size": 9}, {"path": "data", "is_dir": True}]
    server.answers[f"{ARTIFACTS}?path=1%2Frun%2Fartifacts%2Fmodel"] = of_json({"files": top})
    inner = [{"path": "model.keras", "is_dir": False, "file_size": 100}, {"path": "save_format.txt", "is_dir": False}]
    server.answers[f"{ARTIFACTS}?path=1%2Frun%2Fartifacts%2Fmodel%2Fdata"] = of_json({"files": inner})
    server.answers[f"{ARTIFACTS}/1/run/artifacts/model/data/model.keras"] = Answer(body=MODEL)
    return server


def test_the_model_of_a_registered_version_is_fetched(registry: Web, downloads: Downloads, lines: list[str]) -> None:
    path = downloads.path("mlflow:/models/signs/3", "model")
    assert (path.name, path.read_bytes()) == ("model.keras", MODEL)
    digest = sha256(MODEL).hexdigest()
    assert lines == [f"Fetched mlflow:/models/signs/3 (data/model.keras): 100 bytes, sha256 {digest}"]
    assert {headers["Authorization"] for _, headers in registry.asked} == {"Basic bWU6c2VjcmV0"}


def test_a_version_in_a_bucket_is_fetched_from_there(registry: Web, bucket: str, downloads: Downloads) -> None:
    name = bucket.split("/")[2]
    s3.client().put_object(Bucket=name, Key="1/model/MLmodel", Body=b"x")
    s3.client().put_object(Bucket=name, Key="1/model/model.onnx", Body=MODEL)
    registry.answers[MLFLOW] = of_json({"artifact_uri": f"s3://{name}/1/model"})
    path = downloads.path("mlflow:/models/signs/3", "model")
    assert (path.name, path.read_bytes()) == ("model.onnx", MODEL)


def test_a_folder_without_end_is_left(registry: Web, downloads: Downloads) -> None:
    files = [{"path": f"{number}.txt", "is_dir": False} for number in range(1001)]
    registry.answers[f"{ARTIFACTS}?path=1%2Frun%2Fartifacts%2Fmodel"] = of_json({"files": files})
    with pytest.raises(AddressRefused, match="more than 1000 files"):
        downloads.path("mlflow:/models/signs/3", "model")


@pytest.mark.parametrize(
    ("answer", "why"),
    [
        (
            of_json({"artifact_uri": "file:///srv/model"}),
            "is at 'file:///srv/model', which its server does not give out",
        ),
        (of_json({"artifact_uri": "mlflow-artifacts://other/1"}), "which its server does not give out"),
        (of_json({}), "does not say where"),
        (Answer(body=b"<html>"), "answers no JSON"),
        (Answer(status=404, body=json.dumps({"error_code": "RESOURCE_DOES_NOT_EXIST"}).encode()), "does not exist"),
    ],
)
def test_a_version_that_cannot_be_fetched_is_one_line(
    registry: Web, downloads: Downloads, answer: Answer, why: str
) -> None:
    registry.answers[MLFLOW] = answer
    with pytest.raises((AddressRefused, FetchFailed), match=why) as raised:
        downloads.path("mlflow:/models/signs/3", "model")
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize("address", ["mlflow:/models/signs", "mlflow:/models/signs/newest", "mlflow:/runs/1/2"])
def test_what_names_no_version_is_refused(registry: Web, downloads: Downloads, address: str) -> None:
    with pytest.raises(AddressRefused, match="pass mlflow:/models/NAME/VERSION"):
        downloads.path(address, "model")
    assert registry.asked == []


def test_without_a_tracking_server_it_is_said_what_to_set(
    downloads: Downloads, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    with pytest.raises(AddressRefused, match="MLFLOW_TRACKING_URI is ''"):
        downloads.path("mlflow:/models/signs/3", "model")

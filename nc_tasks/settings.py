"""Where the service lives and how patient it is: read from the environment (prefix CLEANSE_)."""

from hashlib import sha256
from ipaddress import ip_network
from pathlib import Path
from typing import Annotated, Literal

from pydantic import AfterValidator, AliasChoices, Field, NonNegativeFloat, PositiveFloat, PositiveInt
from pydantic_settings import BaseSettings, SettingsConfigDict


def _absolute(path: Path) -> Path:
    return path.expanduser().absolute()


def _networks(text: str) -> str:
    for part in text.split(","):
        ip_network(part.strip())
    return text


class Settings(BaseSettings):
    """Settings of one installation; each field is also the variable CLEANSE_<NAME>.

    REDIS_URL and DATABASE_URL are read without the prefix too, as hosting services set them.
    """

    model_config = SettingsConfigDict(
        env_prefix="CLEANSE_", env_ignore_empty=True, frozen=True, populate_by_name=True, extra="ignore"
    )

    home: Annotated[Path, AfterValidator(_absolute)] = Field(default=Path("~/.cleanse"), validate_default=True)
    """Folder of everything that is kept: artefacts, the SQLite file, the embedded broker's log, logs."""
    redis_url: str | None = Field(default=None, validation_alias=AliasChoices("CLEANSE_REDIS_URL", "REDIS_URL"))
    """Broker and result backend; None: the embedded one."""
    database_url: str | None = Field(
        default=None, validation_alias=AliasChoices("CLEANSE_DATABASE_URL", "DATABASE_URL")
    )
    """SQLAlchemy URL (SQLite or PostgreSQL); None: `cleanse.sqlite` under home."""
    artefacts_url: str | None = Field(default=None, pattern=r"^s3://[a-z0-9][a-z0-9.-]{1,61}[a-z0-9](/.*)?$")
    """Where files are kept that several machines need: `s3://bucket/prefix`; None: the folder under home.

    Endpoint, region and credentials come from the variables that every S3 client reads (AWS_ENDPOINT_URL_S3,
    AWS_REGION, AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY) or from the machine's role.
    """
    artefacts_cache_bytes: PositiveInt = 20 * 2**30
    """Most that a machine keeps of such files under home, beside those of the last hour."""
    lease_seconds: PositiveFloat = 60.0
    """How long a worker may be silent before its label is given to another."""
    heartbeat_seconds: PositiveFloat = 1.0
    """Time between two reports of a worker: progress and renewed leases, one transaction."""
    max_attempts: PositiveInt = 3
    """Claims of one piece of work before it counts as failed."""
    sweep_seconds: PositiveFloat = 5.0
    """Time between two looks of the sweeper for work that was lost or forgotten."""
    label_seconds: PositiveFloat = 6 * 3600.0
    """Optimisation of one label in one round after which it counts as failed."""
    stuck_seconds: PositiveFloat = 900.0
    """Time for one step of the device, compiling it included, after which its worker ends itself."""
    idle_seconds: PositiveFloat = 60.0
    """How long an embedded stack without client and work stays up."""
    stop_seconds: PositiveFloat = 10.0
    """How long a stopping worker may finish what it is at before it is made to quit."""
    memory_budget_bytes: PositiveInt | None = None
    """Memory that one worker may plan with.

    None: half of what the machine or the container has free, divided among its label workers."""
    memory_limit_bytes: int | None = Field(default=None, ge=2**30)
    """Memory at which a worker process ends itself and the work that took it, 1 GiB at least (an idle one has 0.7).
    None: nine tenths of what the machine or the container has, divided among its label workers."""
    control_processes: PositiveInt = 2
    """Processes of the control queue: start, gather, repair, classify."""
    label_workers: PositiveInt = 1
    """Label workers on this machine, which share its memory."""
    warm_up: bool = True
    """Whether workers load TensorFlow beforehand: of labels when they start, others beside their first task or, where
    none comes, seconds later."""
    api_host: str = "127.0.0.1"
    """Address that the HTTP service listens on; any but a loopback one needs keys."""
    api_port: int = Field(default=8000, ge=0, le=65535)
    """Its port; 0: a free one."""
    trusted_proxies: Annotated[str, AfterValidator(_networks)] | None = None
    """Addresses and networks of proxies whose word (X-Forwarded-For, -Proto) counts, as in 10.0.0.0/8,fd00::1; None: of
    nobody."""
    upload_bytes: PositiveInt = 2**30
    """Most that one upload may have, all its files together; and one file that the client fetches from an address."""
    fetch_plain_http: bool = False
    """Whether models and data may be fetched from other machines by `http://`, which others can read and change."""
    uploads_at_once: PositiveInt = 8
    """Uploads that one process of the HTTP service takes in at a time; each writes to the disk."""
    uploads_of_owner: PositiveInt = 4
    """Of those, the most of one owner; the first upload of another is taken in any case."""
    body_idle_seconds: PositiveFloat = 30.0
    """How long nothing may come of a body that is being sent."""
    body_pace_bytes: PositiveInt = 16 * 1024
    """Bytes a second that must come of it, on the average, from then on."""
    head_seconds: PositiveFloat = 10.0
    """Time for the head of a request to come."""
    keep_alive_seconds: PositiveInt = 5
    """How long a connection may wait for its next request."""
    reading_seconds: PositiveFloat = 60.0
    """How long a client may leave an answer unread."""
    streams_at_once: PositiveInt = 1000
    """Streams of events that one process of the HTTP service keeps open."""
    streams_of_owner: PositiveInt = 200
    """Of those, the most of one owner; the first stream of another is opened in any case."""
    flower_url: str | None = Field(default=None, pattern="^https?://")
    """Where Flower answers, without its prefix: the API passes admins through; None: on the socket of this home."""
    requests_per_minute: PositiveInt = 1200
    """Requests of one key, or of one address without key, by all processes of the HTTP service together.

    They are counted on the broker; while it is away each process counts alone."""
    open_submissions: PositiveInt = 200
    """Submissions of one owner that have not ended."""
    callback_private: bool = False
    """Whether callbacks may go to loopback, private and link-local addresses."""
    signing_key: Annotated[Path, AfterValidator(_absolute)] | None = None
    """PEM file of the Ed25519 key that attestations are signed with: where several processes sign, all have the same.

    None: the one under home, made at its first use.
    """
    retention_days: PositiveFloat | None = None
    """Age at which a submission that has ended is deleted; None: never."""
    artefact_grace_seconds: NonNegativeFloat = 900.0
    """Age below which a file is kept though no row refers to it: the row may be just about to be written."""
    log_format: Literal["text", "json"] = "text"
    """How processes write their logs: lines to read, or one JSON object a line with submission, label and attempt."""
    traces_url: str | None = Field(default=None, pattern="^https?://")
    """Where OpenTelemetry traces go (OTLP over HTTP, as http://collector:4318/v1/traces); None: there are none."""
    worker_slots: PositiveInt | None = None
    """Labels that one worker of the label queue holds at a time; None: what suits the machine."""

    @property
    def store_url(self) -> str:
        """The SQLAlchemy URL in force; some hosting services write PostgreSQL's in a way of their own."""
        url = self.database_url or f"sqlite:///{self.home / 'cleanse.sqlite'}"
        return f"postgresql://{url.removeprefix('postgres://')}" if url.startswith("postgres://") else url

    @property
    def store_digest(self) -> str:
        """Twelve letters that stand for the store: names what belongs to it in a shared Redis server."""
        return sha256(self.store_url.encode()).hexdigest()[:12]

    @property
    def idle_heartbeat_seconds(self) -> float:
        """Time between two reports of a worker that holds nothing."""
        return max(self.heartbeat_seconds, min(10 * self.heartbeat_seconds, self.lease_seconds / 4))

    @property
    def artefacts(self) -> Path:
        """The folder of files that are kept by their sha256."""
        return self.home / "artefacts"

    @property
    def api_file(self) -> Path:
        """Where the HTTP service on this machine writes its address: {"url", "pid"}."""
        return self.home / "api.json"

    @property
    def keys(self) -> Path:
        """The folder of the key that attestations are signed with, unless `signing_key` says another."""
        return self.home / "keys"

    @property
    def logs(self) -> Path:
        """The folder of the log files of an embedded stack."""
        return self.home / "logs"

    def environment(self) -> dict[str, str]:
        """The variables from which another process reads these very settings."""
        values = self.model_dump(exclude_none=True)
        return {f"CLEANSE_{name.upper()}": str(value) for name, value in values.items()}


def get_settings() -> Settings:
    """The settings of this process' environment as it is now."""
    return Settings()

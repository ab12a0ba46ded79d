"""Health and readiness as JSON."""

from typing import Literal

from pydantic import BaseModel, Field


class Health(BaseModel):
    """The process lives."""

    status: Literal["ok"]
    version: str
    mode: Literal["keys", "local"] = Field(
        description="local: no key was ever made; whoever is on this machine may do everything."
    )


class Check(BaseModel):
    """One thing that the service needs."""

    ok: bool
    detail: str


class Readiness(BaseModel):
    """Whether work that is submitted now is begun: every check is ok."""

    ready: bool
    checks: dict[Literal["database", "broker", "workers"], Check]

"""/v1/estimate: what a scan will take, before anything of it is uploaded."""

from typing import Annotated, Any

from fastapi import APIRouter
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from api.service.dependencies import AService, Reader
from api.service.problems import responses
from nc_core.class_names import MAX_LABELS
from nc_core.intake.cost import NetCost
from nc_tasks.request import choices
from nc_tasks.request.choices import Profile
from nc_tasks.views.estimates import USUAL_IMAGES, Wanted, capacity_of, estimate

router = APIRouter(prefix="/v1", tags=["submissions"], responses=responses(401, 403, 421, 422, 429, 503))


def _no_truth(value: Any) -> Any:
    if isinstance(value, bool):
        raise ValueError("input should be a number")
    return value


Whole = Annotated[int, BeforeValidator(_no_truth)]
"""As JSON schema has it: 2.0 is a whole number, true is none."""
MOST = 10**15
"""Far above any net: keeps every product a number."""


class NetSize(BaseModel):
    """Of one picture that goes through the net: what the shapes of its layers say."""

    model_config = ConfigDict(extra="forbid")

    image: Whole = Field(ge=1, le=MOST, description="Values of a picture.")
    activations: Whole = Field(ge=1, le=MOST, description="Values that all layers put out.")
    multiply_adds: Whole = Field(ge=0, le=MOST, description="Multiplications with additions, forward.")
    parameters: Whole = Field(ge=0, le=MOST, description="Of the net.")
    largest: Whole = Field(default=0, ge=0, le=MOST, description="Values of the largest output of a layer.")
    working: Whole = Field(default=0, ge=0, le=MOST, description="Values that layers hold beside their outputs.")
    window_reads: Whole = Field(default=0, ge=0, le=MOST, description="Values that pooling windows read.")
    grouped: Whole = Field(
        default=0, ge=0, le=MOST, description="Values that gradients of grouped convolutions go over."
    )


class EstimateRequest(BaseModel):
    """A scan that might be submitted."""

    model_config = ConfigDict(extra="forbid")

    net: NetSize
    labels: Whole = Field(ge=1, le=MAX_LABELS, description="To be looked at.")
    profile: Profile = choices.PROFILE.default
    slots: Annotated[int, Field(ge=1, le=256), BeforeValidator(_no_truth)] | None = Field(
        default=None, description="Labels in one batch; null: what suits."
    )
    images: Whole = Field(default=USUAL_IMAGES, ge=1, le=10**8, description="Clean pictures there are.")
    twins: Whole = Field(
        default=choices.TWINS.default, ge=0, le=choices.TWINS.limits["le"], description="Clean twins to compare with."
    )
    classes: Annotated[int, Field(ge=1, le=MAX_LABELS), BeforeValidator(_no_truth)] | None = Field(
        default=None, description="Of the net, in all of which a twin is scanned; null: as many as labels."
    )


class EstimateInfo(BaseModel):
    """What a scan will take, with nothing else at work."""

    model_config = ConfigDict(from_attributes=True)

    labels: int
    gradient_images: int = Field(description="Pictures that go through the net forward and backward.")
    minutes: float = Field(description="Until the verdict, without a repair.")
    twins: int = Field(description="Clean twins to compare with.")
    twin_minutes: float = Field(description="Of the minutes, what training and scanning of the twins take.")
    memory_bytes: int = Field(description="Of each label worker.")
    workers: int
    slots: int
    speed: float = Field(description="In processors of the machine that the constants were measured on.")
    scans: int = Field(description="Scans in the store that the speed was measured by; 0: the constants alone speak.")
    live: bool = Field(description="Workers and slots are those that are there now, not what this machine would start.")


@router.post("/estimate", responses=responses(400))
def estimated(asked: EstimateRequest, service: AService, caller: Reader) -> EstimateInfo:
    """Say how many minutes and how much memory a scan will take, by the pace of the latest scans here."""
    del caller
    capacity = capacity_of(service.store, service.settings)
    found = estimate(
        service.store,
        service.artefacts,
        Wanted(
            net=NetCost(**asked.net.model_dump()),
            labels=asked.labels,
            profile=asked.profile,
            slots=asked.slots,
            images=asked.images,
            twins=asked.twins,
            classes=asked.classes,
        ),
        capacity,
    )
    return EstimateInfo.model_validate(found)

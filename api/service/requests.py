"""From a form or a batch to what is asked for, its files kept: what pages and JSON routes share."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy.orm import Session

from api.service.callers import Caller
from api.service.models.batch import Batch
from api.service.service import Service
from api.service.uploads.forms import FORM_FILES
from api.service.uploads.multipart import NAME_LIMIT, Form, harmless
from api.service.uploads.receiving import keep
from nc_core.errors import OptionRefused
from nc_tasks.errors import MissingArtefact
from nc_tasks.files import ArtefactStore
from nc_tasks.request.scan import RequestParameters, ScanRequest, StoredFile
from nc_tasks.request.validation import checked
from nc_tasks.store.queries import ownership
from nc_tasks.store.rows import datasets


def parameters_of(fields: Mapping[str, str]) -> RequestParameters:
    """What a form's fields say beside its files; raises OptionRefused with one line per wrong value."""
    values: dict[str, Any] = {name: fields[name] for name in RequestParameters.model_fields if name in fields}
    for name in ("options", "tags"):
        if name in values:
            values[name] = _json_object(name, values[name])
    if "force" in values:
        values["force"] = {"true": True, "false": False}.get(values["force"], values["force"])
    return checked(RequestParameters, values)


def _json_object(name: str, text: str) -> dict[str, Any]:
    try:
        value = json.loads(text or "{}")
    except (ValueError, RecursionError) as error:
        raise OptionRefused(f"{name} is no JSON ({error}): pass an object") from None
    if not isinstance(value, dict):
        raise OptionRefused(f"{name} is a JSON {type(value).__name__}: pass an object")
    return value


FORM_FIELDS = (*RequestParameters.model_fields, "model_sha256", "model_name", "data_sha256", "data_name", "dataset")


def request_of(service: Service, caller: Caller, form: Form) -> ScanRequest:
    """Keep the files of the form and look up those that it names; raises OptionRefused, NotFound."""
    (request,) = requests_in(service, caller, form, models=FORM_FILES["model"])
    return request


def requests_in(service: Service, caller: Caller, form: Form, *, models: int) -> list[ScanRequest]:
    """The same of a form that may have so many models: a request for each, all with the same data and parameters."""
    unknown = sorted((form.fields.keys() - set(FORM_FIELDS)) | (form.files.keys() - FORM_FILES.keys()))
    if unknown:
        known = ", ".join((*FORM_FILES, *FORM_FIELDS))
        raise OptionRefused(f"the form has the unknown field {unknown[0][:80]!r}: the fields are {known}")
    for name, most in {**FORM_FILES, "model": models}.items():
        if (given := len(form.files.get(name, ()))) > most:
            raise OptionRefused(f"the form has {given} files in {name}, the limit is {most}")
    for name in ("model_name", "data_name"):
        if (letters := len(form.fields.get(name, ""))) > NAME_LIMIT:
            raise OptionRefused(f"{name} has {letters} characters, the limit is {NAME_LIMIT}")
    parameters = parameters_of(form.fields)
    digest = "the digest of one that was uploaded before"
    _either("model", form, ("model_sha256",), f"the model's file or {digest}")
    _either("data", form, ("dataset", "data_sha256"), f"the data's file, the id of a registered data set or {digest}")
    with service.store.read() as session:
        model, data = (_known(session, service.artefacts, caller, form.fields, name) for name in ("model", "data"))
        if "dataset" in form.fields:
            data = _data_of(session, caller, form.fields["dataset"])
    nets = [keep(service.artefacts, file) for file in form.files.get("model", ())] if model is None else [model]
    data = data or keep(service.artefacts, form.files["data"][0])
    poisoned = [keep(service.artefacts, file) for file in form.files.get("poisoned", ())]
    return [parameters.request_for(model=net, data=data, poisoned=poisoned) for net in nets]


def _either(file: str, form: Form, texts: Sequence[str], what: str) -> None:
    given = [name for name in (file, *texts) if name in form.files or name in form.fields]
    if len(given) != 1:
        has = f"both of {given[0]} and {given[1]}" if given else f"neither of {file} and {' and '.join(texts)}"
        raise OptionRefused(f"the form has {has}: send either {what}")


def _known(
    session: Session, artefacts: ArtefactStore, caller: Caller, fields: Mapping[str, str], name: str
) -> StoredFile | None:
    """The file that the form names by its digest; None where it does not. Raises MissingArtefact."""
    digest = fields.get(f"{name}_sha256")
    return None if digest is None else known_file(session, artefacts, caller, digest, fields.get(f"{name}_name"))


def requests_of(service: Service, caller: Caller, batch: Batch) -> list[ScanRequest]:
    """The requests of a batch; raises NotFound, OptionRefused."""
    with service.store.read() as session:
        data = _data_of(session, caller, batch.dataset)
        models = [known_file(session, service.artefacts, caller, each.sha256, each.name) for each in batch.models]
    return [batch.request_for(model=model, data=data) for model in models]


def known_file(session: Session, artefacts: ArtefactStore, caller: Caller, digest: str, name: str | None) -> StoredFile:
    """A file that the caller has uploaded before, or was given; name: None for the one it had. Raises MissingArtefact.

    Of another's files nobody learns whether they are here.
    """
    found = ownership.name_of(session, digest=digest, owner=caller.sees)
    if found is None:
        raise MissingArtefact(f"no file of yours has the sha256 {digest[:80]!r}: upload it")
    artefacts.path(digest)
    return StoredFile(sha256=digest, name=harmless(name or found))


def _data_of(session: Session, caller: Caller, dataset_id: str) -> StoredFile:
    row = datasets.get(session, dataset_id=dataset_id, owner=caller.sees)
    return StoredFile(sha256=row.sha256, name=row.file_name)

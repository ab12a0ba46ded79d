"""What is said of files that are not there."""

from nc_core.results.files import FILES, GOODNET_ONNX, GUARDED_ONNX, SCANNED
from nc_tasks.errors import WrongState


def without_files(submission_id: str) -> str:
    """Why there is nothing to write of a submission without a verdict, in one line."""
    return f"submission {submission_id} has no verdict: there are no files; `cleanse watch` follows it"


def missing(name: str, *, submission_id: str) -> str:
    """Why a submission with a verdict has no such net, in one line."""
    if name == SCANNED:
        why = f"it was scanned by a version that did not keep it; `cleanse retry {submission_id}` makes it"
        return f"submission {submission_id} has no {name}: {why}"
    if name in (GOODNET_ONNX, GUARDED_ONNX):
        kept = name.replace(".onnx", ".keras")
        return (
            f"submission {submission_id} has no {name}: no repair was made, or by a version that wrote no ONNX, which "
            f"--force does anew, or two nets in one are more than is read; {kept} is there where a repair is"
        )
    return f"submission {submission_id} has no {name}: no repair was made"


def check_final(name: str, *, submission_id: str, state: str) -> None:
    """Raise WrongState for a file that is not there before the repairs have ended."""
    if FILES[name].final and state == "repairing":
        raise WrongState(f"submission {submission_id} is repairing: {name} is there once that has ended")

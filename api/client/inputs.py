"""The files of a submission: looked at before anything starts, and called by the names that the store keeps."""

from pathlib import Path

from nc_core.errors import DataRefused, InputRefused, ModelRefused, OptionRefused

NAME_LIMIT = 255
"""Letters of a file's name that the store keeps."""


def check_model(path: Path) -> None:
    """Raise ModelRefused unless the path is a file."""
    if path.is_dir():
        raise ModelRefused(
            f"model {path} is a folder and no SavedModel: pass one .keras, .h5, .onnx or .pth file, such as "
            'model.save("model.keras") writes'
        )
    _check_file(path, "model", ModelRefused)


def check_data(path: Path) -> None:
    """Raise DataRefused unless the path is a file or a folder."""
    if not path.is_dir():
        _check_file(path, "data", DataRefused)


def check_picture(path: Path) -> None:
    """Raise DataRefused unless the path is a file."""
    _check_file(path, "picture", DataRefused)


def class_names_in(path: Path) -> tuple[str, ...]:
    """The names in a file of them, or of the folders in a folder, sorted as Keras sorts; raises OptionRefused."""
    from nc_core.class_names import as_names, parse_class_names
    from nc_tasks.request.class_names import MAX_FILE

    if path.is_dir():
        return as_names(sorted(each.name for each in path.iterdir() if each.is_dir() and not each.name.startswith(".")))
    _check_file(path, "class names", OptionRefused)
    if (size := path.stat().st_size) > MAX_FILE:
        raise OptionRefused(f"class names {path} has {size:,} bytes, the limit is {MAX_FILE:,}: pass a file of names")
    try:
        return parse_class_names(path.read_text("utf-8"))
    except UnicodeDecodeError:
        raise OptionRefused(f"class names {path} is no text in UTF-8: save it as such") from None


def _check_file(path: Path, what: str, refusal: type[InputRefused]) -> None:
    if not path.exists():
        raise refusal(f"{what} {path} does not exist: pass the path of a file that is there")
    if not path.is_file():
        raise refusal(f"{what} {path} is no regular file: pass the path of a file")


def name_of(path: Path) -> str:
    """The name that the store keeps: the last part of the path, as text that any database takes.

    A folder gets the suffix of the zip that it is kept as: workers give the file back its suffix.
    """
    name = path.resolve().name.encode("utf-8", "replace").decode() + (".zip" if path.is_dir() else "")
    return name[-NAME_LIMIT:]

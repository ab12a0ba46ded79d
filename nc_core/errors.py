"""What can go wrong in the science, as one tree.

CleanseError
├── InputRefused        the model, the data or an option cannot be scanned as given
│   ├── ModelRefused
│   ├── DataRefused
│   └── OptionRefused
├── NothingToInvert     every fitting image has the label already
├── NothingToRepair     a method finds nothing in the net that it could change within the accuracy bound
├── QuarantineFailed    this machine cannot read untrusted files in a confined process
├── ReadsOtherwise      a file that was written here does not hold the net that it was written from
├── OutOfDeviceMemory   the device has too little memory for one batch of labels
├── OutOfBudget         the smallest program that could do the work does not fit the memory budget
└── Cancelled           the caller asked for a stop
"""


class CleanseError(Exception):
    """Root of the errors that this project raises on purpose; its text is one line meant for people."""


class InputRefused(CleanseError):
    """Raised when an input cannot be scanned: the text says what was found, what is expected, what to pass."""


class ModelRefused(InputRefused):
    """Raised when a file is no image classifier that can be read."""


class DataRefused(InputRefused):
    """Raised when clean data cannot be read or does not fit the model."""


class OptionRefused(InputRefused):
    """Raised when an option contradicts the model or the data."""


class NothingToInvert(CleanseError):
    """Raised when a label has no fitting image of another class to turn into it."""


class NothingToRepair(CleanseError):
    """Raised when a method finds nothing in a net that it could change within the accuracy bound."""


class QuarantineFailed(CleanseError):
    """Raised when the process that reads untrusted files cannot be started or confined; no file is at fault."""


class ReadsOtherwise(CleanseError):
    """Raised when a file that was written here does not hold the net that it was written from; no input is at fault."""


class OutOfDeviceMemory(CleanseError):
    """Raised when a batch of labels does not fit the memory of the device that computes it."""


class OutOfBudget(CleanseError):
    """Raised when even one slot with the smallest batch exceeds the memory budget."""


class Cancelled(CleanseError):
    """Raised inside long work when its `should_stop` answered True."""

"""From the outcomes of all labels to the verdict: evidence, its calibration, p-values (numpy alone)."""

from nc_core.detection.calibration import UNCALIBRATED, Calibration
from nc_core.detection.confirm import AGAIN, confirmed_of, middle, to_confirm
from nc_core.detection.evidence import statistics_of
from nc_core.detection.mad import INDEX_CAP, anomaly_index, median_and_mad
from nc_core.detection.norms import LabelNorm
from nc_core.detection.null import NormalNull, normal_null
from nc_core.detection.outcome import Evidence
from nc_core.detection.outliers import robust_log_z
from nc_core.detection.ranges import ScannedRange, combine, share_of
from nc_core.detection.rescan import StillFlagged
from nc_core.detection.result import CalibrationUsed, Detection, LabelIndex, ModelEvidence, RangeDetection
from nc_core.detection.size import SIZE_BOUND, TRANSFER_BOUND, is_small, least_transfer, small_by_size
from nc_core.detection.stepdown import p_value, reference_norms
from nc_core.detection.suspects import beyond_of, leaders_of, suspects_of, targets_of
from nc_core.detection.verdict import detect

__all__ = [
    "AGAIN",
    "INDEX_CAP",
    "SIZE_BOUND",
    "TRANSFER_BOUND",
    "UNCALIBRATED",
    "Calibration",
    "CalibrationUsed",
    "Detection",
    "Evidence",
    "LabelIndex",
    "LabelNorm",
    "ModelEvidence",
    "NormalNull",
    "RangeDetection",
    "ScannedRange",
    "StillFlagged",
    "anomaly_index",
    "beyond_of",
    "combine",
    "confirmed_of",
    "detect",
    "is_small",
    "leaders_of",
    "least_transfer",
    "median_and_mad",
    "middle",
    "normal_null",
    "p_value",
    "reference_norms",
    "robust_log_z",
    "share_of",
    "small_by_size",
    "statistics_of",
    "suspects_of",
    "targets_of",
    "to_confirm",
]

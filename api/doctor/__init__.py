"""`cleanse doctor`: looks at everything that a scan needs, changes nothing, and says what to do."""

from api.doctor.check import Check
from api.doctor.examine import examine

__all__ = ["Check", "examine"]

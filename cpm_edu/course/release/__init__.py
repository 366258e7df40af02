"""From masters to what students receive: stubs for solutions, public tests, README, wheel."""

from .make import Plan, release
from .overlay import Assigned, assigned
from .percent import MasterError

__all__ = ["Assigned", "MasterError", "Plan", "assigned", "release"]

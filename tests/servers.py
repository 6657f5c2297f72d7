"""The programs of the testbed, as tests know them."""

from testbed.ports import free_port
from testbed.servers import BIN, Bridge, Program, TemporalServer, until_open

__all__ = ["BIN", "Bridge", "Program", "TemporalServer", "free_port", "until_open"]

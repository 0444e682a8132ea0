"""Runs a handful of processes as one: prefixed output, restarts, one orderly end.

Children lead sessions of their own, so that Ctrl-C reaches the supervisor alone and everything that a child forked
(an RQ worker's horse and scheduler survive their killed parent) can be ended with it, by its process group.
Linux and macOS.
"""

from config.supervisor.child import ProcessSpec
from config.supervisor.ports import free_port
from config.supervisor.supervisor import Supervisor

__all__ = ["ProcessSpec", "Supervisor", "free_port"]

"""The commands of `crossover step`."""

from __future__ import annotations

from crossover.cli.step.flag_settings import DECIDE, OUTCOME
from crossover.cli.step.run_settings import RUN

COMMANDS = (RUN, DECIDE, OUTCOME)

SETTINGS = {setting.environment: setting for command in COMMANDS for setting in command.settings.values()}
"""Every setting by its variable."""

"""All protections that can be taken out, by name."""

from __future__ import annotations

from tests.reliability import sabotage_configs as sabotage_configs
from tests.reliability import sabotage_files as sabotage_files
from tests.reliability import sabotage_numbers as sabotage_numbers
from tests.reliability import sabotage_runs as sabotage_runs
from tests.reliability import sabotage_workers as sabotage_workers
from tests.reliability.sabotage import SABOTAGES as SABOTAGES

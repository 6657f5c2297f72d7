"""`python -m testbed.trial`: writes the trial image."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from image.build import CACHE, ENVIRONMENT
from image.cache import Cache
from image.machine import Unbuildable, this_machine
from image.oci import Archive, Config
from image.system import HOME, USER
from testbed.trial.contents import trial

NAME = "testbed.local/trial:1"


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m testbed.trial", description=__doc__)
    parser.add_argument("--name", default=NAME, help="the image's full name")
    parser.add_argument("--output", type=Path, metavar="FILE", required=True, help="the OCI archive")
    options = parser.parse_args()
    try:
        machine = this_machine()
        image = trial(machine, Cache(CACHE))
    except Unbuildable as error:
        sys.exit(str(error))
    config = Config(machine.architecture, env=ENVIRONMENT, user=f"{USER}:{USER}", working_dir=f"/{HOME}")
    written = Archive(options.name, config, image.layers)
    written.write(options.output)
    print(f"{options.output}: {written.reference}@{written.digest}, {written.size / 1e6:.1f} MB")


if __name__ == "__main__":
    main()

"""`python -m image`: writes the image and its SBOM."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

from image.build import CACHE, ROOT, Image, archive, build
from image.cache import Cache
from image.machine import Machine, Unbuildable, this_machine
from image.provenance import provenance
from image.sbom import sbom
from image.settings import source_date_epoch


def main() -> None:
    options = _options()
    try:
        machine = this_machine()
        image = build(machine, Cache(CACHE, refresh=options.refresh))
        if options.output:
            _write(image, machine, options)
        if options.rootfs:
            image.tree().write_folder(options.rootfs)
    except Unbuildable as error:
        sys.exit(str(error))


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m image", description=__doc__)
    parser.add_argument("--name", default="testbed.local/crossover:0.1.0", help="the image's full name")
    parser.add_argument(
        "--output", type=Path, metavar="FILE", help="the OCI archive; its SBOM is written beside it"
    )
    parser.add_argument(
        "--rootfs", type=Path, metavar="FOLDER", help="an existing folder for the files themselves"
    )
    parser.add_argument(
        "--refresh", action="store_true", help="keep nothing of earlier builds: Debian's newest packages"
    )
    options = parser.parse_args()
    if not (options.output or options.rootfs):
        parser.error("say where to: --output or --rootfs")
    return options


def _write(image: Image, machine: Machine, options: argparse.Namespace) -> None:
    made = provenance(ROOT, source_date_epoch())
    written = archive(image, options.name, machine, made)
    written.write(options.output)
    bill = options.output.with_name(f"{options.output.name.split('.')[0]}.spdx.json")
    bill.write_text(json.dumps(sbom(image.tree(), written), indent=1) + "\n")
    size = f"{written.size / 1e6:.1f} MB"
    sys.stdout.write(f"{options.output}: {written.reference}@{written.digest}, {size}\n")


if __name__ == "__main__":
    main()

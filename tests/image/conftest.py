"""The image as `make image` builds it, and its files in a folder."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from image.build import CACHE, Image, build
from image.cache import Cache
from image.machine import Machine, Missing, this_machine
from image.tree import Tree


@pytest.fixture(scope="session")
def machine() -> Machine:
    try:
        return this_machine()
    except Missing as error:
        pytest.skip(str(error))


@pytest.fixture(scope="session")
def image(machine: Machine) -> Image:
    try:
        return build(machine, Cache(CACHE))
    except Missing as error:
        pytest.skip(str(error))


@pytest.fixture(scope="session")
def tree(image: Image) -> Tree:
    return image.tree()


@pytest.fixture(scope="session")
def root(tree: Tree, tmp_path_factory: pytest.TempPathFactory) -> Path:
    if os.geteuid() != 0:
        pytest.skip("Running the image without a container engine takes root: it needs mounts and chroot.")
    folder = tmp_path_factory.mktemp("root")
    tree.write_folder(folder)
    folder.chmod(0o755)  # pytest makes it for its own user only
    return folder

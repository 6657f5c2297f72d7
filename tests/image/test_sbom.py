"""The bill of materials: SPDX 2.3, read off the image's own files."""

from __future__ import annotations

import re
from typing import Any

import pytest

from image.oci import Archive, Config
from image.sbom import sbom
from image.tree import File, Tree

STATUS = """Package: libstdc++6
Source: gcc-12
Version: 12.2.0-14+deb12u1
Architecture: amd64
Maintainer: Debian GCC Maintainers <maintainers@example.org>
Description: GNU Standard C++ Library v3
 This package contains an additional runtime library.
SHA256: 9b71d224bd62f3785d96d46ad3ea3d73319bfbc2890caadae2dff72519673ca7
"""

METADATA = """Metadata-Version: 2.4
Name: Typing_Extensions.Plus
Version: 1.0
License-Expression: Apache-2.0 OR BSD-3-Clause

License-Expression: not in the text
"""


@pytest.fixture
def document() -> Any:
    tree = Tree(
        {
            "var/lib/dpkg/status.d/libstdc++6": File(STATUS.encode()),
            "usr/local/lib/x-1.0.dist-info/METADATA": File(METADATA.encode()),
        }
    )
    return sbom(tree, Archive("testbed.local/x:1", Config("amd64"), []))


def test_a_debian_package_is_named_as_scanners_know_it(document: Any) -> None:
    [found] = [package for package in document["packages"] if package["name"] == "libstdc++6"]
    assert found["versionInfo"] == "12.2.0-14+deb12u1"
    assert found["supplier"] == "Organization: Debian GCC Maintainers"
    assert found["externalRefs"][0]["referenceLocator"] == (
        "pkg:deb/debian/libstdc%2B%2B6@12.2.0-14%2Bdeb12u1?arch=amd64&distro=bookworm"
    )
    [checksum] = found["checksums"]
    assert checksum["algorithm"] == "SHA256"
    assert re.fullmatch(r"[0-9a-f]{64}", checksum["checksumValue"])


def test_a_wheel_has_its_normal_name_and_the_licence_that_it_declares(document: Any) -> None:
    [found] = [package for package in document["packages"] if package["name"] == "Typing_Extensions.Plus"]
    assert found["externalRefs"][0]["referenceLocator"] == "pkg:pypi/typing-extensions-plus@1.0"
    assert found["licenseDeclared"] == "Apache-2.0 OR BSD-3-Clause"


def test_the_image_contains_every_package(document: Any) -> None:
    assert document["relationships"][0] == {
        "spdxElementId": "SPDXRef-DOCUMENT",
        "relationshipType": "DESCRIBES",
        "relatedSpdxElement": "SPDXRef-image",
    }
    contained = {row["relatedSpdxElement"] for row in document["relationships"][1:]}
    assert contained == {package["SPDXID"] for package in document["packages"]} - {"SPDXRef-image"}


def test_the_document_is_the_same_for_the_same_image() -> None:
    image = Archive("testbed.local/x:1", Config("amd64"), [])
    assert sbom(Tree(), image) == sbom(Tree(), image)
    assert (
        sbom(Tree(), image)["documentNamespace"]
        != sbom(Tree(), Archive("y.z/y:1", Config("arm64"), []))["documentNamespace"]
    )

"""The bill of materials, read off the files of the image itself: SPDX 2.3 as JSON."""

from __future__ import annotations

import re
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from email.parser import Parser
from urllib.parse import quote

from image.contents import SUITE
from image.oci import Archive
from image.tree import File, Tree

_UNKNOWN = "NOASSERTION"


@dataclass(frozen=True)
class Package:
    name: str
    version: str
    purl: str
    licence: str = _UNKNOWN
    """An SPDX expression, where the package declares one."""

    sha256: str = ""
    """Of the file that the distribution serves, where it was seen."""

    supplier: str = _UNKNOWN


def sbom(tree: Tree, image: Archive) -> dict[str, object]:
    """The SPDX document of an image with these files."""
    found = sorted([*debian_packages(tree), *python_packages(tree)], key=lambda package: package.purl)
    subject = _subject(image)
    return {
        "spdxVersion": "SPDX-2.3",
        "dataLicense": "CC0-1.0",
        "SPDXID": "SPDXRef-DOCUMENT",
        "name": image.reference,
        "documentNamespace": uuid.uuid5(uuid.NAMESPACE_OID, image.digest).urn,
        "creationInfo": {
            "created": image.config.created.strftime("%Y-%m-%dT%H:%M:%SZ"),
            "creators": ["Tool: crossover-image"],
        },
        "packages": [subject, *(_document(package) for package in found)],
        "relationships": [
            _relation("SPDXRef-DOCUMENT", "DESCRIBES", str(subject["SPDXID"])),
            *(_relation(str(subject["SPDXID"]), "CONTAINS", _id(package)) for package in found),
        ],
    }


def debian_packages(tree: Tree) -> Iterator[Package]:
    """From `status.d`, as scanners read it."""
    for _, data in _texts(tree, "var/lib/dpkg/status.d/*"):
        fields = Parser().parsestr(data)
        name, version = fields["Package"], fields["Version"]
        purl = f"pkg:deb/debian/{quote(name)}@{quote(version)}?arch={fields['Architecture']}&distro={SUITE}"
        maintainer = re.sub(r"\s*<.*", "", fields["Maintainer"])
        yield Package(name, version, purl, sha256=fields["SHA256"], supplier=f"Organization: {maintainer}")


def python_packages(tree: Tree) -> Iterator[Package]:
    """From each wheel's METADATA. Which of the lock's hashes was its file's is not known afterwards."""
    for _, data in _texts(tree, "*.dist-info/METADATA"):
        fields = Parser().parsestr(data, headersonly=True)
        name, version = fields["Name"], fields["Version"]
        normal = re.sub(r"[-_.]+", "-", name).lower()
        yield Package(
            name, version, f"pkg:pypi/{normal}@{quote(version)}", fields["License-Expression"] or _UNKNOWN
        )


def _texts(tree: Tree, pattern: str) -> Iterator[tuple[str, str]]:
    for path, node in sorted(tree.only(pattern).nodes.items()):
        if isinstance(node, File):
            yield path, node.data.decode()


def _subject(image: Archive) -> dict[str, object]:
    return {
        "SPDXID": "SPDXRef-image",
        "name": image.reference,
        "versionInfo": image.digest,
        "primaryPackagePurpose": "CONTAINER",
        "downloadLocation": _UNKNOWN,
        "filesAnalyzed": False,
        "checksums": [{"algorithm": "SHA256", "checksumValue": image.digest.partition(":")[2]}],
    }


def _document(package: Package) -> dict[str, object]:
    document: dict[str, object] = {
        "SPDXID": _id(package),
        "name": package.name,
        "versionInfo": package.version,
        "supplier": package.supplier,
        "downloadLocation": _UNKNOWN,
        "filesAnalyzed": False,
        "licenseConcluded": _UNKNOWN,
        "licenseDeclared": package.licence,
        "copyrightText": _UNKNOWN,
        "externalRefs": [
            {
                "referenceCategory": "PACKAGE-MANAGER",
                "referenceType": "purl",
                "referenceLocator": package.purl,
            }
        ],
    }
    if package.sha256:
        document["checksums"] = [{"algorithm": "SHA256", "checksumValue": package.sha256}]
    return document


def _id(package: Package) -> str:
    """SPDX allows letters, digits, dots and hyphens."""
    kind = package.purl.removeprefix("pkg:").partition("/")[0]
    return f"SPDXRef-{kind}-{re.sub(r'[^A-Za-z0-9.]+', '-', package.name)}"


def _relation(what: str, kind: str, other: str) -> dict[str, object]:
    return {"spdxElementId": what, "relationshipType": kind, "relatedSpdxElement": other}

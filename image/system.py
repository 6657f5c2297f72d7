"""What installation scripts would have left behind: users, certificates, links."""

from __future__ import annotations

from image.debian import certificates
from image.tree import File, Folder, Link, Node, Tree

USER = 65532
"""By custom the user and group of images without root."""

HOME = "var/lib/crossover"
BUNDLE = "etc/ssl/certs/ca-certificates.crt"


def system(debian: Tree) -> Tree:
    """Made from Debian's files before any of them is left out."""
    nodes: dict[str, Node] = {folder: Link(f"usr/{folder}") for folder in ("bin", "lib", "lib64", "sbin")}
    nodes |= {folder: Folder() for folder in ("dev", "proc", "run", "sys", "usr/sbin", "var")}
    nodes |= {folder: Folder(0o1777) for folder in ("tmp", "var/tmp")}
    nodes |= {
        HOME: Folder(owner=USER),
        BUNDLE: File(certificates(debian)),
        "etc/passwd": File(_passwd().encode()),
        "etc/group": File(f"root:x:0:\ncrossover:x:{USER}:\n".encode()),
        "etc/nsswitch.conf": File(b"passwd: files\ngroup: files\nhosts: files dns\n"),
        "usr/bin/python3": Link("python3.11"),
        "usr/bin/python": Link("python3.11"),
        "usr/lib/ssl/cert.pem": Link(f"/{BUNDLE}"),  # where OpenSSL looks
    }
    return Tree(nodes)


def _passwd() -> str:
    nobody = "/usr/sbin/nologin"
    return f"root:x:0:0:root:/root:{nobody}\ncrossover:x:{USER}:{USER}:Crossover:/{HOME}:{nobody}\n"

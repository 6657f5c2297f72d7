"""The container image, written by this package alone: no container engine, no image registry, no root.

`python -m image --name REFERENCE --output FILE` writes an OCI archive and its SBOM.
"""

"""Reads a database's metadata into JSON lines: the workflow type `ExtractMetadata`.

    python -m examples.metadata_extractor.build_database /tmp/shop.db --tables 3000
    python -m examples.metadata_extractor.worker

Metadata stays in files; workflow payloads (2 MB at most) carry only counts and paths.
"""

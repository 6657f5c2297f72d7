"""What is in the image, and what is left out of what Debian and the wheels bring."""

from __future__ import annotations

SUITE = "bookworm"

PACKAGES = (
    "base-files",  # os-release, licences
    "ca-certificates",
    "gcc-12-base",  # the copyright of its libraries
    "libbz2-1.0",
    "libc-bin",  # its locale C.UTF-8 only
    "libc6",
    "libexpat1",
    "libffi8",
    "libgcc-s1",
    "liblzma5",
    "libpython3.11-minimal",
    "libpython3.11-stdlib",
    "libssl3",
    "libstdc++6",
    "libuuid1",
    "python3.11-minimal",
    "tzdata",
    "zlib1g",
)
"""All of the Debian packages that are in the image: no shell, no package manager, nothing they would need."""

_STDLIB = "usr/lib/python3.11"

SQLITE = (f"{_STDLIB}/sqlite3/*", f"{_STDLIB}/lib-dynload/_sqlite3.*")
"""Nothing in the services needs it; the trial image's sample application does."""

FROM_DEBIAN = (
    "etc/os-release",
    "usr/bin/python3.11",
    f"{_STDLIB}/*",
    "usr/lib/*/*.so*",
    "usr/lib64/*",
    "usr/lib/locale/C.utf8/*",
    "usr/lib/os-release",
    "usr/share/common-licenses/*",
    "usr/share/doc/*/copyright",
    *(
        f"usr/share/doc/{name}" for name in ("libgcc-s1", "libpython3.11-stdlib", "libstdc++6")
    ),  # links to another's
    "usr/share/zoneinfo/*",
    "var/lib/dpkg/status.d/*",  # for scanners
)
"""All of the packages' files that are in the image, but for these:"""

NOT_FROM_DEBIAN = (
    "usr/lib/*/engines-3/*",
    "usr/lib/*/gconv/*",  # Python brings its own encodings
    "usr/share/zoneinfo/posix/*",  # the same again
    "usr/share/zoneinfo/right/*",  # with leap seconds, which nothing here counts
    *SQLITE,
    *(
        f"{_STDLIB}/{part}"
        for part in (
            "curses/*",
            "dbm/*",
            "distutils/*",
            "pydoc_data/*",
            "sitecustomize.py",
            "test/*",
            "turtle.py",
            "lib-dynload/_crypt.*",
            "lib-dynload/_ctypes_test.*",
            "lib-dynload/_curses*",
            "lib-dynload/_dbm.*",
            "lib-dynload/_test*",
            "lib-dynload/_xxtestfuzz.*",
            "lib-dynload/nis.*",
            "lib-dynload/ossaudiodev.*",
            "lib-dynload/readline.*",
            "lib-dynload/xxlimited*",
        )
    ),
)

NOT_FROM_WHEELS = (
    "bin/*",
    "include/*",
    "share/*",
    "*.c",
    "*.cc",
    "*.h",
    "*.pxd",
    "*.pxi",
    "*.pyi",
    "*.pyx",
    "*/tests/*",
    "kubernetes/*_test.py",
    "kubernetes/*/test_*.py",
    "uvloop/_testbase.py",
    # What installed it, when and from where; nothing here can be installed or removed.
    "*.dist-info/RECORD",
    "*.dist-info/INSTALLER",
    "*.dist-info/REQUESTED",
    "*.dist-info/direct_url.json",
    "*.dist-info/uv_*.json",
    ".lock",
)

NOT_COMPILED = (
    "*/kubernetes/*client/api/[!_]*",
    "*/kubernetes/*client/models/[!_]*",
    "*/pygments/lexers/[!_]*",
    "*/pygments/styles/[!_]*",
)
"""2,000 files that are here because their packages are whole, and that our programs do not load."""

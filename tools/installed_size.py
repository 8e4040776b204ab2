"""How large an installation is, in megabytes (10^6 bytes), with and without compiled bytecode.

    python tools/installed_size.py SITE_PACKAGES [--limit MB]

Counts the files below the folder, except pip and setuptools, which belong to the environment. With ``--limit``, fails
where the files without bytecode are larger. Needs nothing but Python.
"""

import argparse
import sys
from collections import Counter
from pathlib import Path

ENVIRONMENT = ("pip", "setuptools", "pkg_resources", "_distutils_hack", "distutils-precedence")
MEGABYTE = 1e6


def sizes(packages: Path) -> tuple[Counter[str], int]:
    """Bytes of each top-level entry without bytecode, and the bytes of all bytecode."""
    parts, bytecode = Counter[str](), 0
    for path in packages.rglob("*"):
        top = path.relative_to(packages).parts[0]
        if top.startswith(ENVIRONMENT) or path.is_symlink() or not path.is_file():
            continue
        if path.suffix == ".pyc":
            bytecode += path.stat().st_size
        else:
            parts[top] += path.stat().st_size
    return parts, bytecode


def main() -> None:
    parser = argparse.ArgumentParser(description="How large an installation is.")
    parser.add_argument("packages", type=Path)
    parser.add_argument("--limit", type=float, help="megabytes without bytecode")
    arguments = parser.parse_args()
    parts, bytecode = sizes(arguments.packages)
    size = parts.total() / MEGABYTE
    limit = "" if arguments.limit is None else f" of at most {arguments.limit:g} MB"
    print(f"{size:.1f} MB{limit} without bytecode, {size + bytecode / MEGABYTE:.1f} MB with the bytecode that is there")
    if arguments.limit is not None and size > arguments.limit:
        largest = ", ".join(f"{name} {bytes_ / MEGABYTE:.1f}" for name, bytes_ in parts.most_common(8))
        sys.exit(f"too large; the largest are {largest}")


if __name__ == "__main__":
    main()

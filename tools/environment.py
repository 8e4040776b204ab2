"""Make a virtual environment with pip, on a machine that may have nothing but Python.

    python3 tools/environment.py FOLDER

Debian ships Python without ensurepip (it is in the package python3-venv). Then the environment is made without pip,
and pip is installed into it by the machine's own pip or, where there is none either, by the installer at $GET_PIP.
"""

import importlib.util
import os
import subprocess
import sys
import tempfile
import urllib.request
import venv
from pathlib import Path

GET_PIP = os.environ.get("GET_PIP", "https://bootstrap.pypa.io/get-pip.py")


def python_of(folder):
    return folder / ("Scripts/python.exe" if os.name == "nt" else "bin/python")


def has(module):
    return importlib.util.find_spec(module) is not None


def add_pip(folder):
    """Give an environment without pip the newest one."""
    if has("pip"):
        command = [sys.executable, "-m", "pip", "--python", str(python_of(folder)), "install", "--quiet", "pip"]
        subprocess.run(command, check=True)
        return
    with tempfile.TemporaryDirectory() as scratch:
        installer = Path(scratch, "get-pip.py")
        urllib.request.urlretrieve(GET_PIP, installer)
        subprocess.run([python_of(folder), installer, "--quiet", "--no-warn-script-location"], check=True)


def main(folder):
    # sys.version_info, not a syntax error, must be the first thing an old Python says
    if sys.version_info < (3, 10):  # noqa: UP036
        sys.exit("ssmphony needs Python 3.10 or newer; choose one with: make PYTHON=python3.12 ...")
    bundled = has("ensurepip")
    venv.create(folder, with_pip=bundled, clear=True, symlinks=os.name != "nt")
    if bundled:
        return
    try:
        add_pip(folder)
    except (OSError, subprocess.CalledProcessError) as error:
        sys.exit(f"cannot install pip into {folder}: {error}; on Debian, 'apt install python3-venv' helps")


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit("usage: python3 tools/environment.py FOLDER")
    main(Path(sys.argv[1]))

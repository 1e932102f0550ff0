"""Puts tests/ on the path, so that integration tests import the test city, and shares its helpers."""

import os
import pathlib
import subprocess
import sys

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).parent))

SOURCE = pathlib.Path(__file__).resolve().parent.parent
BUILD = pathlib.Path(os.environ.get("LOGGIA_BUILD", SOURCE / "build")).resolve()


def pytest_configure(config):
    config.addinivalue_line("markers", "alone: measures, and has the machine to itself in ./check")


@pytest.fixture(scope="module")
def preload(tmp_path_factory):
    """A library that loses the kernel's answers to the gate that it is loaded into (kernel_answers.c)."""
    library = tmp_path_factory.mktemp("kernel") / "kernel_answers.so"
    subprocess.run(["cc", "-shared", "-fPIC", "-o", library, SOURCE / "tests/integration/kernel_answers.c"], check=True)
    for folder in library.parents[:3]:
        folder.chmod(0o755)  # the gate is nobody
    return library

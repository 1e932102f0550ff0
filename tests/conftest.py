"""Puts tests/ on the path, so that integration tests import the test city, and shares its helpers."""

import os
import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).parent))

SOURCE = pathlib.Path(__file__).resolve().parent.parent
BUILD = pathlib.Path(os.environ.get("LOGGIA_BUILD", SOURCE / "build")).resolve()


def pytest_configure(config):
    config.addinivalue_line("markers", "alone: measures, and has the machine to itself in ./check")

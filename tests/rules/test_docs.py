"""What the documents say is what the code has."""

import subprocess

import pytest

from conftest import SOURCE

PAGES = sorted((SOURCE / "docs/man").glob("*.[1-8]"))


def test_every_option_is_in_its_man_page_with_its_range_and_default():
    r = subprocess.run(["/usr/bin/python3", SOURCE / "docs/man/options.py", "--check"],
                       capture_output=True, text=True, check=False)
    assert r.returncode == 0, r.stderr


@pytest.mark.parametrize("page", PAGES, ids=lambda p: p.name)
def test_a_man_page_reads_without_a_warning(page):
    r = subprocess.run(["mandoc", "-Tlint", "-W", "warning", page], capture_output=True, text=True, check=False)
    assert r.returncode == 0, r.stdout


def test_the_units_stay_hardened(tmp_path):
    """systemd's own judgement (0 safe, 10 exposed); the docs promise at most 1.5."""
    for unit in ("loggia-gate", "loggiad", "loggia-board"):
        unit_file = tmp_path / f"{unit}.service"
        unit_file.write_text((SOURCE / f"conf/systemd/{unit}.service").read_text().replace("@sbindir@", "/bin"))
        r = subprocess.run(["systemd-analyze", "security", "--offline=true", "--threshold=15",
                            unit_file], capture_output=True, text=True, check=False)
        assert r.returncode == 0, r.stdout[-400:] + r.stderr

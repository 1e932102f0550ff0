# SPDX-License-Identifier: GPL-2.0-or-later
"""What a benchmark has to say: each figure beside its base, as a table and as JSON."""

import contextlib
import json
import os
import platform
import statistics
import subprocess


def output(*argv):
    """The first line that a program says; None if there is no such program."""
    with contextlib.suppress(OSError, IndexError):
        return subprocess.run(argv, capture_output=True, text=True, check=False).stdout.strip().splitlines()[0]
    return None


class Report:
    def __init__(self):
        self.measures, self.missing = [], []

    def add(self, name, value, unit, base=None, ratio=None, spread=None, must=None, ok=None):
        self.measures.append({"name": name, "value": value, "unit": unit, "base": base, "ratio": ratio,
                              "spread": spread, "must": must, "ok": ok})
        shown = f"{name:<66} {value:>10,.4g} {unit:<10}" if value < 1e4 else f"{name:<66} {value:>10,.0f} {unit:<10}"
        shown += f" base {base:>9,.4g}" if base is not None and base < 1e4 else ""
        shown += f" base {base:>9,.0f}" if base is not None and base >= 1e4 else ""
        shown += f" ratio {ratio:.3f}" if ratio is not None else ""
        shown += f" ±{spread:.0%}" if spread is not None else ""
        print(f"{shown}  {must or ''} {'' if ok is None else 'ok' if ok else 'MISSED'}", flush=True)

    def ratio(self, name, values, bases, unit, least=None, most=None, inverse=False):
        """Medians of values and bases that were taken in turn. inverse: of costs, the ratio is base/value."""
        value, base = statistics.median(values), statistics.median(bases)
        ratio = base / value if inverse else value / base
        quartiles = statistics.quantiles(values, n=4)
        must = f"ratio >= {least}" if least else f"ratio <= {most}" if most else None
        ok = None if not must else ratio >= least if least else ratio <= most
        self.add(name, value, unit, base, round(ratio, 3), round((quartiles[2] - quartiles[0]) / value, 3), must, ok)
        return ratio

    def save(self, path, **versions):
        """versions: of what was measured, beside the kernel's."""
        cpu = next((line.split(":")[1].strip() for line in open("/proc/cpuinfo") if "model name" in line), "?")
        path.write_text(json.dumps({
            "machine": {"cpu": cpu, "cores": os.cpu_count(), "load": os.getloadavg()[0],
                        "memory_mb": os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") >> 20},
            "versions": {"kernel": platform.release(), **versions},
            "measures": self.measures, "missing": self.missing}, indent=1) + "\n")
        print(f"load average {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores; written: {path}")

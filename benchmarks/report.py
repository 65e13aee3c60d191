"""How benchmarks tell their figures: a Markdown table, the machine and the date."""

from __future__ import annotations

import argparse
import datetime
import json
import os
import platform
from collections.abc import Mapping, Sequence


def parser(description: str | None) -> argparse.ArgumentParser:
    """An argument parser with what every benchmark takes: `--json FILE`."""
    arguments = argparse.ArgumentParser(
        description=description,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    arguments.add_argument("--json", metavar="FILE", help="also write the figures here")
    return arguments


def machine() -> str:
    """The machine and the date, to stand beside figures."""
    model = platform.processor() or platform.machine()
    with open("/proc/cpuinfo", encoding="utf-8") as lines:
        for line in lines:
            if line.startswith("model name"):
                model = line.split(":", 1)[1].strip()
                break
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    return (
        f"{os.cpu_count()} x {model}, {memory:.0f} GiB, "
        f"Python {platform.python_version()}, {datetime.date.today()}"
    )


def publish(
    title: str, rows: Sequence[Mapping[str, object]], json_path: str | None
) -> None:
    """Prints rows of figures as a Markdown table; writes them as JSON where asked.

    Args:
      title: What was measured.
      rows: The figures; the first row's keys are the columns.
      json_path: File for the JSON, or None.
    """
    print(f"\n{title} ({machine()})\n")
    columns = list(rows[0])
    print("| " + " | ".join(columns) + " |")
    print("|" + "---|" * len(columns))
    for row in rows:
        print("| " + " | ".join(_shown(row[column]) for column in columns) + " |")
    if json_path:
        document = {"title": title, "machine": machine(), "rows": list(rows)}
        with open(json_path, "w", encoding="utf-8") as file:
            json.dump(document, file, indent=2)
            file.write("\n")


def _shown(value: object) -> str:
    if isinstance(value, float):
        return f"{value:,.4g}" if abs(value) < 1000 else f"{value:,.0f}"
    return f"{value:,}" if isinstance(value, int) else str(value)


def reset_peak_memory() -> None:
    """Begins a new measurement of this process's peak memory (Linux)."""
    with open("/proc/self/clear_refs", "w", encoding="utf-8") as file:
        file.write("5")


def peak_memory() -> int:
    """Peak resident memory of this process since the reset, in bytes (Linux)."""
    with open("/proc/self/status", encoding="utf-8") as lines:
        for line in lines:
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) * 1024
    raise RuntimeError("/proc/self/status has no VmHWM: this needs Linux.")

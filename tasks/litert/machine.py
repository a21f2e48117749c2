"""The processor and the runtime, by which measurements are told apart."""

import platform
from importlib.metadata import version
from pathlib import Path


def cpu_name() -> str:
    """Return what the processor calls itself."""
    information = Path("/proc/cpuinfo")
    if information.exists():
        for line in information.read_text(encoding="utf-8", errors="replace").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()


def runtime_name() -> str:
    """Return the name of the runtime and its version."""
    return f"ai-edge-litert {version('ai-edge-litert')}"

"""Describe the machine and the versions of packages that a benchmark ran with."""

import importlib.metadata
import os
import platform

from aml.compute.device import processor

PACKAGES = ("numpy", "torch", "torchvision", "timm", "pillow", "simplejpeg", "opencv-python-headless", "dvc")


def machine() -> dict:
    """Return CPU model, cores that this process may use, threads of a numerical library, memory in GB, and the load
    in the last minute, which shows whether the machine was busy."""
    cores = len(os.sched_getaffinity(0))
    return {
        "cpu": processor(),
        "cores": cores,
        "threads": int(os.environ.get("OMP_NUM_THREADS", cores)),
        "memory_gb": round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 1e9, 1),
        "load": round(os.getloadavg()[0], 2),
    }


def versions() -> dict[str, str]:
    """Return the versions of Python and of installed PACKAGES."""
    installed = {distribution.name.lower() for distribution in importlib.metadata.distributions()}
    found = {name: importlib.metadata.version(name) for name in PACKAGES if name in installed}
    return {"python": platform.python_version()} | found

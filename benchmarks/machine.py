"""Describe the machine and the versions of packages that a benchmark ran with."""

import datetime
import importlib.metadata
import os
import platform

from aml.compute.device import processor

PACKAGES = ("numpy", "torch", "torchvision", "timm", "pillow", "simplejpeg", "opencv-python-headless", "dvc")


def about() -> dict:
    """Return today's date (UTC), the machine and the versions of Python and of installed PACKAGES.

    The machine: CPU model, cores that this process may use, threads of a numerical library, memory in GB, and the load
    in the last minute, which shows whether it was busy.
    """
    cores = len(os.sched_getaffinity(0))
    machine = {
        "cpu": processor(),
        "cores": cores,
        "threads": int(os.environ.get("OMP_NUM_THREADS", cores)),
        "memory_gb": round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 1e9, 1),
        "load": round(os.getloadavg()[0], 2),
    }
    installed = {distribution.name.lower(): distribution.version for distribution in importlib.metadata.distributions()}
    versions = {"python": platform.python_version()} | {name: installed[name] for name in PACKAGES if name in installed}
    return {"date": datetime.datetime.now(datetime.UTC).date().isoformat(), "machine": machine, "versions": versions}

"""This machine, as it calls itself."""

import platform


def processor() -> str:
    """The processor's model; its architecture where the system has no name for it."""
    with open("/proc/cpuinfo", encoding="utf-8") as file:
        names = (line.partition(":")[2].strip() for line in file if line.startswith("model name"))
        return next(names, platform.machine())  # ARM has no such line

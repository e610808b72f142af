"""Write the results in reports/benchmarks.json as a Markdown table."""

WAYS = ("ours", "plain", "public")


def markdown(entries: dict[str, dict]) -> str:
    """A line for each comparison: seconds of each way, how many times as fast ours is, also by the processors' time,
    goals reached; then the machines and dates."""
    lines = [
        "| what | ours, s | plain, s | public, s | times | of CPU time | reached |",
        "|---|---|---|---|---|---|---|",
    ]
    for name, entry in entries.items():
        if "skipped" in entry:
            lines.append(f"| {name} | | | | | | skipped: {entry['skipped']} |")
        lines += [case_line(name, case) for case in entry.get("cases", [])]
        lines += [curve_line(curve) for curve in entry.get("curves", [])]
    return "\n".join([*lines, "", *sorted({machine_line(entry) for entry in entries.values()})])


def case_line(name: str, case: dict) -> str:
    seconds = " | ".join(f"{case['seconds'][way]:.3g}" if way in case["seconds"] else "" for way in WAYS)
    reached = "; ".join(sentence if yes else f"not {sentence}" for sentence, yes in case["reached"].items())
    what = f"{name.replace('_', ' ')}: {case['what']}" + (f", {case['device']}" if case["device"] else "")
    return f"| {what} | {seconds} | {times(case['seconds'])} | {times(case['cpu_seconds'])} | {reached} |"


def times(seconds: dict[str, float]) -> str:
    """How many times as fast ours is as the public way, or where there is none as the plain one."""
    other = seconds.get("public", seconds.get("plain"))
    return "" if other is None else f"{other / seconds['ours']:.1f}"


def curve_line(curve: dict) -> str:
    slopes = ", ".join(f"{name} {slope:.2f}" for name, slope in curve["exponents"].items() if slope is not None)
    sizes = f"{curve['sizes'][0]:,} to {curve['sizes'][-1]:,} {curve['unit']}"
    return f"| growth: {curve['what']}, {sizes} | | | | | | slopes: {slopes} |"


def machine_line(entry: dict) -> str:
    machine = entry["machine"]
    quick = ", tiny sizes" if entry["quick"] else ""
    return f"{entry['date']}, {machine['cpu']}, {machine['cores']} cores, threads: {machine['threads']}{quick}."

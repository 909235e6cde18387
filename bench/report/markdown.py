"""The numbers of a run as Markdown, for docs/benchmarks.md."""

from nvc.bench.compare import METRICS, metrics_of
from nvc.bench.lines import LINES, line_by_id
from nvc.bench.report.words import (
    METHOD,
    claims,
    conditions,
    marks,
    mean_of,
    pairs_of,
    percent,
    sequences_of,
    speeds,
)
from nvc.bench.run import rerun_words


def markdown(results: dict) -> str:
    """All of a run's numbers, with how to measure them again."""
    profile, where = results["profile"], f"measured {results['date']} on {results['machine']}"
    about = f"a run of the profile `{profile['name']}` ({profile['title']}): {conditions(results)}; {where}"
    parts = ["# Benchmarks", f"`nvc bench report` wrote this page from {about}. Run it again:"]
    parts += [f"```\n{_again(results)}\nnvc bench report DIR\n```"]
    warnings = [*results["warnings"], *(f"failed: {line}" for line in results["failed"])]
    parts += ["\n".join(f"* {line}" for line in warnings)] if warnings else []
    claimed = [f"* **{number}** {says} ({behind})" for number, says, behind in claims(results)]
    parts += ["## In short", "\n".join(claimed)] if claimed else []
    note = "Bits more (+) or fewer (−) at equal quality; a number with * is weak, for the reason below its table."
    parts += ["## BD-rates", note]
    for pair in pairs_of(results):
        parts += [f"### {line_by_id(pair[0]).name} against {line_by_id(pair[1]).name}", _table(results, pair)]
        parts += _reasons(results, pair)
    parts += ["## Speed", "One thread each, the start of each process included, other jobs beside.", _speed(results)]
    parts += ["## How it was measured", METHOD]
    parts += [", ".join(f"{name} {version}" for name, version in results["versions"].items())]
    parts += ["## Command lines", _commands(results)]
    return "\n\n".join(parts) + "\n"


def _again(results: dict) -> str:
    return rerun_words(results, "*").removesuffix(" --only '*'")


def _table(results: dict, pair: tuple[str, str]) -> str:
    metrics = metrics_of(results["points"])
    lines = [_row(["sequence", *(METRICS[m] for m in metrics)]), _row(["---"] + ["---:"] * len(metrics))]
    for name in sequences_of(results):
        cells = {c["metric"]: c for c in _of(results, pair) if c["sequence"] == name}
        if cells:
            lines.append(_row([name, *(_cell(cells[m]) for m in metrics)]))
    means = [mean_of(results, *pair, metric) for metric in metrics]
    if any(m and m["sequences"] > 1 for m in means):
        lines.append(_row(["**mean, natural**", *(f"**{percent(m['percent'])}**" for m in means if m)]))
    return "\n".join(lines)


def _of(results: dict, pair: tuple[str, str]) -> list[dict]:
    return [c for c in results["comparisons"] if (c["test"], c["anchor"]) == pair]


def _cell(one: dict) -> str:
    return percent(one["percent"]) + (" *" if marks(one) else "")


def _reasons(results: dict, pair: tuple[str, str]) -> list[str]:
    weak = [c for c in _of(results, pair) if marks(c)]
    lines = [f"* {c['sequence']}, {METRICS[c['metric']]}: {'; '.join(marks(c))}" for c in weak]
    return ["\n".join(lines)] if lines else []


def _row(cells: list[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _speed(results: dict) -> str:
    lines = [_row(["line", "picture", "encode, fps", "decode, fps"]), _row(["---", "---", "---:", "---:"])]
    for s in speeds(results):
        lines.append(_row([line_by_id(s["line"]).name, s["size"], f"{s['encode']:.2f}", f"{s['decode']:.1f}"]))
    return "\n".join(lines)


def _commands(results: dict) -> str:
    parts = []
    for line in LINES:
        mine = [p for p in results["points"] if p["line"] == line.id]
        if mine:
            parts.append(f"{line.name}:\n\n```\n{mine[0]['command']}\n```")
    return "\n\n".join(parts)

"""The page of a run: one HTML file with everything in it."""

import json
from html import escape

from nvc.bench.compare import METRICS, metrics_of
from nvc.bench.report.crops import crop_figure
from nvc.bench.report.figures import difference_figures, frame_figures, rd_figures
from nvc.bench.report.style import SCRIPT, STYLE, colour_style
from nvc.bench.report.tables import command_list, matrix, point_table, source_table, speed_table
from nvc.bench.report.words import METHOD, claims, conditions, sequences_of
from nvc.bench.run import rerun_words


def page(results: dict, frames: dict[str, dict]) -> str:
    """The whole page.

    results   what results.json holds
    frames    by_frame, pictures and crop of each job by its id, as load_run gives them
    """
    title = f"nvc bench: {results['profile']['title']}"
    body = [_head(results, title), _warnings(results), _claims(results), _pick(results), _numbers(results)]
    body += [_curves(results, frames), _speed(results), _ground(results), _data(results)]
    return (
        f'<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        f'<meta name="viewport" content="width=device-width, initial-scale=1">\n<title>{escape(title)}</title>\n'
        f"<style>{STYLE}{colour_style()}</style>\n"
        f"<noscript><style>.by-metric {{ display: block; }} .pick {{ display: none; }}</style></noscript>\n</head>\n"
        f'<body data-metric="psnr_611">\n{chr(10).join(body)}\n<script>{SCRIPT}</script>\n</body>\n</html>\n'
    )


def _head(results: dict, title: str) -> str:
    count = len(sequences_of(results))
    clips = "1 sequence" if count == 1 else f"{count} sequences"
    words = f"{clips}, {conditions(results)}; measured {results['date']} on {results['machine']}"
    return f'<h1>{escape(title)}</h1><p class="soft">{escape(words)}</p>'


def _warnings(results: dict) -> str:
    lines = list(results["warnings"])
    missing = results["planned"] - len(results["points"])
    if missing:
        lines.append(f"{missing} of {results['planned']} points are not measured yet; go on with --resume")
    lines += [f"failed: {line}" for line in results["failed"]]
    if not lines:
        return ""
    return f'<div class="warnings">{"".join(f"<p>{escape(line)}</p>" for line in lines)}</div>'


def _claims(results: dict) -> str:
    cards = "".join(
        f'<div class="claim"><b>{number}</b><span>{escape(says)}</span><small>{escape(behind)}</small></div>'
        for number, says, behind in claims(results)
    )
    note = "BD-rate: bits more (+) or fewer (−) at equal quality. Each number stands for these sequences only."
    return f'<div class="claims">{cards}</div><p class="soft">{note}</p>'


def _pick(results: dict) -> str:
    buttons = "".join(
        f'<button data-metric="{metric}" aria-pressed="{"true" if metric == "psnr_611" else "false"}">'
        f"{METRICS[metric]}</button>"
        for metric in metrics_of(results["points"])
    )
    return f'<div class="pick">Quality by {buttons}</div>'


def _numbers(results: dict) -> str:
    note = (
        "Under each number the share of the shorter quality range that both curves cover. A number on yellow is weak, "
        "for the reason under it; a dash means that there is none. Screen content is in no mean."
    )
    tables = "".join(matrix(results, metric) for metric in metrics_of(results["points"]))
    return f"<h2>BD-rates</h2><p class='soft'>{note}</p>{tables}"


def _curves(results: dict, frames: dict[str, dict]) -> str:
    difference = difference_figures(results)
    parts = [f"<h2>Rate difference over quality</h2>{difference}"] if difference else []
    parts.append("<h2>Sequences</h2><p class='soft'>Click a point for its command line.</p>")
    for name in sequences_of(results):
        shown = f"{crop_figure(results, frames, name)}{frame_figures(results, frames, name)}"
        parts.append(f"<h3>{escape(name)}</h3>{rd_figures(results, name)}{shown}")
    return "".join(parts)


def _speed(results: dict) -> str:
    note = (
        "All frames of a line's points over all seconds, the start of each process included, one thread each, with "
        "other jobs beside: an order of size. nvc bench speed measures ours with care."
    )
    return f"<h2>Speed</h2><p class='soft'>{note}</p>{speed_table(results)}"


def _ground(results: dict) -> str:
    versions = ", ".join(f"{name} {version}" for name, version in results["versions"].items())
    return (
        f"<h2>How it was measured</h2><p>{escape(METHOD)}</p><p>{escape(versions)}; {escape(results['machine'])}</p>"
        f"<h2>Sources</h2>{source_table(results)}"
        f"<h2>Command lines</h2><p class='soft'>The first setting of each line; SOURCE and OUT stand for the files, "
        f"FOLDER for the folder of the sequences.</p>{command_list(results)}"
        f"<h2>Points</h2><details><summary>All {len(results['points'])} points</summary>{point_table(results)}"
        "</details>"
    )


def _data(results: dict) -> str:
    """What the script shows of a point, and the place it shows it in."""
    points = {}
    for p in results["points"]:
        q = p["quality"]
        known = [metric for metric in METRICS if q.get(metric) is not None]
        qualities = ", ".join(f"{METRICS[metric]} {q[metric]:.3f}" for metric in known)
        says = f"{p['bytes']:,} bytes, {p['kbps']:.1f} kbit/s, {qualities}"
        says += f"; coded file {p['sha256'][:16]}, decoded planes {p['decoded_sha256'][:16]}"
        points[p["id"]] = {"says": says, "command": p["command"], "rerun": rerun_words(results, p["id"])}
    # a "</script" in it would end the element whatever stands around it
    data = json.dumps({"points": points}, ensure_ascii=False).replace("<", "\\u003c")
    return f'<div id="point" hidden></div><script type="application/json" id="data">{data}</script>'

"""The tables of the page, as HTML."""

from html import escape

from nvc.bench.compare import METRICS, metrics_of
from nvc.bench.lines import LINES, line_by_id
from nvc.bench.report.words import marks, mean_of, pairs_of, percent, sequences_of, speeds
from nvc.bench.run import rerun_words


def matrix(results: dict, metric: str) -> str:
    """BD-rates by one metric: sequences down, comparisons across, grouped by the line that is tested."""
    pairs = pairs_of(results)
    ours = [p for p in pairs if line_by_id(p[0]).is_ours]
    beside = [p for p in pairs if p not in ours]
    parts = [_matrix(results, metric, ours)]
    if beside:
        parts.append('<p class="soft">Beside, other coders against x265 veryslow:</p>')
        parts.append(_matrix(results, metric, beside))
    return f'<div class="by-metric {metric}">{"".join(parts)}</div>'


def _matrix(results: dict, metric: str, pairs: list[tuple[str, str]]) -> str:
    pairs = sorted(pairs, key=lambda p: [line.id for line in LINES].index(p[0]))
    found = {(c["sequence"], c["test"], c["anchor"]): c for c in results["comparisons"] if c["metric"] == metric}
    tests: dict[str, int] = {}
    for test, _ in pairs:
        tests[test] = tests.get(test, 0) + 1
    top = "".join(f'<th class="group" colspan="{n}">{escape(line_by_id(test).name)}</th>' for test, n in tests.items())
    second = "".join(f'<th class="head"><small>against</small>{escape(line_by_id(a).name)}</th>' for _, a in pairs)
    rows = []
    for name in sequences_of(results):
        cells = "".join(_cell(found.get((name, *pair))) for pair in pairs)
        rows.append(f"<tr><td>{escape(name)}</td>{cells}</tr>")
    means = [mean_of(results, *pair, metric) for pair in pairs]
    if any(m and m["sequences"] > 1 for m in means):
        cells = "".join(f"<td>{percent(m['percent'] if m else None)}</td>" for m in means)
        rows.append(f'<tr class="mean"><td>mean, natural</td>{cells}</tr>')
    head = f'<thead><tr><th rowspan="2">{METRICS[metric]}</th>{top}</tr><tr>{second}</tr></thead>'
    return f'<div class="wide"><table>{head}<tbody>{"".join(rows)}</tbody></table></div>'


def _cell(one: dict | None) -> str:
    if one is None:
        return "<td></td>"
    found = marks(one)
    style = "" if one["percent"] is None else "good" if one["percent"] < 0 else "bad"
    style += " marked" if found else ""
    akima = "" if one["akima"] is None else f"; by Akima's curve {percent(one['akima'])}"
    title = (
        f"overlap {one['overlap']:.0%}, from {one['low']:.2f} to {one['high']:.2f}; {one['test_points']} points "
        f"against {one['anchor_points']}{akima}"
    )
    small = "; ".join(found) if found else f"overlap {one['overlap']:.0%}"
    number = f"{percent(one['percent'])}<small>{escape(small)}</small>"
    return f'<td class="{style.strip()}" title="{escape(title)}">{number}</td>'


def speed_table(results: dict) -> str:
    """Frames a second of each line."""
    rows = "".join(
        f"<tr><td>{escape(line_by_id(s['line']).name)}</td><td>{s['size']}</td><td>{s['encode']:.2f}</td>"
        f"<td>{s['decode']:.1f}</td></tr>"
        for s in speeds(results)
    )
    head = "<tr><th>line</th><th>picture</th><th>encode, fps</th><th>decode, fps</th></tr>"
    return f'<div class="wide"><table><thead>{head}</thead><tbody>{rows}</tbody></table></div>'


def command_list(results: dict) -> str:
    """One full command line for each line, at its first setting, and how to measure it again."""
    parts = []
    for line in LINES:
        mine = [p for p in results["points"] if p["line"] == line.id]
        if mine:
            role = f" ({line.role})" if line.role else ""
            again = rerun_words(results, f"*/{line.id}/*")
            parts.append(f"<h3>{escape(line.name)}{role}</h3><pre>{escape(mine[0]['command'])}</pre>")
            parts.append(f"<small>again:</small><pre>{escape(again)}</pre>")
    raw = [s for s in results["sequences"] if s.get("raw_command")]
    if raw:
        parts.append("<h3>Sources of bare planes</h3><p>Given a head first; no sample changes.</p>")
        parts += [f"<pre>{escape(s['raw_command'])}</pre>" for s in raw]
    return "".join(parts)


def source_table(results: dict) -> str:
    """Every sequence of the profile: file, size, content hash, and what is wrong with those left out."""
    rows = []
    for s in results["sequences"]:
        p = s["picture"] or {}
        size = f"{p['width']}x{p['height']}, {p['bit_depth']} bit, {p['frame_rate']} fps" if p else ""
        words = s["problem"] or s["note"]
        rows.append(
            f"<tr><td>{escape(s['name'])}</td><td class='words'>{escape(s['file'] or 'missing')}</td>"
            f"<td class='words'>{size}</td><td class='words'><code>{(s['sha256'] or '')[:16]}</code></td>"
            f"<td class='words'>{escape(words)}</td></tr>"
        )
    names = "".join(f'<th class="words">{name}</th>' for name in ("file", "pictures", "SHA-256", ""))
    head = f"<tr><th>sequence</th>{names}</tr>"
    return f'<div class="wide"><table><thead>{head}</thead><tbody>{"".join(rows)}</tbody></table></div>'


def point_table(results: dict) -> str:
    """Every measured point with its numbers; points of x265 at our bytes last."""
    rows, metrics = [], metrics_of(results["points"])
    for p in (*results["points"], *results.get("matched", ())):
        cells = [f"{p['bytes']:,}", f"{p['kbps']:.1f}", *(_value(p["quality"].get(m)) for m in metrics)]
        cells += [f"{p['encode_seconds']:.1f}", f"{p['decode_seconds']:.1f}", f"<code>{p['sha256'][:12]}</code>"]
        values = "".join(f"<td>{cell}</td>" for cell in cells)
        rows.append(f"<tr><td>{escape(p['id'])}</td>{values}</tr>")
    names = ["point", "bytes", "kbit/s", *(METRICS[m] for m in metrics), "encode s", "decode s", "coded file"]
    head = "".join(f"<th>{name}</th>" for name in names)
    return f'<div class="wide"><table><thead><tr>{head}</tr></thead><tbody>{"".join(rows)}</tbody></table></div>'


def _value(quality: float | None) -> str:
    return "–" if quality is None else f"{quality:.3f}"

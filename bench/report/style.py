"""Look and behaviour of the page: kept as text, since the page holds everything it needs."""

STYLE = """
:root { --ink: #1c2128; --soft: #5b6570; --rule: #d9dee4; --paper: #fff; --tint: #f5f7f9; --good: #1a7f37;
  --bad: #b3261e; --warn: #9a6700; }
* { box-sizing: border-box; }
body { margin: 0 auto; max-width: 1220px; padding: 28px 24px 120px; background: var(--paper); color: var(--ink);
  font: 15px/1.5 system-ui, -apple-system, "Segoe UI", "DejaVu Sans", sans-serif; }
h1 { font-size: 26px; margin: 0 0 4px; } h2 { font-size: 20px; margin: 44px 0 8px; }
h3 { font-size: 16px; margin: 28px 0 6px; }
p { margin: 6px 0; max-width: 90ch; } .soft, small { color: var(--soft); }
.claims { display: grid; grid-template-columns: repeat(auto-fit, minmax(260px, 1fr)); gap: 14px; margin: 20px 0; }
.claim { border: 1px solid var(--rule); border-radius: 8px; padding: 12px 16px; }
.claim b { display: block; font-size: 28px; line-height: 1.2; font-variant-numeric: tabular-nums; }
.claim span { display: block; font-weight: 600; } .claim small { display: block; }
.warnings { border-left: 4px solid var(--warn); background: #fff8e5; padding: 8px 14px; margin: 16px 0; }
.wide { overflow-x: auto; }
table { border-collapse: collapse; font-size: 14px; font-variant-numeric: tabular-nums; }
th, td { padding: 5px 10px; border-bottom: 1px solid var(--rule); text-align: right; vertical-align: top; }
th { font-weight: 600; background: var(--tint); } th:first-child, td:first-child { text-align: left; }
td.words, th.words { text-align: left; } tr.mean td { font-weight: 700; border-top: 2px solid var(--ink); }
td small { display: block; font-size: 12px; white-space: nowrap; }
td.good { color: var(--good); } td.bad { color: var(--bad); }
td.marked { background: #fff1c9; } td.marked small { color: var(--warn); white-space: normal; }
thead tr:nth-child(2) th { text-align: right; }
th.group { text-align: center; border-left: 1px solid var(--rule); }
th.head small { display: block; font-weight: 400; color: var(--soft); }
.pick { position: sticky; top: 0; background: var(--paper); padding: 8px 0; border-bottom: 1px solid var(--rule);
  margin-top: 28px; z-index: 2; }
.pick button { font: inherit; padding: 4px 12px; margin-right: 4px; border: 1px solid var(--rule); border-radius: 6px;
  background: var(--paper); cursor: pointer; color: inherit; }
.pick button[aria-pressed=true] { background: var(--ink); color: #fff; border-color: var(--ink); }
.by-metric { display: none; }
body[data-metric=psnr_611] .psnr_611, body[data-metric=psnr_y] .psnr_y, body[data-metric=vmaf] .vmaf,
body[data-metric=vmaf_neg] .vmaf_neg, body[data-metric=ms_ssim_db] .ms_ssim_db,
body[data-metric=xpsnr] .xpsnr { display: block; }
.charts { display: grid; grid-template-columns: repeat(auto-fit, minmax(440px, 1fr)); gap: 12px 24px; }
figure { margin: 8px 0; } figcaption { font-weight: 600; font-size: 14px; }
.crops { display: grid; grid-template-columns: repeat(3, 1fr); gap: 8px; margin-top: 4px; }
.crops img { width: 100%; height: auto; display: block; user-select: none; -webkit-user-drag: none; }
.crops small { display: block; line-height: 1.35; margin-top: 3px; }
@media (max-width: 640px) { .crops { grid-template-columns: 1fr; } }
svg { width: 100%; height: auto; display: block; }
svg text { font: 12px system-ui, "DejaVu Sans", sans-serif; fill: var(--soft); } svg text.axis { fill: var(--ink); }
svg text.cut { font-size: 10.5px; fill: var(--ink); }
svg .grid { stroke: var(--rule); stroke-width: 1; } svg .zero { stroke: var(--ink); stroke-width: 1.2; }
svg path { fill: none; stroke-width: 1.6; } svg .strong path { stroke-width: 3; }
svg .dashed path { stroke-dasharray: 6 4; }
svg circle { stroke: #fff; stroke-width: 1; } svg circle[data-job]:not([data-job=""]) { cursor: pointer; }
.key { display: flex; flex-wrap: wrap; gap: 4px 18px; font-size: 13px; margin: 2px 0 4px; }
.key i { display: inline-block; width: 22px; height: 0; border-top: 3px solid;
  vertical-align: middle; margin-right: 6px; }
.key i.dashed { border-top-style: dashed; } .key i.block { height: 11px; border: 0; width: 14px; }
pre, code { font: 12.5px/1.45 ui-monospace, "DejaVu Sans Mono", monospace; }
pre { background: var(--tint); padding: 8px 12px; border-radius: 6px; white-space: pre-wrap; overflow-wrap: anywhere;
  margin: 4px 0 10px; }
details { margin: 10px 0; } summary { cursor: pointer; font-weight: 600; }
#point { position: fixed; left: 0; right: 0; bottom: 0; background: var(--paper); border-top: 2px solid var(--ink);
  padding: 10px 24px 14px; max-height: 45vh; overflow: auto; z-index: 3; }
#point[hidden] { display: none; } #point button { float: right; }
@media print { .pick, #point, .hold { display: none; } }
"""

# Class of a line in charts -> colour. Ours are saturated; of the others x265's are warm.
COLOURS = {
    "nvc-ra": "#0b5fd8", "nvc-ld": "#0b5fd8", "layered-medium": "#7a3fc4", "layered-veryslow": "#3a1d78",
    "x265-medium": "#e08a1e", "x265-veryslow": "#c8321e", "x265-veryslow-ld": "#c8321e", "x265-plain": "#8d6e4a",
    "x265-veryslow-open": "#e58a7d", "svt-av1-6": "#2f9e44", "vvenc-faster": "#5b6570",
}  # fmt: skip
PARTS = {"base": "#8c96a1", "motion": "#e08a1e", "latents": "#0b5fd8", "hyper": "#7a3fc4", "side": "#2aa198"}
# For charts of one curve a sequence.
SEQUENCE_COLOURS = ("#0b5fd8", "#c8321e", "#2f9e44", "#7a3fc4", "#e08a1e", "#0e8c8c", "#b5338a", "#8d6e4a", "#5b6570",
                    "#6b8e00")  # fmt: skip


def colour_style() -> str:
    """CSS for the classes that charts use."""
    rules = [_rule(f"l-{name}", colour) for name, colour in COLOURS.items()]
    rules += [_rule(f"p-{name}", colour) for name, colour in PARTS.items()]
    rules += [_rule(f"s-{k}", colour) for k, colour in enumerate(SEQUENCE_COLOURS)]
    return "\n".join(rules)


def _rule(name: str, colour: str) -> str:
    return (
        f"g.{name} path {{ stroke: {colour}; }} g.{name} circle, rect.{name} {{ fill: {colour}; }} "
        f"i.{name} {{ border-color: {colour}; }} i.block.{name} {{ background: {colour}; }}"
    )


SCRIPT = """
const run = JSON.parse(document.getElementById('data').textContent);
const panel = document.getElementById('point');
const put = (tag, text, parent) => { const e = document.createElement(tag); e.textContent = text; parent.append(e);
  return e; };
document.querySelectorAll('.pick button').forEach(button => button.addEventListener('click', () => {
  document.body.dataset.metric = button.dataset.metric;
  document.querySelectorAll('.pick button').forEach(b => b.setAttribute('aria-pressed', b === button));
}));
document.querySelectorAll('circle[data-job]').forEach(dot => dot.addEventListener('click', () => {
  const point = run.points[dot.dataset.job];
  if (!point) return;
  panel.replaceChildren();
  put('button', 'close', panel).addEventListener('click', () => { panel.hidden = true; });
  put('b', dot.dataset.job, panel);
  put('p', point.says, panel);
  put('pre', point.command, panel);
  put('pre', point.rerun, panel);
  panel.hidden = false;
}));
document.querySelectorAll('.crops').forEach(row => {
  const pictures = row.querySelectorAll('img');
  pictures.forEach(picture => {
    const own = picture.src;
    picture.draggable = false;
    picture.addEventListener('pointerdown', () => { picture.src = pictures[0].src; });
    for (const end of ['pointerup', 'pointerleave', 'pointercancel'])
      picture.addEventListener(end, () => { picture.src = own; });
  });
});
"""

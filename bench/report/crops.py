"""Parts of a frame side by side: source, ours, x265 at about our bytes."""

from html import escape

from nvc.bench.lines import line_by_id


def crop_figure(results: dict, frames: dict[str, dict], sequence: str) -> str:
    """The pictures of one sequence with what each took; "" where the run kept none.

    frames   by_frame, pictures and crop of each job by its id, as load_run gives them
    """
    theirs = matched_point(results, sequence)
    ours = point_by_id(results, theirs["ours"]) if theirs else None
    if theirs is None or ours is None:
        return ""
    mine, other = ((frames.get(one["id"]) or {}).get("crop") for one in (ours, theirs))
    if not mine or not other:
        return ""
    labels = [f"source, frame {mine['frame']}"]
    labels += [_label(one, ours["bytes"], frames, mine["frame"]) for one in (ours, theirs)]
    pictures = [mine["source"], mine["coded"], other["coded"]]
    columns = "".join(
        f'<div><img src="data:image/png;base64,{data}" width="{mine["width"]}" height="{mine["height"]}" '
        f'alt="{escape(label)}"><small>{escape(label)}</small></div>'
        for data, label in zip(pictures, labels, strict=True)
    )
    where = f"{mine['width']}x{mine['height']} at {mine['left']}, {mine['top']}"
    title = f"Side by side at about equal bytes: the busiest {where}"
    note = "Press a picture and hold it to see the source in its place."
    return (
        f'<figure><figcaption>{escape(title)}</figcaption><small class="hold">{note}</small>'
        f'<div class="crops">{columns}</div></figure>'
    )


def matched_point(results: dict, sequence: str) -> dict | None:
    """x265's point at our bytes on a sequence, with the id of ours, or None."""
    return next((one for one in results.get("matched", ()) if one["sequence"] == sequence), None)


def point_by_id(results: dict, name: str) -> dict | None:
    """A point of the curves, or None."""
    return next((one for one in results["points"] if one["id"] == name), None)


def setting_word(family: str) -> str:
    """What the setting of a coder is called."""
    return {"nvc": "quality", "vvenc": "QP"}.get(family, "CRF")


def _label(point: dict, ours: int, frames: dict[str, dict], index: int) -> str:
    line = line_by_id(point["line"])
    size = f"{point['bytes']:,} bytes"
    size += "" if point["bytes"] == ours else f" ({point['bytes'] / ours - 1:+.1%})".replace("-", "−")
    words = f"{line.name}, {setting_word(line.family)} {point['setting']}: {size}, "
    words += f"PSNR 6:1:1 {point['quality']['psnr_611']:.2f} dB"
    by_frame = ((frames.get(point["id"]) or {}).get("by_frame") or {}).get("psnr_611") or ()
    return words + (f", this frame {by_frame[index]:.2f} dB" if index < len(by_frame) else "")

"""The page: everything in one file, nothing from elsewhere."""

import json
import re
import shutil
import subprocess
from html.parser import HTMLParser
from pathlib import Path

import pytest

from nvc.bench.report import write_page

VOID = {"meta", "br", "link", "img", "circle", "line", "path", "rect"}


class Elements(HTMLParser):
    """Checks that what is opened is closed, and collects attributes that load something."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.loads: list[str] = []

    def handle_starttag(self, tag, attrs) -> None:
        self.loads += [value for name, value in attrs if name in ("src", "href", "xlink:href")]
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag) -> None:
        if tag not in VOID:
            assert self.open.pop() == tag


@pytest.fixture
def text(folder: Path) -> str:
    return write_page(folder).read_text()


def test_the_page_is_whole_and_loads_nothing(text: str, tmp_path: Path) -> None:
    elements = Elements()
    elements.feed(text)
    assert elements.open == [] and len(elements.loads) == 9  # three pictures for each sequence
    assert all(value.startswith("data:image/png;base64,") for value in elements.loads)
    assert not re.search(r"https?:|//cdn|url\(|@import|fetch\(", text)
    assert str(tmp_path) not in text and "/tmp/" not in text and "/home/" not in text


def test_names_of_clips_are_text(text: str) -> None:
    assert "a<b>" not in text and "a&lt;b&gt;&amp;c" in text


def test_numbers_and_their_grounds(text: str, results: dict) -> None:
    assert "nvc neural against x265 veryslow" in text and "mean of 2 natural sequences" in text
    assert "apart: screen_text +" in text
    for word in ("-x265-params", ", ffmpeg ", "--only", "SHA-256", "VMAF-NEG"):
        assert word in text
    assert all(f">{point['id'].replace('&', '&amp;').replace('<', '&lt;').replace('>', '&gt;')}<" in text
               for point in results["points"])  # fmt: skip


def test_data_of_every_point(text: str, results: dict) -> None:
    data = json.loads(re.search(r'id="data">(.*?)</script>', text, re.S)[1])
    assert data["points"].keys() == {point["id"] for point in results["points"]}
    assert data["points"]["walk/nvc-ra/36"]["rerun"].endswith("--only 'walk/nvc-ra/36'")


def test_warnings_and_missing_points_are_told(folder: Path, results: dict) -> None:
    results |= {
        "warnings": ["clip <x> is left out"],
        "failed": ["a/b/1: broken"],
        "planned": len(results["points"]) + 1,
    }
    (folder / "results.json").write_text(json.dumps(results))
    text = write_page(folder).read_text()
    assert "clip &lt;x&gt; is left out" in text and "failed: a/b/1: broken" in text
    assert f"1 of {results['planned']} points are not measured yet" in text


@pytest.mark.skipif(not shutil.which("chromium"), reason="no chromium here")
def test_a_browser_runs_it(folder: Path, tmp_path: Path) -> None:
    """The script switches the metric: the page, with a click added, is drawn and read back."""
    page = write_page(folder)
    click = "<script>document.querySelector('[data-metric=vmaf]').click();" \
            "document.querySelector('circle[data-job]').dispatchEvent(new Event('click'));</script></body>"  # fmt: skip
    page.write_text(page.read_text().replace("</body>", click))
    flags = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--dump-dom"]
    command = ["chromium", *flags, f"--user-data-dir={tmp_path / 'profile'}", page.as_uri()]
    drawn = subprocess.run(command, capture_output=True, text=True, timeout=120).stdout
    assert '<body data-metric="vmaf">' in drawn
    assert re.search(r'<div id="point"><button>close</button><b>[^<]+</b><p>[\d,]+ bytes', drawn)

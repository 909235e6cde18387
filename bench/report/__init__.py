"""What a benchmark's folder holds as one page to look at, and as Markdown."""

from nvc.bench.report.build import load_run, write_markdown, write_page

__all__ = ["load_run", "write_markdown", "write_page"]

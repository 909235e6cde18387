"""What a command says: JSON lines, a live line on a terminal, or a line every ten seconds."""

import argparse
import json
import sys
import time
from typing import TYPE_CHECKING, Any, TextIO

from nvc.progress import describe, eta_seconds, fps

if TYPE_CHECKING:
    from nvc.types import Event

LINE_EVERY = 10.0  # seconds between lines where stderr is no terminal
JSON_EVERY = 0.5
LIVE_EVERY = 0.1


class Output:
    """Everything a command prints goes through here.

    Without --json results go to stdout as text, everything else to stderr. With it one object a line goes to stdout
    (to stderr where stdout holds the video), last exactly one of type "done" or "error".
    """

    def __init__(self, *, as_json: bool = False, quiet: bool = False, debug: bool = False) -> None:
        self.json, self.quiet, self.debug = as_json, quiet, debug
        self.data_on_stdout = False
        self.names: dict[str, str] = {}
        self._ended = False
        self._last_time = time.monotonic()
        self._live: Any = None

    @classmethod
    def from_words(cls, words: list[str]) -> "Output":
        """From the bare words of a command line, so that errors in them are told in the form that was asked for."""
        output = cls(as_json="--json" in words, quiet="--quiet" in words, debug="--debug" in words)
        output.data_on_stdout = words[:1] in (["decode"], ["enhance"]) and "-" in words[2:]
        return output

    def configure(self, args: argparse.Namespace) -> None:
        """Take up what the parsed command says."""
        self.json, self.quiet, self.debug = args.json, args.quiet, args.debug
        self.data_on_stdout = args.command in ("decode", "enhance") and args.output == "-"
        self.names = {"command": args.command}
        for name in ("input", "output"):
            if isinstance(getattr(args, name, None), str):
                self.names[name] = getattr(args, name)

    def __enter__(self) -> "Output":
        return self

    def __exit__(self, *exc: object) -> None:
        self._stop_live()

    def event(self, event: "Event") -> None:
        """Tell of the progress of a job. The job's own "done" is not told: the command's has the numbers."""
        if event.kind == "warning":
            self.warning(event.message)
        elif event.kind == "start":
            self._start(event)
        elif event.kind == "progress":
            self._progress(event)

    def begin(self, message: str = "") -> None:
        """Say that a command begins which sends no events; told with --json only."""
        if self.json:
            self._object({"type": "start", **self.names, "frames": None, "message": message})

    def warning(self, message: str) -> None:
        """Say something that is not as one might expect."""
        if self.json:
            self._object({"type": "warning", "message": message})
        elif not self.quiet:
            self._note(f"nvc: warning: {message}")

    def note(self, fields: dict, text: str) -> None:
        """Say how far a job is that sends no events: fields with a "type" for JSON, a line of text otherwise."""
        if self.json:
            self._object(fields)
        elif not self.quiet:
            self._note(text)

    def done(self, fields: dict, text: str = "", *, result: str = "") -> None:
        """The command came through. ``text`` says so on stderr; ``result`` is what was asked for, on stdout."""
        self._stop_live()
        if self.json:
            self._end({"type": "done", **fields})
            return
        if result:
            print(result, flush=True)
        if text and not self.quiet:
            self._note(text)

    def bare(self, fields: dict, result: str) -> None:
        """The one object of a command that prints no others (info), or its text, both on stdout."""
        self._stop_live()
        if self.json:
            self._end(fields)
        else:
            print(result, flush=True)

    def error(self, error: Exception, code: int) -> None:
        """The command failed. One line, and with --json the last object."""
        self._stop_live()
        message = " ".join(str(error).split()) or type(error).__name__
        if not self.json:
            self._note(f"nvc: {'' if code == 130 else 'error: '}{message}")
            return
        frames = getattr(error, "frames", None)
        fields = {"type": "error", "code": code, "message": message}
        self._end(fields if frames is None else {**fields, "frames": frames})

    def flush(self) -> None:
        """Write out what is held; raises BrokenPipeError where nobody reads any more."""
        self._stream.flush()
        sys.stdout.flush()

    @property
    def _stream(self) -> TextIO:
        return sys.stderr if self.data_on_stdout else sys.stdout

    def _object(self, fields: dict) -> None:
        print(json.dumps(fields, ensure_ascii=False, default=str), file=self._stream, flush=True)

    def _end(self, fields: dict) -> None:
        if not self._ended:
            self._ended = True
            self._object(fields)

    def _note(self, text: str) -> None:
        if self._live is not None:
            self._live.console.print(text, markup=False, highlight=False, soft_wrap=True)
        else:
            print(text, file=sys.stderr, flush=True)

    def _due(self, every: float) -> bool:
        now = time.monotonic()
        if now - self._last_time < every:
            return False
        self._last_time = now
        return True

    def _start(self, event: "Event") -> None:
        if self.json:
            self._object({"type": "start", **self.names, "frames": event.total, "message": event.message})
        elif not self.quiet and sys.stderr.isatty():
            if self._live is None:
                self._live = _live_line()
                self._live.start()
            self._live.update(event.message or "starting")

    def _progress(self, event: "Event") -> None:
        if self.json:
            if self._due(JSON_EVERY):
                self._object(_progress_fields(event))
        elif self._live is not None:
            if self._due(LIVE_EVERY):
                self._live.update(describe(event))
        elif not self.quiet and self._due(LINE_EVERY):
            self._note(describe(event))

    def _stop_live(self) -> None:
        live, self._live = self._live, None
        if live is not None:
            live.stop()


def _live_line() -> Any:
    from rich.console import Console
    from rich.status import Status

    return Status("starting", console=Console(stderr=True))


def _progress_fields(event: "Event") -> dict:
    eta = eta_seconds(event)
    return {
        "type": "progress",
        "frame": event.frame,
        "frames": event.total,
        "bytes": event.bytes,
        "fps": round(fps(event), 3),
        "eta_s": None if eta is None else round(eta, 1),
    }

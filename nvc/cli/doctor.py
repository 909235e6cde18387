"""``nvc doctor``."""

import argparse

from nvc.cli.options import add_common
from nvc.cli.output import Output
from nvc.errors import DeviceError


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Options of doctor."""
    add_common(parser)


def run(args: argparse.Namespace, output: Output) -> int:
    """Check this machine. A self-test that fails is an error (exit 7): streams made elsewhere could turn to noise."""
    from nvc.pipeline.doctor import examine

    output.begin()
    found = examine(device=args.device or "auto")
    failed = [check["name"] for check in found["checks"] if not check["ok"]]
    if failed and not args.json:
        print(text_of(found))
    if failed:
        raise DeviceError(f"self-test failed: {', '.join(failed)}")
    output.done(found, result=text_of(found))
    return 0


def text_of(found: dict) -> str:
    """What examine found, as text."""
    lines = [f"{name:<16}{version}" for name, version in found["versions"].items()]
    lines += ["", f"{'cores':<16}{found['cores']}", f"{'memory':<16}{found['free_memory'] / 1e9:.1f} GB free"]
    lines += [f"{'device':<16}{found['device']}", "", "who serves what"]
    lines += [f"  {use['family']:<20}{use['backend']:<11}{use['reason']}" for use in found["backends"]]
    lines += ["", "exactness"]
    lines += [f"  {'ok' if c['ok'] else 'FAILED':<8}{c['name']}: {c['detail']}" for c in found["checks"]]
    return "\n".join(lines)

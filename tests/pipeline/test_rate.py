"""Rate control: plans from measured passes, and encodes that meet their target."""

from io import BytesIO
from pathlib import Path

import pytest

from nvc.codec.quality import intra_qp
from nvc.errors import CorruptError, InputError, LimitError, OutputError, UsageError
from nvc.io.reader import open_video
from nvc.pipeline import encode_file
from nvc.pipeline.limits import Limits
from nvc.pipeline.rate import Measured, Plan, Prober, Target, make_plan
from nvc.pipeline.stream import open_stream
from nvc.types import Packet, Settings

STARTS = (0, 64, 100, 164, 228)


class Video:
    """A video whose bytes and PSNR follow a curve of the quality; it notes the passes over it."""

    def __init__(self, octave: float = 0.1, decibel: float = 0.35) -> None:
        self.octave, self.decibel = octave, decibel
        self.passes: list[tuple[int, int | None]] = []

    def bytes(self, start: int, quality: int) -> int:
        bend = 0.0005 * (quality - 32) ** 2
        return round((start + 400) * 2 ** (self.octave * (quality - 32) + bend))

    def psnr(self, quality: int) -> float:
        return 36 + self.decibel * (quality - 32) - 0.001 * (quality - 32) ** 2

    def __call__(self, quality: int, frames: int | None) -> Measured:
        self.passes.append((quality, frames))
        if frames is not None:
            return Measured(
                quality, {0: self.bytes(0, quality) // 4}, 50, self.psnr(quality), frames, frames / 25, True
            )
        periods = {start: self.bytes(start, quality) for start in STARTS}
        return Measured(quality, periods, 200, self.psnr(quality), 300, 12.0)

    def kbps(self, plan: Plan) -> float:
        return (200 + sum(self.bytes(start, q) for start, q in plan.qualities.items())) / 12 / 125


@pytest.mark.parametrize("kbps", [0.3, 0.8, 2.0, 5.0, 17.0])
@pytest.mark.parametrize("octave", [0.06, 0.1, 0.15])
def test_a_bitrate_is_met(kbps, octave):
    video = Video(octave)
    plan = make_plan(Target(kbps=kbps), video)
    assert sorted(plan.qualities) == list(STARTS)
    assert max(plan.qualities.values()) - min(plan.qualities.values()) <= 1
    if 0 < min(plan.qualities.values()) and max(plan.qualities.values()) < 63:
        # A period is up to a third of the bytes here, and changes by a ninth a step.
        assert video.kbps(plan) == pytest.approx(kbps, rel=0.03)
        assert plan.reached == pytest.approx(video.kbps(plan), rel=0.02)
    assert plan.passes <= 3 and len(video.passes) - plan.passes <= 2


@pytest.mark.parametrize("kbps", [0.8, 1.3, 2.0, 3.1])
def test_i_frames_move_by_whole_qps(kbps):
    """Two of three bytes are of I frames, which change every other step or so, then by a tenth."""

    class Stepped(Video):
        def intra(self, start: int, quality: int) -> int:
            return round((start + 400) * 2 ** (0.15 * (32 - intra_qp(quality, "ra"))))

        def bytes(self, start: int, quality: int) -> int:
            return self.intra(start, quality) + round((start + 400) * 2 ** (self.octave * (quality - 32)) / 2)

        def __call__(self, quality: int, frames: int | None) -> Measured:
            found = super().__call__(quality, frames)
            found.intra = {start: self.intra(start, quality) // (1 if frames is None else 4) for start in found.periods}
            return found

    video = Stepped()
    plan = make_plan(Target(kbps=kbps), video)
    assert video.kbps(plan) == pytest.approx(kbps, rel=0.02)


def test_a_uniform_plan_has_one_quality():
    video = Video()
    plan = make_plan(Target(kbps=2.0), video, uniform=True)
    assert len(set(plan.qualities.values())) == 1
    assert video.kbps(plan) == pytest.approx(2.0, rel=0.05)


@pytest.mark.parametrize("psnr", [28.0, 33.3, 36.0, 41.9])
def test_a_psnr_is_reached_by_the_lowest_quality(psnr):
    video = Video()
    plan = make_plan(Target(psnr=psnr), video)
    quality = plan.quality
    assert set(plan.qualities.values()) == {quality}
    assert video.psnr(quality) >= psnr > video.psnr(quality - 1) and plan.reached == video.psnr(quality)
    assert not plan.is_missed and plan.passes <= 4


@pytest.mark.parametrize("psnr", [31.0, 33.24, 35.5, 36.01, 40.3])
@pytest.mark.parametrize("plateau", [2, 3, 5])
def test_a_psnr_that_rises_in_stairs(psnr, plateau):
    """I frames move by whole QPs: some steps bring 0.02 dB, the next one more."""

    class Stairs(Video):
        def psnr(self, quality: int) -> float:
            return 36 + 0.35 * plateau * ((quality - 32) // plateau) + 0.02 * (quality % plateau)

    video = Stairs()
    plan = make_plan(Target(psnr=psnr), video)
    assert video.psnr(plan.quality) >= psnr > video.psnr(plan.quality - 1)
    assert plan.passes <= 9


def test_a_flat_curve_ends_the_search():
    plan = make_plan(Target(psnr=41.0), Video(decibel=0.012))
    assert plan.passes <= 9 and plan.is_missed


@pytest.mark.parametrize(
    ("target", "quality"), [(Target(kbps=0.001), 0), (Target(kbps=1e6), 63), (Target(psnr=99), 63)]
)
def test_beyond_the_ends_is_the_end(target, quality):
    plan = make_plan(target, Video())
    assert set(plan.qualities.values()) == {quality} and plan.is_missed


def test_equal_videos_get_equal_plans():
    assert make_plan(Target(kbps=3), Video()) == make_plan(Target(kbps=3), Video())


@pytest.mark.parametrize("values", [{}, {"kbps": 3, "psnr": 40}, {"kbps": 0}, {"kbps": -1}, {"psnr": 101}])
def test_impossible_targets_are_refused(values):
    with pytest.raises(UsageError):
        Target(**values)


def qualities(data: bytes) -> list[int]:
    """Of each frame in display order."""
    with open_stream(data) as stream:
        entries = [e for item in stream.items() if isinstance(item, Packet) for e in item.frames]
    return [e.quality for e in sorted(entries, key=lambda e: e.display_index)]


def test_an_encode_meets_its_bitrate(clip: Path, tmp_path: Path):
    settings = Settings(keyint=8, threads=1)
    middle = encode_file(clip, tmp_path / "a.nvc", settings).bitrate_kbps
    done = encode_file(clip, tmp_path / "b.nvc", settings, bitrate=1.3 * middle)
    assert done.bitrate_kbps == pytest.approx(1.3 * middle, rel=0.04)
    again = encode_file(clip, tmp_path / "c.nvc", settings, bitrate=1.3 * middle, verify=True)
    assert (tmp_path / "b.nvc").read_bytes() == (tmp_path / "c.nvc").read_bytes() and again.bytes == done.bytes
    found = qualities((tmp_path / "b.nvc").read_bytes())
    assert all(len(set(found[k : k + 8])) == 1 for k in range(0, 26, 8)) and max(found) - min(found) <= 1


def test_an_encode_meets_its_psnr(clip: Path, tmp_path: Path):
    """By the lowest quality: the one below falls short. (Between two qualities there may be a decibel.)"""
    import nvc
    from nvc.metrics import frame_psnr, psnr_611

    def psnr_of(name: str) -> float:
        with open_video(clip) as video, nvc.open(tmp_path / name) as coded:
            pairs = zip(coded, video, strict=True)
            found = [psnr_611(*frame_psnr(a.planes, b.planes, 8)) for a, b in pairs]
        return sum(found) / len(found)

    encode_file(clip, tmp_path / "a.nvc", Settings(keyint=13, threads=1), target_psnr=38.0)
    (quality,) = set(qualities((tmp_path / "a.nvc").read_bytes()))
    encode_file(clip, tmp_path / "b.nvc", Settings(keyint=13, threads=1, quality=quality - 1))
    assert psnr_of("a.nvc") >= 38 > psnr_of("b.nvc")


@pytest.mark.parametrize("suffix", [".nvc", ".mp4", ".mkv"])
def test_layered_mode_takes_one_quality(clip: Path, tmp_path: Path, suffix: str):
    settings = Settings(keyint=13, threads=1, base_preset="fast")
    middle = encode_file(clip, tmp_path / f"a{suffix}", settings, mode="layered").bitrate_kbps
    done = encode_file(clip, tmp_path / f"b{suffix}", settings, mode="layered", bitrate=1.5 * middle)
    assert done.bitrate_kbps == pytest.approx(1.5 * middle, rel=0.12)


@pytest.mark.parametrize("format", ["nvc", "mp4", "mkv"])
def test_a_pass_counts_what_the_encode_will(sample: Path, tmp_path: Path, format: str):
    """The tables that mp4 and mkv keep of carried sound too."""
    settings = Settings(keyint=13, threads=1, base_preset="fast", mode="layered", quality=30)
    options = {"frames": 40, "carry": format != "nvc"}
    found = Prober(lambda: open_video(sample, **options), settings, Target(kbps=100), format)(30, None)
    done = encode_file(sample, tmp_path / f"a.{format}", settings, mode="layered", frames=40)
    assert abs(found.moving + found.fixed - done.video_bytes) <= 16


@pytest.mark.parametrize("source", ["-", "object"])
def test_what_can_be_read_once_is_refused(clip: Path, tmp_path: Path, source: str):
    given = "-" if source == "-" else BytesIO(clip.read_bytes())
    with pytest.raises(UsageError, match="read once"):
        encode_file(given, tmp_path / "a.nvc", Settings(), bitrate=100)
    assert not list(tmp_path.iterdir())


def test_no_frames_are_an_error(clip: Path, tmp_path: Path):
    with pytest.raises(InputError):
        encode_file(clip, tmp_path / "a.nvc", Settings(), bitrate=100, start=1000)
    assert not list(tmp_path.iterdir())


def test_damage_is_told_after_what_is_whole(clip: Path, tmp_path: Path):
    data = clip.read_bytes()
    with pytest.raises(CorruptError, match="whole frames"):
        encode_file(data[: len(data) // 2], tmp_path / "a.nvc", Settings(threads=1, keyint=8), bitrate=100)
    assert len(qualities((tmp_path / "a.nvc").read_bytes())) == 12


def test_the_first_frames_stand_for_a_whole_period(clip: Path):
    """An I frame weighs more in 9 frames than in 26."""
    probe = Prober(lambda: open_video(clip, carry=False), Settings(keyint=26, threads=1), Target(kbps=1))
    part, whole = probe(30, 9), probe(30, None)
    assert part.frames == 9 and whole.frames == 26 and part.seconds == pytest.approx(whole.seconds)
    assert part.moving == pytest.approx(whole.moving, rel=0.3)


def test_what_can_be_known_before_is_said_before(clip: Path, tmp_path: Path, monkeypatch):
    def no_pass(*_):
        raise AssertionError("a pass was made")

    monkeypatch.setattr("nvc.pipeline.rate.Prober.__call__", no_pass)
    with pytest.raises(OutputError):
        encode_file(clip, tmp_path / "no" / "a.nvc", Settings(), bitrate=100)
    with pytest.raises(UsageError, match="resume"):
        encode_file(clip, tmp_path / "a.mp4", Settings(), mode="layered", bitrate=100, resume=True)


def test_frames_beyond_the_limit_end_the_first_pass(clip: Path, tmp_path: Path):
    with pytest.raises(LimitError, match="max-frames"):
        encode_file(clip, tmp_path / "a.nvc", Settings(threads=1), bitrate=100, limits=Limits(max_frames=5))
    assert not list(tmp_path.iterdir())


def test_a_target_that_cannot_be_met_is_said(clip: Path, tmp_path: Path):
    done = encode_file(clip, tmp_path / "a.nvc", Settings(threads=1, keyint=13), bitrate=0.01)
    assert len(done.warnings) == 1 and "cannot be met: quality 0 comes to" in done.warnings[0]


def test_passes_are_told(clip: Path, tmp_path: Path):
    events = []
    encode_file(clip, tmp_path / "a.nvc", Settings(threads=1, keyint=13), bitrate=20, progress=events.append)
    starts = [e.message for e in events if e.kind == "start"]
    assert len(starts) >= 3 and all("measuring at quality" in text for text in starts[:-1])
    assert starts[-1].startswith("neural quality") and events[-1].kind == "done" and events[-1].frame == 26
    assert [e.frame for e in events if e.kind == "progress"][:3] == [1, 2, 3]

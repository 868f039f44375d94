"""Archives are unpacked whole or not at all, and never outside their folder."""

import hashlib
import io
import itertools
import tarfile
import zipfile
from pathlib import Path

import pytest

from harness.data.archives import intact, manifest, sizes_below, unpack, whole
from harness.errors import DataError


def zipped(**members: bytes) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return buffer.getvalue()


def tarred(**members: bytes) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as archive:
        for name, content in members.items():
            info = tarfile.TarInfo(name)
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))
    return buffer.getvalue()


NOISE = b"".join(hashlib.sha256(b"%d" % i).digest() for i in range(8000))  # incompressible


def test_an_archive_comes_out_whole_with_a_manifest(tmp_path: Path) -> None:
    content = zipped(**{"d/a.mp4": NOISE, "__MACOSX/d/._a.mp4": b"x", ".DS_Store": b"x"})
    (tmp_path / "v.zip").write_bytes(content)
    unpack([tmp_path / "v.zip"], "v.zip", tmp_path / "out" / "v.zip", tmp_path / "scratch")
    folder = tmp_path / "out" / "v.zip"
    assert (folder / "d/a.mp4").read_bytes() == NOISE
    assert manifest(folder) == {"d/a.mp4": len(NOISE)}
    assert sizes_below(tmp_path) == {folder / "d/a.mp4": len(NOISE)}
    assert intact(folder / "d/a.mp4", len(NOISE))
    assert not intact(folder / "d/a.mp4", 1)
    assert sorted(path.name for path in tmp_path.rglob("*") if path.is_file()) == [
        ".manifest",
        "a.mp4",
        "v.zip",
    ]


@pytest.mark.parametrize("name", ["v.zip", "v.tar.gz"])
def test_parts_are_read_as_one(tmp_path: Path, name: str) -> None:
    content = (zipped if name == "v.zip" else tarred)(**{"d/t.mkv": NOISE})
    parts = [tmp_path / part for part in "abc"]
    for part, cut in zip(parts, itertools.pairwise((0, 50_000, 50_001, None)), strict=True):
        part.write_bytes(content[slice(*cut)])
    unpack(parts, name, tmp_path / "out", tmp_path / "scratch")
    assert (tmp_path / "out/d/t.mkv").read_bytes() == NOISE


def test_a_part_knows_its_archive_and_its_place() -> None:
    assert whole("v/videos.tar.part.aa") == ("v/videos.tar", "00aa")
    assert whole("videos.tar.gz.part10") == ("videos.tar.gz", "0010")
    assert whole("videos.zip.002") == ("videos.zip", "0002")
    assert whole("videos_part_2.zip") == ("videos_part_2.zip", "")
    assert whole("clip.mp4") == ("clip.mp4", "")


def _tar_with(info: tarfile.TarInfo) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        archive.addfile(info, io.BytesIO(b"x" * info.size))
    return buffer.getvalue()


def _info(name: str, kind: bytes = tarfile.REGTYPE, link: str = "", size: int = 0) -> bytes:
    info = tarfile.TarInfo(name)
    info.type, info.linkname, info.size = kind, link, size
    return _tar_with(info)


def _zip_link() -> bytes:
    info = zipfile.ZipInfo("link.mp4")
    info.external_attr = 0o120777 << 16
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr(info, "/etc/passwd")
    return buffer.getvalue()


WHOLE = zipped(**{"big.mp4": NOISE})
HOSTILE = {
    "up.zip": zipped(**{"ok.mp4": b"1", "../../out.mp4": b"x"}),
    "absolute.zip": zipped(**{"/tmp/out.mp4": b"x"}),
    "backslash.zip": zipped(**{"..\\out.mp4": b"x"}),
    "drive.zip": zipped(**{"C:out.mp4": b"x"}),
    "link.zip": _zip_link(),
    "cut.zip": WHOLE[:-100],
    "rotten.zip": WHOLE[:500] + b"?" + WHOLE[501:],
    "up.tar": _info("../out.mp4", size=1),
    "absolute.tar": _info("/tmp/out.mp4", size=1),
    "symlink.tar": _info("a.mp4", tarfile.SYMTYPE, "/etc/passwd"),
    "hardlink.tar": _info("a.mp4", tarfile.LNKTYPE, "../../x"),
    "device.tar": _info("a.mp4", tarfile.CHRTYPE),
    "pipe.tar": _info("a.mp4", tarfile.FIFOTYPE),
    "cut.tar": _info("a.mp4", size=20_000)[:9_000],
    "cut.tar.gz": tarred(**{"a.mp4": NOISE})[:9_000],
    "no.tar": b"hello",
}


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_or_damaged_archive_leaves_nothing(tmp_path: Path, name: str) -> None:
    inside = tmp_path / "in" / "here"
    inside.mkdir(parents=True)
    (inside / name).write_bytes(HOSTILE[name])
    with pytest.raises(DataError, match=name) as caught:
        unpack([inside / name], name, inside / "out", inside / "scratch")
    assert "\n" not in str(caught.value)
    assert [path.name for path in tmp_path.rglob("*")] == ["in", "here", name]
    assert not Path("/tmp/out.mp4").exists()

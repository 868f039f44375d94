"""Archives are unpacked whole or not at all, and never outside their folder."""

import hashlib
import io
import itertools
import pickle
import re
import shutil
import struct
import subprocess
import tarfile
import zipfile
from pathlib import Path

import pytest

from harness.data.archives import intact, manifest, sizes_below, unpack
from harness.data.parts import grouped, whole
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
    assert whole("v/videos.tar.part.aa") == ("v/videos.tar", "aa")
    assert whole("videos.tar.gz.part10") == ("videos.tar.gz", "10")
    assert whole("videos.zip.002") == ("videos.zip", "002")
    assert whole("videos_part_2.zip") == ("videos_part_2.zip", "")
    assert whole("clip.mp4") == ("clip.mp4", "")


def _grouped(*names: str, first: bytes = b"") -> dict[str, tuple[str, ...]]:
    return grouped(names, names, lambda _: first)


def test_parts_are_put_in_order_by_number_and_by_letters() -> None:
    assert _grouped("v.zip.2", "v.zip.10", "v.zip.1", *(f"v.zip.{i}" for i in range(3, 10))) == {
        "v.zip": tuple(f"v.zip.{i}" for i in range(1, 11))
    }
    assert _grouped("v.tar.ab", "v.tar.aa") == {"v.tar": ("v.tar.aa", "v.tar.ab")}
    assert _grouped("v.zip", "v.z02", "v.z01") == {"v.zip": ("v.z01", "v.z02", "v.zip")}
    assert _grouped("a.zip", "b.mp4") == {"a.zip": ("a.zip",), "b.mp4": ("b.mp4",)}
    # archives of their own, or one that was cut: their beginnings tell
    names = ("v.part1.zip", "v.part2.zip")
    assert _grouped(*names, first=b"PK\3\4") == {name: (name,) for name in names}
    assert _grouped(*names, first=b"more") == {"v.zip": names}


@pytest.mark.parametrize(
    ("names", "missing"),
    [
        (("v.tar.aa", "v.tar.ac"), "v.tar.ab"),
        (("v.tar.gz.part_001", "v.tar.gz.part_003"), "v.tar.gz.part_002"),
        (("v.zip.002", "v.zip.003"), "v.zip.001"),
        (("v.z01", "v.z03", "v.zip"), "v.z02"),
        (("v.z01", "v.z02"), "v.zip"),
    ],
)
def test_a_missing_part_is_named(names: tuple[str, ...], missing: str) -> None:
    with pytest.raises(DataError, match=rf"its part {re.escape(missing)} is not among .* unpacked"):
        _grouped(*names)


def test_an_archive_without_its_last_part_says_which_would_be_next(tmp_path: Path) -> None:
    content = _info("a.mp4", size=20_000)
    parts = [tmp_path / "v.tar.aa", tmp_path / "v.tar.ab"]
    parts[0].write_bytes(content[:5_000])
    parts[1].write_bytes(content[5_000:9_000])
    with pytest.raises(DataError, match=r"v\.tar ends early .*v\.tar\.ac would be the next"):
        unpack(parts, "v.tar", tmp_path / "out", tmp_path / "scratch")
    assert not (tmp_path / "out").exists()


def _split_zip(folder: Path) -> list[Path]:
    """Parts as ``zip -s 64k`` writes them: places count from the start of each part."""
    members = {f"d/{name}.mp4": NOISE[place:][:60_000] for place, name in enumerate("pqr")}
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, content in members.items():
            archive.writestr(name, content)
        starts = [info.header_offset + 4 for info in archive.infolist()]
    data = bytearray(b"PK\7\x08" + buffer.getvalue())  # a split zip begins with a mark of its own
    size = 65_536
    directory = data.index(b"PK\1\2")
    last = directory // size
    place = directory
    for start in starts:
        struct.pack_into("<H", data, place + 34, start // size)
        struct.pack_into("<L", data, place + 42, start % size)
        lengths = struct.unpack_from("<3H", data, place + 28)
        place += 46 + sum(lengths)
    struct.pack_into("<2H", data, place + 4, last, last)
    struct.pack_into("<L", data, place + 16, directory - last * size)
    parts = []
    for number in range(last + 1):
        part = folder / ("v.zip" if number == last else f"v.z{number + 1:02}")
        part.write_bytes(data[number * size : None if number == last else (number + 1) * size])
        parts.append(part)
    return parts


def test_a_split_zip_is_read(tmp_path: Path) -> None:
    parts = _split_zip(tmp_path)
    assert len(parts) > 2
    unpack(parts, "v.zip", tmp_path / "out", tmp_path / "scratch")
    for place, name in enumerate("pqr"):
        assert (tmp_path / f"out/d/{name}.mp4").read_bytes() == NOISE[place:][:60_000]


@pytest.mark.skipif(shutil.which("zip") is None, reason="Info-ZIP is not here")
@pytest.mark.parametrize("zip64", [False, True])
def test_a_split_zip_by_info_zip_is_read(tmp_path: Path, *, zip64: bool) -> None:
    """``-fz``: with the records that over 4 GB or 65,535 members need."""
    for name in ("a.mp4", "b.mp4"):
        (tmp_path / name).write_bytes(NOISE[:150_000] + name.encode())
    words = ["-q", *["-fz"] * zip64, "-s", "64k", "v.zip", "a.mp4", "b.mp4"]
    subprocess.run(["zip", *words], cwd=tmp_path, check=True)
    parts = [*sorted(tmp_path.glob("v.z0*")), tmp_path / "v.zip"]
    assert (b"PK\6\7" in parts[-1].read_bytes()) == zip64
    unpack(parts, "v.zip", tmp_path / "out", tmp_path / "scratch")
    for name in ("a.mp4", "b.mp4"):
        assert (tmp_path / "out" / name).read_bytes() == NOISE[:150_000] + name.encode()
    with pytest.raises(DataError, match=rf"{len(parts)} parts, of which 2 are there"):
        unpack([parts[0], parts[-1]], "v.zip", tmp_path / "out2", tmp_path / "scratch")


def test_a_split_zip_without_its_last_part_but_one_names_how_many(tmp_path: Path) -> None:
    parts = _split_zip(tmp_path)
    with pytest.raises(DataError, match=r"split zip of 3 parts, of which 2 are there"):
        unpack([parts[0], parts[-1]], "v.zip", tmp_path / "out", tmp_path / "scratch")


def test_a_pickle_of_videos_is_unpacked_and_a_program_is_not(tmp_path: Path) -> None:
    (tmp_path / "v.pkl").write_bytes(pickle.dumps({"a": NOISE, "b.mkv": b"x"}))
    unpack([tmp_path / "v.pkl"], "v.pkl", tmp_path / "out", tmp_path / "scratch")
    assert manifest(tmp_path / "out") == {"a.mp4": len(NOISE), "b.mkv": 1}
    (tmp_path / "w.pkl").write_bytes(pickle.dumps({"a": Path("x")}))
    with pytest.raises(DataError, match="could run a program"):
        unpack([tmp_path / "w.pkl"], "w.pkl", tmp_path / "more", tmp_path / "scratch")


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

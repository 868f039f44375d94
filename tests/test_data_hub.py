"""Archives from a hub: resumed, verified, unpacked whole or not at all; only what is needed."""

import dataclasses
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from harness.data import Source
from harness.data.network import untouched
from harness.errors import DataError, GatedError
from tests.hub import COMMIT, REPO, Hub, point_at, serving
from tests.test_data_archives import NOISE, tarred, zipped


@pytest.fixture
def hub(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Hub]:
    files = {
        "v_01.zip": zipped(**{"data/a.mp4": NOISE, "data/b.mp4": b"b"}),
        "v_02.zip": zipped(**{"data/c.mp4": b"c"}),
        "subtitle.zip": zipped(**{"subtitle/a.srt": b"1"}),
        "README.md": b"hello",
    }
    with serving(Hub(files)) as hub:
        point_at(hub, monkeypatch, tmp_path / "hf")
        yield hub


@pytest.fixture
def source(tmp_path: Path) -> Source:
    return Source(
        repo=REPO,
        revision=COMMIT,
        archives=("v_*",),
        subtitle_archives=("subtitle.zip",),
        cache=str(tmp_path / "cache"),
    )


def left_behind(source: Source) -> list[str]:
    assert source.cache
    names = [p for p in Path(source.cache).rglob("*") if "downloads" in p.parts and p.is_file()]
    return sorted(p.name for p in names) + [p.name for p in Path(source.cache).rglob(".scratch*")]


def test_everything_is_fetched_and_unpacked(hub: Hub, source: Source) -> None:
    assert not source.video("a").exists()
    source.prepare()
    assert source.video("a").read_bytes() == NOISE
    assert source.video("c.mp4").read_bytes() == b"c"
    assert source.subtitles("a") is not None
    assert left_behind(source) == []


def test_a_second_time_asks_the_hub_nothing(hub: Hub, source: Source) -> None:
    source.prepare()
    hub.requests.clear()
    again = dataclasses.replace(source)
    again.prepare()
    again.prepare(["a", "c"])
    assert hub.requests == []


def test_what_was_removed_or_cut_since_is_fetched_again(hub: Hub, source: Source) -> None:
    source.prepare()
    source.video("a").write_bytes(NOISE[:-1])
    source.video("c").unlink()
    hub.requests.clear()
    dataclasses.replace(source).prepare(["a"])
    assert hub.fetched() == ["v_01.zip"]
    assert source.video("a").read_bytes() == NOISE
    source.prepare()
    assert hub.fetched() == ["v_01.zip", "v_02.zip"]
    assert source.video("c").read_bytes() == b"c"


def test_only_the_archives_that_are_needed_are_fetched(hub: Hub, source: Source) -> None:
    source.prepare(["c"])
    assert hub.fetched() == ["subtitle.zip", "v_02.zip"]
    assert source.video("c").exists()
    source.prepare(["c", "nowhere"])
    assert hub.fetched() == ["subtitle.zip", "v_02.zip"]
    source.prepare([source.video("c"), source.video("b"), "a"])
    assert hub.fetched() == ["subtitle.zip", "v_02.zip", "v_01.zip"]
    assert source.video("b").read_bytes() == b"b"


def test_a_transfer_that_breaks_off_goes_on_where_it_stopped(hub: Hub, source: Source) -> None:
    hub.cut["v_01.zip"] = 100_000
    source.prepare()
    asked = [span for _, path, span in hub.requests if path.endswith("/store/v_01.zip") and span]
    starts = [int(span.removeprefix("bytes=").rstrip("-")) for span in asked if span.endswith("-")]
    assert len(starts) == 1
    assert 0 < starts[0] <= 100_000
    assert source.video("a").read_bytes() == NOISE


def test_a_process_that_was_killed_leaves_what_had_arrived(hub: Hub, source: Source) -> None:
    assert source.cache
    folder = Path(source.cache) / "owner--name" / COMMIT / "downloads"
    folder.mkdir(parents=True)
    (folder / "v_01.zip.partial").write_bytes(hub.files["v_01.zip"][:77_777])
    source.prepare(["a"])
    spans = [span for _, path, span in hub.requests if "resolve" in path and "v_01" in path]
    assert "bytes=77777-" in spans
    assert source.video("a").read_bytes() == NOISE


def test_a_partial_file_longer_than_the_file_starts_anew(hub: Hub, source: Source) -> None:
    assert source.cache
    folder = Path(source.cache) / "owner--name" / COMMIT / "downloads"
    folder.mkdir(parents=True)
    (folder / "v_02.zip.partial").write_bytes(b"x" * 10_000)
    source.prepare(["c"])
    assert source.video("c").read_bytes() == b"c"


def test_a_wrong_hash_is_an_error_and_the_file_goes(hub: Hub, source: Source) -> None:
    right = hub.files["v_02.zip"]
    hub.served["v_02.zip"] = right[:40] + b"!" + right[41:]
    with pytest.raises(DataError, match=r"v_02\.zip arrived with hash .* instead of"):
        source.prepare(["c"])
    assert left_behind(source) == []
    hub.served.clear()
    source.prepare(["c"])
    assert source.video("c").read_bytes() == b"c"


def test_a_small_file_is_checked_against_gits_own_hash(hub: Hub, source: Source) -> None:
    hub.files["more.json"] = b"[1]"
    bare = dataclasses.replace(source, archives=("v_02.zip",), subtitle_archives=("more.json",))
    hub.served["more.json"] = b"[2]"
    with pytest.raises(DataError, match=r"more\.json arrived with hash"):
        bare.prepare(["c"])
    hub.served.clear()
    bare.prepare(["c"])
    assert bare.subtitles("more") is not None


def test_a_file_that_is_in_the_hubs_own_cache_is_not_fetched_again(
    hub: Hub, source: Source
) -> None:
    from huggingface_hub import hf_hub_download

    kept = hf_hub_download(REPO, "v_02.zip", repo_type="dataset", revision=COMMIT)
    before = len(hub.fetched())
    source.prepare(["c"])
    assert [name for name in hub.fetched()[before:] if name == "v_02.zip"] == []
    assert Path(kept).exists()


@pytest.mark.parametrize("status", [401, 403])
def test_a_gated_data_set_names_the_token_and_the_page(
    hub: Hub, source: Source, status: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    hub.gated, hub.refusal = "secret", status
    page = f"HF_TOKEN|https://huggingface.co/datasets/{REPO}"
    with pytest.raises(GatedError, match=page):
        source.prepare(["c"])
    monkeypatch.setenv("HF_TOKEN", "secret")
    source.prepare(["c"])
    assert source.video("c").exists()


def test_what_the_hub_does_not_have_is_said_in_one_line(hub: Hub, source: Source) -> None:
    cases = {
        r"no data set 'owner/nothing'": dataclasses.replace(source, repo="owner/nothing"),
        r"no revision": dataclasses.replace(source, revision="f" * 40),
        r"no revision 'branch'": dataclasses.replace(source, revision="branch"),
        r"no file 'w_\*'": dataclasses.replace(source, archives=("w_*",)),
    }
    for message, wrong in cases.items():
        with pytest.raises(DataError, match=message) as caught:
            wrong.prepare()
        assert "\n" not in str(caught.value)
        assert not isinstance(caught.value, GatedError)


def test_a_branch_is_resolved_to_its_commit(hub: Hub, source: Source) -> None:
    branch = dataclasses.replace(source, revision="main")
    assert branch.identity() == {"repo": REPO, "revision": COMMIT, "split": '"test"'}


def test_a_file_too_large_for_one_download_names_the_command(
    hub: Hub, source: Source, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("huggingface_hub.constants.MAX_HTTP_DOWNLOAD_SIZE", 1_000)
    with pytest.raises(DataError, match=f"hf download {REPO} v_01.zip --repo-type dataset"):
        source.prepare()


def test_a_cache_that_cannot_be_written_is_said(hub: Hub, source: Source, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(DataError, match=r"Cannot write to .*task\.source\.cache"):
        dataclasses.replace(source, cache=str(tmp_path / "file")).prepare()


def test_no_network_says_how_to_do_without(
    hub: Hub, source: Source, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    with pytest.raises(DataError, match="data=PATH"):
        source.prepare()


def test_a_hostile_archive_ends_it_and_the_rest_stays(hub: Hub, source: Source) -> None:
    hub.files["v_03.zip"] = zipped(**{"../../out.mp4": b"x"})
    with pytest.raises(DataError, match=r"v_03\.zip.*not a path inside"):
        source.prepare()
    assert dataclasses.replace(source).video("c").exists()
    assert source.cache
    assert not list(Path(source.cache).rglob("*out.mp4"))


def test_parts_on_the_hub_are_one_archive(hub: Hub, source: Source) -> None:
    content = tarred(**{"d/t.mkv": NOISE})
    hub.files |= {"x.tar.gz.part.aa": content[:9_999], "x.tar.gz.part.ab": content[9_999:]}
    dataclasses.replace(source, archives=("x.*",)).prepare(["t"])
    assert source.video("t").read_bytes() == NOISE


def test_archives_that_do_not_tell_are_fetched_until_all_is_found(hub: Hub, source: Source) -> None:
    for place, name in enumerate("pqr"):
        hub.files[f"w_{place}.tar.gz"] = tarred(**{f"{name}.mp4": b"x", f"{name}{name}.mp4": b"y"})
    tars = dataclasses.replace(source, archives=("w_*", "v_02.zip"))
    tars.prepare(["pp", "q", "c"])
    assert hub.fetched() == ["subtitle.zip", "v_02.zip", "w_0.tar.gz", "w_1.tar.gz"]


def test_bare_videos_are_fetched_one_by_one(hub: Hub, source: Source) -> None:
    hub.files |= {"clips/one.mp4": b"1", "clips/two.mp4": b"2"}
    bare = dataclasses.replace(source, archives=("clips/*.mp4",))
    bare.prepare(["two"])
    assert bare.video("two").read_bytes() == b"2"
    assert not bare.video("one").exists()


def test_frames_in_folders_count_as_videos(hub: Hub, source: Source) -> None:
    hub.files["f.zip"] = zipped(**{"tv/show/001.jpg": b"1", "tv/show/002.jpg": b"2"})
    frames = dataclasses.replace(source, archives=("f.zip", "v_*"), videos="tv")
    frames.prepare(["show"])
    assert hub.fetched() == ["subtitle.zip", "f.zip"]
    assert sorted(p.name for p in frames.video("show").iterdir()) == ["001.jpg", "002.jpg"]


def test_two_at_once_fetch_once(hub: Hub, source: Source) -> None:
    errors: list[DataError] = []

    def prepare() -> None:
        try:
            dataclasses.replace(source).prepare()
        except DataError as error:
            errors.append(error)

    threads = [threading.Thread(target=prepare) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert errors == []
    assert sorted(hub.fetched()) == ["subtitle.zip", "v_01.zip", "v_02.zip"]


def test_a_full_disk_is_noticed_before_anything_is_fetched(
    hub: Hub, source: Source, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("shutil.disk_usage", lambda _: type("Usage", (), {"free": 100}))
    with pytest.raises(DataError, match=r"needs .* GB in .*; make room"):
        source.prepare()
    assert hub.fetched() == []


def test_a_server_that_fails_is_asked_again_after_growing_pauses(
    hub: Hub, source: Source, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    slept: list[float] = []
    monkeypatch.setattr("harness.data.network.time.sleep", slept.append)
    hub.files["x.tar.gz"] = tarred(**{"t.mp4": NOISE})
    hub.failing["x.tar.gz"] = [503, 500, 502]
    tar = dataclasses.replace(source, archives=("x.*",))
    tar.prepare(["t"])
    assert tar.video("t").read_bytes() == NOISE
    assert slept == [1.0, 2.0, 4.0]
    said = [record.message for record in caplog.records if "trying again" in record.message]
    assert said[0] == "x.tar.gz: the server answered 503; trying again in 1 s (try 2 of 5)"
    assert len(said) == 3


def test_a_server_that_only_fails_is_given_up(
    hub: Hub, source: Source, monkeypatch: pytest.MonkeyPatch
) -> None:
    slept: list[float] = []
    monkeypatch.setattr("harness.data.network.time.sleep", slept.append)
    hub.files["x.tar.gz"] = tarred(**{"t.mp4": NOISE})
    hub.failing["x.tar.gz"] = [503] * 50
    with pytest.raises(DataError, match=r"503.*run again") as caught:
        dataclasses.replace(source, archives=("x.*",)).prepare(["t"])
    assert "\n" not in str(caught.value)
    assert slept == [1.0, 2.0, 4.0, 8.0]


def test_a_zip_that_cannot_be_asked_is_not_called_damaged(
    hub: Hub, source: Source, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("huggingface_hub.utils._http.time.sleep", lambda _: None)
    hub.failing["v_02.zip"] = [503] * 50
    with pytest.raises(DataError, match=r"Cannot fetch .*503.*run again"):
        source.prepare(["c"])


def test_a_refusal_is_not_asked_again(
    hub: Hub, source: Source, monkeypatch: pytest.MonkeyPatch
) -> None:
    slept: list[float] = []
    monkeypatch.setattr("harness.data.network.time.sleep", slept.append)
    hub.gated = "secret"
    with pytest.raises(GatedError):
        source.prepare(["c"])
    assert slept == []


def test_a_hub_that_nobody_answers_for_is_asked_nothing(
    hub: Hub, source: Source, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("huggingface_hub.constants.ENDPOINT", "http://127.0.0.1:9")
    with pytest.raises(DataError, match=r"127\.0\.0\.1 cannot be reached .*data=PATH"):
        source.prepare(["c"])
    assert hub.requests == []


def test_checking_touches_no_network(hub: Hub, source: Source) -> None:
    with untouched(), pytest.raises(DataError, match="would have to be fetched first"):
        source.rows()
    assert hub.requests == []


def test_a_missing_part_is_named_before_anything_is_fetched(hub: Hub, source: Source) -> None:
    hub.files |= {"x.tar.aa": b"1", "x.tar.ac": b"3"}
    with pytest.raises(DataError, match=r"part x\.tar\.ab is not among"):
        dataclasses.replace(source, archives=("x.*",)).prepare(["t"])
    assert hub.fetched() == ["subtitle.zip"]


def test_an_archive_that_is_damaged_where_it_was_published_is_fetched_once(
    hub: Hub, source: Source
) -> None:
    hub.files["x.tar.gz"] = tarred(**{"t.mp4": NOISE})[:9_000]
    broken = dataclasses.replace(source, archives=("x.*",))
    for _ in range(2):
        with pytest.raises(DataError, match=r"x\.tar\.gz ends early .* where it was published"):
            broken.prepare(["t"])
    assert hub.fetched().count("x.tar.gz") == 1


def test_an_archive_of_a_kind_that_is_not_read_is_named(hub: Hub, source: Source) -> None:
    hub.files["x.rar"] = b"Rar!"
    with pytest.raises(DataError, match=r"x\.rar, a kind of archive that is not read"):
        dataclasses.replace(source, archives=("x.*",)).prepare(["t"])

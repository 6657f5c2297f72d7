"""What only a flag document in a file does: it is changed by others, mounted by Kubernetes, and damaged."""

from __future__ import annotations

import json
import resource
from collections.abc import AsyncGenerator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path

import pytest

from crossover.flags.model import Document
from crossover.flags.version import Version
from crossover.stores.atomic_file import write_atomically
from crossover.stores.document_file import dump_document, parse_document
from crossover.stores.file_flags import FileFlags
from crossover.stores.flag_copy import FlagCopy
from crossover.stores.flag_store import ReadOnlyStore
from crossover.stores.leases import StoreAway
from tests.crossover.stores.flag_scene import (
    building,
    change,
    document,
    following,
    kept,
    percentage,
    until,
    until_state,
    write,
    written,
)
from tests.patience import PATIENCE


@asynccontextmanager
async def flags_in(path: Path, *, writable: bool = False) -> AsyncGenerator[FileFlags, None]:
    store = opened(path, writable=writable)
    try:
        yield store
    finally:
        await store.aclose()


def opened(path: Path, *, writable: bool = False) -> FileFlags:
    return FileFlags(path, writable=writable, state=path.parent / "state", timeout=PATIENCE)


async def test_a_file_that_an_operator_changes_becomes_the_next_version(tmp_path: Path) -> None:
    path = tmp_path / "flags.json"
    write(path, 5)
    async with flags_in(path) as store:
        first = await store.head()
        write(path, 6)
        second = await store.head()
    async with flags_in(path) as again:
        assert await again.head() == second
        assert await again.history() == [second, first]
    assert first is not None
    assert second is not None
    assert (second.number, second.previous, second.change.who) == (2, first.digest, "file")
    assert percentage(second) == 6


async def test_a_file_that_only_looks_different_is_no_change(tmp_path: Path) -> None:
    path = tmp_path / "flags.json"
    write(path, 5)
    async with flags_in(path) as store:
        head = await store.head()
        path.write_text(json.dumps(json.loads(path.read_text()), indent=4))
        assert await store.head() == head


async def test_a_file_that_is_not_written_through_us_says_where_to_make_the_change(tmp_path: Path) -> None:
    path = tmp_path / "flags.json"
    write(path, 5)
    async with flags_in(path) as store:
        head = await store.head()
        with pytest.raises(ReadOnlyStore, match=r"flags\.json"):
            await store.put(following(head, 6))
        with pytest.raises(ReadOnlyStore, match=r"flags\.json"):
            await store.replace(following(head, 6))
        assert await store.head() == head


def mounted(directory: Path, name: str, percent: float) -> Path:
    """A ConfigMap's volume: `flags.json` -> `..data/flags.json`, and `..data` -> a directory per change."""
    (directory / name).mkdir(parents=True)
    write(directory / name / "flags.json", percent)
    (directory / "..tmp").symlink_to(name)
    (directory / "..tmp").replace(directory / "..data")
    path = directory / "flags.json"
    if not path.is_symlink():
        path.symlink_to("..data/flags.json")
    return path


async def test_a_config_map_that_is_swapped_is_in_force_by_itself(tmp_path: Path) -> None:
    path = mounted(tmp_path / "volume", "..1", 0)
    store = FileFlags(path, writable=False, state=tmp_path / "state", timeout=PATIENCE)
    async with kept(store, poll=600) as (keeper,):  # so that only the file's change tells
        for number in range(1, 4):
            mounted(tmp_path / "volume", f"..{number + 1}", number)
            await until(lambda number=number: percentage(keeper.current) == number)  # type: ignore[misc]
        assert keeper.status.state == "fresh"


@pytest.mark.parametrize(
    ("name", "text", "place"),
    [
        ("flags.json", "", "line 1, column 1"),
        ("flags.json", '{"flags": {}', "line 1, column 13"),
        ("flags.json", '{"flags": {}, "flags": {}}', "'flags' appears twice"),
        ("flags.json", '{"schema": 2}', "schema"),
        (
            "flags.json",
            '{"flags": {"a": {"rollout": [{"crossover": 101}]}}}',
            r"flags.a.rollout\[0\].crossover",
        ),
        ("flags.json", "[" * 100_000, "cannot be read"),
        ("flags.json", "\xff", "flags.json"),
        ("flags.yaml", "flags:\n  a:\n   kill: [\n", "line 4"),
        ("flags.yaml", "flags: {}\nflags: {}\n", "line 2: the key 'flags' appears twice"),
        ("flags.yaml", "flags: {a: &a {}, b: *a}\n", "line 1: write it out"),
        ("flags.yaml", "flags: {a: {deny: [{tenants: [12]}]}}\n", r"flags.a.deny\[0\].tenants\[0\]"),
        ("flags.yaml", "- 1\n", "the document"),
        ("flags.yaml", "? [a]\n: b\n", "."),
        ("flags.yaml", "!!python/object:os.system {}\n", "line 1"),
    ],
)
async def test_a_bad_file_names_the_place_and_what_was_in_force_stays(
    tmp_path: Path, name: str, text: str, place: str
) -> None:
    path = tmp_path / name
    path.write_bytes(dump_document(document(100), as_yaml=path.suffix == ".yaml"))
    async with kept(opened(path), poll=0.05) as (keeper,):
        good = keeper.current
        path.write_bytes(text.encode("latin-1"))
        await until_state(keeper, "refused")
        assert (percentage(keeper.current), keeper.current) == (100, good)
        assert name in keeper.status.detail
        async with flags_in(path) as store:
            with pytest.raises(ValueError, match=place):
                await store.head()
        write(path, 7)
        await until(lambda: percentage(keeper.current) == 7 and keeper.status.state == "fresh")


async def test_a_file_that_is_gone_leaves_the_last_good_in_force(tmp_path: Path) -> None:
    path = tmp_path / "flags.json"
    write(path, 100)
    async with kept(opened(path), poll=0.05) as (keeper,):
        path.unlink()
        await until_state(keeper, "refused")
        assert "is missing" in keeper.status.detail
        assert percentage(keeper.current) == 100
        write(path, 100)
        await until_state(keeper, "fresh")


async def test_a_file_that_cannot_be_read_is_a_store_that_is_away(tmp_path: Path) -> None:
    path = tmp_path / "flags.json"
    path.mkdir()
    async with flags_in(path) as store:
        with pytest.raises(StoreAway, match=r"flags\.json"):
            await store.head()


async def test_a_replica_whose_versions_were_lost_needs_an_operators_word(tmp_path: Path) -> None:
    path = tmp_path / "flags.json"
    for percent in (1, 2):
        write(path, percent)
        async with flags_in(path) as store:
            FlagCopy(tmp_path / "copy").save(await head_of(store))
    for file in (tmp_path / "state").iterdir():
        file.unlink()
    write(path, 3)
    async with kept(opened(path), copy=tmp_path / "copy") as (keeper,):
        assert (percentage(keeper.current), keeper.status.state) == (2, "refused")
        with pytest.raises(ReadOnlyStore):
            await keeper.restore("replica", change())
        restored = await keeper.restore("store", change())
        assert (restored.number, percentage(keeper.current), keeper.status.state) == (3, 3, "fresh")


async def test_as_many_versions_are_kept_as_are_asked_for(tmp_path: Path) -> None:
    path = tmp_path / "flags.json"
    store = FileFlags(path, writable=True, state=tmp_path / "state", timeout=PATIENCE, kept=10)
    versions = await written(store, *range(13))
    assert await store.history(limit=1000) == versions[:-11:-1]
    assert await store.digest_of(4) == versions[3].digest
    assert await store.digest_of(3) is None
    await store.aclose()


async def head_of(store: FileFlags) -> Version:
    head = await store.head()
    assert head is not None
    return head


async def test_a_crash_between_the_file_and_its_version_keeps_who_made_the_change(tmp_path: Path) -> None:
    path = tmp_path / "flags.json"
    async with flags_in(path, writable=True) as store:
        (first,) = await written(store, 1)
        second = following(first, 2, who="ada")
        (tmp_path / "state" / "next.json").write_text(json.dumps(second.to_json()))
        assert await store.head() == first  # it crashed before the file was written
        write(path, 2)
        assert await store.head() == second  # it crashed after
        assert not (tmp_path / "state" / "next.json").exists()


async def test_a_state_directory_that_cannot_be_written_stops_no_change_of_the_file(tmp_path: Path) -> None:
    path = tmp_path / "flags.json"
    (tmp_path / "blocked").write_text("a file where the directory would be made")
    store = FileFlags(path, writable=False, state=tmp_path / "blocked" / "state", timeout=PATIENCE)
    write(path, 1)
    async with kept(store, poll=0.05) as (keeper,):
        for percent in (2, 3):
            write(path, percent)
            await until(lambda percent=percent: percentage(keeper.current) == percent)  # type: ignore[misc]
        assert [percentage(each) for each in await store.history()] == [3, 2, 1]
        (tmp_path / "blocked").unlink()
        write(path, 4)
        await until(lambda: percentage(keeper.current) == 4)
        assert len(list((tmp_path / "blocked" / "state").glob("*.json"))) == 4


async def test_a_put_that_cannot_be_written_is_told_and_changes_nothing(tmp_path: Path) -> None:
    path = tmp_path / "flags.json"
    (tmp_path / "blocked").write_text("")
    store = FileFlags(path, writable=True, state=tmp_path / "blocked" / "state", timeout=PATIENCE)
    async with kept(store) as (keeper,):
        with pytest.raises(StoreAway):
            await keeper.put(building(1), None)
        assert keeper.current is None
        assert not path.exists()


@pytest.mark.parametrize("suffix", [".json", ".yaml"])
def test_a_document_that_was_dumped_is_read_as_it_was(suffix: str) -> None:
    rich = Document.model_validate(
        {
            "kill": True,
            "flags": {
                "a": {
                    "description": "ü: 'quoted' \U0001f600 \n- x",
                    "deny": [{"tenants": ["null", "12", "on"], "when": {"app": ["yes", "1.5", "~"]}}],
                    "rollout": [
                        {
                            "crossover": 0.001,
                            "plan": {
                                "steps": [{"crossover": 5, "hold": "1h"}],
                                "since": "2026-01-02T03:04:05Z",
                            },
                        }
                    ],
                }
            },
        }
    )
    as_yaml = suffix == ".yaml"
    assert parse_document(dump_document(rich, as_yaml=as_yaml), as_yaml=as_yaml) == rich


def test_a_link_stays_a_link_and_a_mode_stays_the_mode(tmp_path: Path) -> None:
    target = tmp_path / "target"
    target.write_text("old")
    target.chmod(0o640)
    (tmp_path / "link").symlink_to("target")
    write_atomically(tmp_path / "link", b"new")
    assert (tmp_path / "link").is_symlink()
    assert target.read_text() == "new"
    assert target.stat().st_mode & 0o777 == 0o640
    assert sorted(each.name for each in tmp_path.iterdir()) == ["link", "target"]


def damaged(change: Callable[[str], str]) -> Callable[[Path], None]:
    def damage(path: Path) -> None:
        path.write_text(change(path.read_text()))

    return damage


@pytest.mark.parametrize(
    "damage",
    [
        damaged(lambda text: text[: len(text) // 2]),
        damaged(lambda text: ""),
        damaged(lambda text: text.replace("ada", "eve")),
        damaged(lambda text: text.replace('"crossover": 5.0', '"crossover": 6.0')),
        damaged(lambda text: '{"version": 1, "flags": {}}'),
        damaged(lambda text: "[]"),
        damaged(lambda text: "[" * 100_000),
        lambda path: path.write_bytes(b"\xff\xfe\x00"),
        lambda path: (path.unlink(), path.mkdir()),
    ],
)
def test_a_copy_that_is_not_as_it_was_saved_is_not_used(
    tmp_path: Path, damage: Callable[[Path], object]
) -> None:
    copy, version = FlagCopy(tmp_path / "copy"), following(None, 5)
    assert copy.load() is None
    assert copy.save(version)
    assert copy.load() == version
    damage(tmp_path / "copy")
    assert copy.load() is None


@contextmanager
def full_disk() -> Iterator[None]:
    """No file of this process may grow beyond 100 bytes."""
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100, limits[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)


def test_a_full_disk_keeps_the_copy_that_was_there(tmp_path: Path) -> None:
    copy, version = FlagCopy(tmp_path / "copy"), following(None, 5)
    copy.save(version)
    with full_disk():
        assert not copy.save(following(version, 6))
    assert copy.load() == version
    assert [each.name for each in tmp_path.iterdir()] == ["copy"]

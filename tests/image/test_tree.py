"""Files on their way into an image: the same content is the same bytes."""

from __future__ import annotations

import io
import tarfile
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from image.tree import File, Folder, Link, Tree

FILES = st.builds(File, st.binary(max_size=9), st.sampled_from([0o644, 0o755]))


def _tar(tree: Tree) -> bytes:
    target = io.BytesIO()
    tree.write_tar(target)
    return target.getvalue()


@given(st.dictionaries(st.text("abcü", min_size=1, max_size=5), FILES, max_size=6))
def test_the_order_of_insertion_does_not_show(nodes: dict[str, File]) -> None:
    turned = dict(reversed(list(nodes.items())))
    assert _tar(Tree({**nodes})) == _tar(Tree({**turned}))


@given(
    st.dictionaries(
        st.text("abcü", min_size=1, max_size=150).map(lambda name: f"usr/{name}"),
        FILES | st.builds(Link, st.just("../x")),
    )
)
def test_a_tar_gives_back_what_went_in(nodes: dict[str, File | Link]) -> None:
    assert Tree.of_tar(io.BytesIO(_tar(Tree({**nodes})))) == Tree({**nodes})


def test_special_and_empty_folders_survive_and_others_are_made_as_needed(tmp_path: Path) -> None:
    tree = Tree(
        {"tmp": Folder(0o1777), "usr/bin/x": File(b"x", 0o755), "bin": Link("usr/bin"), "proc": Folder()}
    )
    with tarfile.open(fileobj=io.BytesIO(_tar(tree))) as archive:
        assert {member.name: oct(member.mode) for member in archive} == {
            "bin": "0o777",
            "proc": "0o755",
            "tmp": "0o1777",
            "usr": "0o755",
            "usr/bin": "0o755",
            "usr/bin/x": "0o755",
        }
    tree.write_folder(tmp_path)
    assert Tree.of_folder(tmp_path) == Tree.of_tar(io.BytesIO(_tar(tree))) == tree


def test_no_time_and_no_user_of_the_machine_is_in_a_tar(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    with tarfile.open(fileobj=io.BytesIO(_tar(Tree.of_folder(tmp_path)))) as archive:
        [member] = archive.getmembers()
    assert (member.uid, member.gid, member.uname, member.gname) == (0, 0, "", "")
    assert member.mtime == 315532800


def test_nothing_in_an_image_lends_its_owner_to_who_runs_it() -> None:
    source = io.BytesIO()
    with tarfile.open(fileobj=source, mode="w") as archive:
        member = tarfile.TarInfo("./usr/bin/passwd")
        member.mode, member.uid = 0o4755, 0
        archive.addfile(member, io.BytesIO())
    source.seek(0)
    assert Tree.of_tar(source).nodes == {"usr/bin/passwd": File(b"", 0o755)}


def test_patterns_cross_slashes() -> None:
    tree = Tree({path: File(b"") for path in ("usr/lib/a.so", "usr/lib/deep/b.so", "usr/lib/c.py")})
    assert list(tree.only("usr/lib/*.so").nodes) == ["usr/lib/a.so", "usr/lib/deep/b.so"]
    assert list(tree.without(["usr/lib/*.so"]).nodes) == ["usr/lib/c.py"]
    assert tree.without([]) == tree
    assert tree.only() == Tree()


def test_what_lies_beyond_another_tree_is_new_or_different() -> None:
    below = Tree({"same": File(b"1"), "changed": File(b"1")})
    assert Tree({"same": File(b"1"), "changed": File(b"2"), "new": Link("same")}).beyond(below) == Tree(
        {"changed": File(b"2"), "new": Link("same")}
    )

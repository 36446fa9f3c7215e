"""An archive is read into memory by name, or refused in one line that names the file and the fault."""

import contextlib
import io
import os
import stat
import struct
import tarfile
import zipfile

import pytest

import tinyconv as tc
from tests.data.readers.builders import tar_of, zip_of
from tests.refusal import assert_refused
from tinyconv.data import tar
from tinyconv.data.archives import open_archive

MEMBERS = {"top/b.txt": b"second", "top/a.txt": b"", "c": bytes(range(256)) * 9}


def opened(path, content, *, largest=1 << 20, total=1 << 22, most=100):
    """All members of the archive `content`, in its order."""
    path.write_bytes(content)
    with open_archive(path, largest=largest, total=total, most=most) as archive:
        return {name: archive.read(name) for name in archive.sizes}


def refused(path, content, match, **limits):
    with assert_refused(match) as caught:
        opened(path, content, **limits)
    assert path.name in str(caught.value)


@pytest.mark.parametrize("packed", [
    zip_of(MEMBERS), zip_of(MEMBERS, zipfile.ZIP_STORED), tar_of(MEMBERS), tar_of(MEMBERS, packed=False),
    tar_of(MEMBERS, format=tarfile.GNU_FORMAT), tar_of(MEMBERS, format=tarfile.USTAR_FORMAT),
], ids=["deflated", "stored", "tar.gz", "tar", "GNU", "ustar"])
def test_members_come_back_whole_and_in_order(tmp_path, packed):
    assert list(opened(tmp_path / "a", packed).items()) == list(MEMBERS.items())


def test_a_folder_is_read_like_an_archive(tmp_path):
    for name, content in MEMBERS.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(content)
    with open_archive(tmp_path, largest=10_000, total=10_000) as archive:
        assert {name: archive.read(name) for name in archive.sizes} == MEMBERS
        assert list(archive.sizes) == ["c", "top/a.txt", "top/b.txt"]


def test_a_folder_may_hold_what_is_too_large_to_be_read(tmp_path):
    (tmp_path / "large").write_bytes(bytes(100))
    (tmp_path / "small").write_bytes(b"1")
    with open_archive(tmp_path, largest=99, total=99) as archive:
        assert archive.read("small") == b"1"
        with pytest.raises(tc.DataError, match="large is 100 bytes, at most 99"):
            archive.read("large")
    with pytest.raises(tc.DataError, match="more than 1 files"), open_archive(tmp_path, largest=99, total=99, most=1):
        pass


def test_a_tar_is_read_in_any_order(tmp_path):
    (tmp_path / "a").write_bytes(tar_of(MEMBERS))
    with open_archive(tmp_path / "a", largest=10_000, total=10_000) as archive:
        for name in ["c", "top/b.txt", "c", "top/a.txt"]:
            assert archive.read(name) == MEMBERS[name]
        with pytest.raises(tc.DataError, match="holds no top/x"):
            archive.read("top/x")


def test_long_and_foreign_names_of_tars_are_understood(tmp_path):
    members = {"x" * 150 + "/é.txt": b"1", "y/" * 60 + "z": b"2"}
    for dialect in (tarfile.PAX_FORMAT, tarfile.GNU_FORMAT):
        assert opened(tmp_path / "a", tar_of(members, format=dialect)) == members
    prefixed = {"y/" * 60 + "z": b"2"}
    assert opened(tmp_path / "a", tar_of(prefixed, format=tarfile.USTAR_FORMAT)) == prefixed
    assert opened(tmp_path / "a", tar_of({"./s1/1.pgm": b"3"})) == {"s1/1.pgm": b"3"}


def test_nothing_is_written(tmp_path):
    opened(tmp_path / "a", tar_of(MEMBERS))
    opened(tmp_path / "a", zip_of(MEMBERS))
    assert os.listdir(tmp_path) == ["a"]


OUTSIDE = ["/etc/passwd", "../x", "a/../../x", "C:/x", "c:x", "..\\x", "a\\b", ".."]


@pytest.mark.parametrize("name", OUTSIDE)
@pytest.mark.parametrize("pack", [zip_of, tar_of])
def test_a_name_that_leads_elsewhere_is_refused(tmp_path, pack, name):
    refused(tmp_path / "a", pack({"fine": b"", name: b"x"}), "not a relative path|leads out of its folder")


@pytest.mark.parametrize("name", ["../out/", "/out/"])
def test_folders_that_lead_elsewhere_are_refused(tmp_path, name):
    refused(tmp_path / "a", zip_of({name: b""}), "not a relative path|leads out of its folder")
    folder = tarfile.TarInfo(name)
    folder.type = tarfile.DIRTYPE
    refused(tmp_path / "a", tar_of({name: folder}), "not a relative path|leads out of its folder")


@pytest.mark.parametrize(("kind", "word"), [
    (tarfile.SYMTYPE, "symbolic link"), (tarfile.LNKTYPE, "hard link"), (tarfile.CHRTYPE, "device"), (tarfile.BLKTYPE, "device"),
    (tarfile.FIFOTYPE, "pipe"), (tarfile.GNUTYPE_SPARSE, "sparse"), (b"Q", "unknown type 'Q'"),
])
def test_what_is_no_file_in_a_tar_is_refused_by_name(tmp_path, kind, word):
    info = tarfile.TarInfo("odd")
    info.type, info.linkname = kind, "/etc/passwd"
    refused(tmp_path / "a", tar_of({"odd": info}), f"odd is a .*{word}")


@pytest.mark.parametrize(("mode", "word"), [(stat.S_IFLNK, "symbolic link"), (stat.S_IFCHR, "device"), (stat.S_IFIFO, "pipe")])
def test_what_is_no_file_in_a_zip_is_refused_by_name(tmp_path, mode, word):
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        info = zipfile.ZipInfo("odd")
        info.create_system, info.external_attr = 3, (mode | 0o777) << 16
        archive.writestr(info, "/etc/passwd")
    refused(tmp_path / "a", buffer.getvalue(), f"odd is a {word}")


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="this system has no named pipes")
def test_pipes_are_refused_before_they_are_opened(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    for place in (tmp_path, tmp_path / "pipe"):
        with pytest.raises(tc.DataError, match="not a regular file"), open_archive(place, largest=9, total=9):
            pass


@pytest.mark.parametrize("pack", [zip_of, tar_of])
def test_limits_are_kept(tmp_path, pack):
    content = pack({"a": bytes(600), "b": bytes(600)})
    assert len(opened(tmp_path / "a", content, largest=600, total=1200, most=2)) == 2
    refused(tmp_path / "a", content, "a is 600 bytes, at most 599", largest=599)
    refused(tmp_path / "a", content, "more than 1,199 bytes", total=1199)
    refused(tmp_path / "a", content, "more than 1 files", most=1)


@pytest.mark.parametrize("pack", [zip_of, tar_of])
def test_a_decompression_bomb_is_refused(tmp_path, monkeypatch, pack):
    content = pack({"a": bytes(1 << 20)})
    monkeypatch.setattr(tar, "FREE_BYTES", 1 << 18)
    refused(tmp_path / "a", content, "200 times its size")
    assert len(opened(tmp_path / "a", pack({"a": bytes(1 << 18)[:200_000]}))["a"]) == 200_000


def test_a_name_that_is_there_twice_is_refused(tmp_path):
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive, contextlib.suppress(UserWarning):
        archive.writestr("a", "1")
        archive.writestr("b", "2")
    twice = buffer.getvalue().replace(b"b", b"a")
    refused(tmp_path / "a", twice, "holds a twice")
    refused(tmp_path / "a", tar_of({"a": b"1", "./a": b"2"}), "holds a twice")


def test_an_encrypted_member_is_refused(tmp_path):
    content = bytearray(zip_of({"a": b"secret"}))
    for mark, place in ((b"PK\3\4", 6), (b"PK\1\2", 8)):
        content[content.index(mark) + place] |= 1
    refused(tmp_path / "a", bytes(content), "a is encrypted")


@pytest.mark.parametrize("method", [zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_a_method_with_unbounded_memory_is_refused(tmp_path, method):
    refused(tmp_path / "a", zip_of({"a": b"text"}, method), "packed by method")


def test_sizes_that_lie_are_refused(tmp_path):
    content = zip_of({"a": bytes(1000)})
    directory = content.index(b"PK\1\2")

    def claim(size):
        return content[: directory + 24] + struct.pack("<I", size) + content[directory + 28 :]

    refused(tmp_path / "a", claim(999), "not a whole zip|unpacks to")
    refused(tmp_path / "a", claim(1001), "not a whole zip|unpacks to 1,000 bytes")
    refused(tmp_path / "a", claim(1 << 30), "cannot unpack to 1,073,741,824 bytes", largest=1 << 40, total=1 << 40)


def test_a_wrong_checksum_is_one_line(tmp_path):
    refused(tmp_path / "a", zip_of(MEMBERS, zipfile.ZIP_STORED).replace(b"second", b"fecond"), "CRC-32")
    refused(tmp_path / "a", tar_of(MEMBERS)[:-8] + bytes(8), "cut short or damaged")
    plain = bytearray(tar_of(MEMBERS, packed=False))
    plain[0] ^= 1
    refused(tmp_path / "a", bytes(plain), "is not a zip")


@pytest.mark.parametrize("pack", [zip_of, tar_of, lambda members: tar_of(members, packed=False)], ids=["zip", "tar.gz", "tar"])
def test_every_truncation_is_one_line(tmp_path, pack):
    content = pack(MEMBERS)
    end = len(content) if content[257:262] != b"ustar" else len(content.rstrip(b"\0"))  # a tar ends with zeros
    for length in [*range(0, 600, 7), *range(600, end - 1, end // 40)]:
        refused(tmp_path / "a", content[: min(length, end - 1)], "cut short|not a zip|not a whole zip|damaged")


def test_a_huge_tar_header_is_refused_before_it_is_read(tmp_path):
    for kind in (tarfile.XHDTYPE, tarfile.GNUTYPE_LONGNAME, tarfile.REGTYPE):
        info = tarfile.TarInfo("a")
        info.type, info.size = kind, 1 << 60
        refused(tmp_path / "a", info.tobuf(tarfile.GNU_FORMAT), "bytes, at most")


def test_headers_without_files_are_counted(tmp_path, monkeypatch):
    monkeypatch.setattr(tar, "MOST_HEADERS", 20)
    folder = tarfile.TarInfo("a")
    folder.type = tarfile.DIRTYPE
    blocks = folder.tobuf(tarfile.USTAR_FORMAT)
    assert opened(tmp_path / "a", blocks * 20 + bytes(1024)) == {}
    refused(tmp_path / "a", blocks * 21 + bytes(1024), "more than 20 tar headers")


def test_negative_sizes_of_tars_do_not_loop(tmp_path):
    info = tarfile.TarInfo("a")
    block = bytearray(info.tobuf(tarfile.GNU_FORMAT))
    block[124:136] = b"\xff" * 12  # -1 in GNU's base 256
    block[148:156] = b" " * 8
    block[148:156] = b"%06o\0 " % sum(block)
    refused(tmp_path / "a", bytes(block) + bytes(1024), "damaged")


@pytest.mark.parametrize("content", [b"", b"text", b"PK\3\4", b"PK\5\6" + bytes(18), b"\x1f\x8b", b"\x1f\x9d\x90", b"BZh9",
                                     b"\xfd7zXZ\0", b"Rar!\x1a", b"7z\xbc\xaf\x27", bytes(511)])
def test_what_is_no_archive_is_one_line(tmp_path, content):
    path = tmp_path / "a"
    if content.startswith(b"PK\5\6"):
        assert opened(path, content) == {}  # an empty zip
    else:
        refused(path, content, "is not a zip|not a whole zip|cut short|expected a zip")


def test_what_is_absent_is_one_line(tmp_path):
    with pytest.raises(tc.DataError, match="does not exist"), open_archive(tmp_path / "absent", largest=1, total=1):
        pass

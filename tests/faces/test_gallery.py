"""A gallery enrols, verifies, identifies, lists, removes and exports; every answer is that of the plain definition."""

import json
import os
import stat
import subprocess
import sys
import threading
from pathlib import Path

import numpy as np
import pytest

import tinyconv as tc
from tests.faces.invented import DIMENSION, encoder, points
from tests.refusal import assert_refused
from tinyconv.faces.gallery import Gallery
from tinyconv.faces.nearest import Nearest

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def gallery(tmp_path):
    with Gallery.open(tmp_path / "faces.db", encoder(), create=True) as opened:
        yield opened


def turned(point, angle):
    """`point` turned by `angle`: its squared distance from it is 2 - 2 cos(angle)."""
    aside = np.zeros_like(point)
    aside[np.argmin(np.abs(point))] = 1
    aside -= point * (aside @ point)
    return (np.cos(angle) * point + np.sin(angle) * aside / np.linalg.norm(aside)).astype(np.float32)


def test_distance_to_a_person_is_the_least_over_their_encodings(gallery):
    ada, grace = points(3), points(2, seed=1)
    assert gallery.enrol("Ada", ada) == 3
    assert gallery.enrol("Grace", grace) == 2
    for query in points(20, seed=2):
        to_ada, to_grace = (((rows.astype(np.float64) - query) ** 2).sum(axis=1).min() for rows in (ada, grace))
        assert gallery.verify(query, "Ada").distance == pytest.approx(to_ada, abs=1e-12)
        found = gallery.identify(query)
        assert found.candidates == tuple(sorted([("Ada", to_ada), ("Grace", to_grace)], key=lambda c: c[1]))
        assert found.recognized == (found.candidates[0][0] if found.candidates[0][1] <= 0.5 else None)


def test_same_person_means_at_most_the_threshold(gallery):
    ada = points(1)[0]
    gallery.enrol("Ada", ada)
    same = gallery.verify(turned(ada, 0.7), "Ada")
    assert same.distance == pytest.approx(2 - 2 * np.cos(0.7), abs=1e-6)
    assert (same.threshold, same.same, same.identity) == (0.5, True, "Ada")
    assert not gallery.verify(turned(ada, 0.75), "Ada").same
    gallery.calibrate(same.distance, false_match_rate=0.001, pairs=5000)
    assert gallery.verify(turned(ada, 0.7), "Ada").same
    assert gallery.identify(turned(ada, 0.7)).recognized == "Ada"


def test_who_is_nearest_is_right_beyond_the_digits_of_a_float32_product(gallery):
    centre, ring = points(1)[0].astype(np.float64), points(100, seed=1).astype(np.float64)
    ring -= np.outer(ring @ centre, centre)
    ring = centre * np.cos(0.1) + ring / np.linalg.norm(ring, axis=1, keepdims=True) * np.sin(0.1)  # all as far from the centre
    ring, centre = ring.astype(np.float32), centre.astype(np.float32)
    for number, point in enumerate(ring):
        gallery.enrol(f"{number:02}", point)
    distances = ((ring.astype(np.float64) - centre) ** 2).sum(axis=1)
    assert np.ptp(distances) < 1e-6
    nearest = [(f"{number:02}", distances[number]) for number in np.argsort(distances)]
    for top_k in (1, 2, 7, 100):
        assert gallery.identify(centre, top_k).candidates == tuple(nearest[:top_k])
    assert [gallery.verify(centre, name).distance for name, _ in nearest] == [distance for _, distance in nearest]


def test_a_picture_that_was_enrolled_is_at_distance_zero(gallery):
    everybody = points(50)
    for number, point in enumerate(everybody):
        gallery.enrol(f"person {number}", point)
    for number, point in enumerate(everybody):
        assert gallery.identify(point, top_k=1).candidates == ((f"person {number}", 0.0),)


def test_of_several_pictures_of_one_face_the_nearest_counts(gallery):
    ada = points(1)[0]
    gallery.enrol("Ada", ada)
    assert gallery.verify(np.stack([-ada, turned(ada, 0.2)]), "Ada").distance == pytest.approx(2 - 2 * np.cos(0.2), abs=1e-6)


def test_stranger_is_not_recognized_and_an_empty_gallery_knows_nobody(gallery):
    assert (gallery.identify(points(1)[0]).candidates, gallery.identify(points(1)[0]).recognized) == ((), None)
    gallery.enrol("Ada", points(1))
    found = gallery.identify(-points(1)[0])
    assert (found.recognized, found.candidates[0][0], found.threshold) == (None, "Ada", 0.5)
    assert found.candidates[0][1] == pytest.approx(4)


def test_top_k_limits_the_candidates_and_ties_go_by_name(gallery):
    for name in ("Cy", "Ada", "Bo"):
        gallery.enrol(name, points(1))
    assert [name for name, _ in gallery.identify(points(1)[0], top_k=2).candidates] == ["Ada", "Bo"]
    assert len(gallery.identify(points(1)[0], top_k=9).candidates) == 3


def test_an_encoding_that_a_person_has_already_is_not_stored_twice(gallery):
    assert gallery.enrol("Ada", points(3)) == 3
    assert gallery.enrol("Ada", points(4)) == 1
    assert gallery.enrol("Ada", points(1, seed=1)[[0, 0]]) == 1
    assert gallery.enrol("Grace", points(3)) == 3
    assert [(person.identity, person.images) for person in gallery.list()] == [("Ada", 5), ("Grace", 3)]


def test_list_tells_when_the_first_and_the_last_encoding_came(gallery, monkeypatch):
    for day in (2, 1, 3):
        monkeypatch.setattr("tinyconv.faces.gallery._now", lambda day=day: f"2026-01-0{day}T00:00:00+00:00")
        gallery.enrol("Ada", points(1, seed=day))
    person, = gallery.list()
    assert (person.first, person.last) == ("2026-01-01T00:00:00+00:00", "2026-01-03T00:00:00+00:00")


def test_everything_is_there_when_the_gallery_is_opened_again(tmp_path):
    with Gallery.open(tmp_path / "faces.db", encoder(), create=True) as gallery:
        gallery.enrol("Ada", points(3))
        gallery.calibrate(1.25, false_match_rate=0.001, pairs=4950)
    assert os.listdir(tmp_path) == ["faces.db"]
    with Gallery.open(tmp_path / "faces.db") as gallery:
        assert [(person.identity, person.images) for person in gallery.list()] == [("Ada", 3)]
        assert gallery.threshold == 1.25
        assert (gallery.calibration.false_match_rate, gallery.calibration.pairs) == (0.001, 4950)
        assert gallery.calibration.calibrated.startswith("20")
        assert (gallery.encoder.name, gallery.encoder.size, gallery.encoder.dimension) == ("random", (20, 16), DIMENSION)
        assert gallery.identify(points(3)[2]).candidates[0] == ("Ada", 0.0)


def test_until_somebody_calibrates_the_threshold_is_the_encoders(gallery):
    assert (gallery.threshold, gallery.calibration) == (0.5, None)


def test_a_gallery_of_another_encoder_is_refused_with_the_fix(tmp_path):
    path = tmp_path / "faces.db"
    Gallery.open(path, encoder(), create=True).close()
    Gallery.open(path, encoder()).close()
    with assert_refused(r"belongs to the encoder random \(\w{16}, faces of 20x16\), got other .* use the encoder random"):
        Gallery.open(path, encoder(name="other"))
    with assert_refused("its weights have changed since; .* or enrol the photographs anew"):
        Gallery.open(path, encoder(fingerprint="0123456789abcdef"), create=True)
    with assert_refused("faces of 32x16"), Gallery.open(path) as gallery:
        gallery.check_encoder(encoder(size=(32, 16)))


def test_enrolment_and_removal_by_another_process_are_seen(gallery):
    gallery.enrol("Ada", points(1))
    assert gallery.identify(points(1)[0]).recognized == "Ada"
    in_another_process(gallery.path, "gallery.enrol('Grace', points(1, seed=1))\n"
                                     "    gallery.calibrate(0.1, false_match_rate=0, pairs=9)")
    assert gallery.identify(points(1, seed=1)[0]).recognized == "Grace"
    assert gallery.threshold == 0.1
    in_another_process(gallery.path, "gallery.remove('Ada'); gallery.enrol('Cy', points(1, seed=2))")
    assert {name for name, _ in gallery.identify(points(1)[0]).candidates} == {"Grace", "Cy"}
    assert gallery.identify(points(1)[0]).recognized is None


def in_another_process(path, statements):
    program = (f"from tests.faces.invented import encoder, points\nfrom tinyconv.faces.gallery import Gallery\n"
               f"with Gallery.open({str(path)!r}, encoder()) as gallery:\n    {statements}\n")
    done = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_only_new_encodings_are_read_after_an_enrolment_and_all_after_a_removal(gallery, monkeypatch):
    read = []
    kept = Gallery._matrix
    monkeypatch.setattr(Gallery, "_matrix", lambda self, rows: read.append(len(rows)) or kept(self, rows))
    gallery.enrol("Ada", points(30))
    with Gallery.open(gallery.path, encoder()) as other:
        for change in (lambda: None, lambda: other.enrol("Bo", points(2, seed=1)), lambda: None,
                       lambda: gallery.enrol("Cy", points(3, seed=2)), lambda: other.remove("Ada"), lambda: gallery.remove("Bo")):
            change()
            gallery.identify(points(1)[0])
    assert read == [30, 2, 3, 5, 3]


@pytest.mark.parametrize("added", [False, True])
def test_ctrl_c_while_encodings_are_read_leaves_answers_right(gallery, monkeypatch, added):
    def interrupt(self, *values, add=Nearest.add):
        if added:
            add(self, *values)
        raise KeyboardInterrupt

    gallery.enrol("Ada", points(2))
    gallery.identify(points(1)[0])
    gallery.enrol("Bo", points(2, seed=1))
    with monkeypatch.context() as patch:
        patch.setattr(Nearest, "add", interrupt)
        with pytest.raises(KeyboardInterrupt):
            gallery.identify(points(1)[0])
    assert gallery.identify(points(2, seed=1)[1]).candidates[0] == ("Bo", 0.0)
    assert gallery.identify(points(2)[1]).candidates[0] == ("Ada", 0.0)
    assert len(gallery._nearest) == 4


def test_an_enrolment_that_is_refused_leaves_nothing(gallery):
    sources = [None, "b.jpg", 7]
    with assert_refused("a source is a int"):
        gallery.enrol("Ada", points(3), sources)
    bad = points(3)
    bad[2] *= 1.01
    with assert_refused("got an embedding of length 1.01, expected 1; divide it by its length"):
        gallery.enrol("Ada", bad)
    assert gallery.list() == ()


def test_an_enrolment_that_fails_anywhere_leaves_nothing(gallery):
    connection, failed, enrolled, instructions = gallery._database._connection, 0, 0, 1
    while not enrolled:
        times = iter([1])  # it gives up after so many of SQLite's instructions, once
        connection.set_progress_handler(lambda times=times: next(times, 0), instructions)
        try:
            enrolled = gallery.enrol("Ada", points(3))
        except tc.DataError:
            failed, instructions = failed + 1, instructions + max(1, instructions // 5)
        connection.set_progress_handler(None, 0)
        assert [person.images for person in gallery.list()] == ([3] if enrolled else [])
    assert failed > 5


@pytest.mark.parametrize(("wrong", "error"), [
    (points(1)[0, :-1], tc.ShapeError), (points(2)[None], tc.ShapeError), (points(0), tc.ShapeError), (0.5, tc.ShapeError),
    (np.ones((1, DIMENSION), np.int64), tc.ShapeError), ([[1.0], [1.0, 2.0]], tc.DataError), (None, tc.ShapeError),
    (np.full(DIMENSION, np.nan, np.float32), tc.DataError), (np.zeros(DIMENSION, np.float32), tc.DataError),
    (np.full(DIMENSION, np.inf), tc.DataError),
])
@pytest.mark.parametrize("call", ["enrol", "verify", "identify"])
def test_what_is_no_embedding_is_refused(gallery, wrong, error, call):
    gallery.enrol("Ada", points(1))
    with assert_refused(call, error):
        {"enrol": lambda: gallery.enrol("Bo", wrong), "verify": lambda: gallery.verify(wrong, "Ada"),
         "identify": lambda: gallery.identify(wrong)}[call]()
    assert len(gallery.list()) == 1


def test_float64_embeddings_are_kept_as_float32(gallery):
    exact = points(1)[0].astype(np.float64)
    exact /= np.linalg.norm(exact)
    gallery.enrol("Ada", exact)
    assert gallery.verify(exact.astype(np.float32), "Ada").distance == 0


def test_arguments_are_checked(gallery):
    with assert_refused("got 2 embeddings and 1 sources", tc.ShapeError):
        gallery.enrol("Ada", points(2), ["a.jpg"])
    with assert_refused("identify: got 2 embeddings", tc.ShapeError):
        gallery.identify(points(2))
    for k in (0, True, 1.5):
        with assert_refused("top_k"):
            gallery.identify(points(1)[0], top_k=k)
    for wrong in ((4.1, 0.1, 9), (-0.1, 0.1, 9), (1, 2, 9), (1, 0.1, 0), (float("nan"), 0.1, 9)):
        with assert_refused("calibrate"):
            gallery.calibrate(wrong[0], false_match_rate=wrong[1], pairs=wrong[2])
    assert gallery.threshold == 0.5


def test_nobody_of_that_name_suggests_close_ones(gallery):
    for name in ("Ada Lovelace", "Grace Hopper"):
        gallery.enrol(name, points(1))
    with assert_refused(r"faces.db is called ada lovelase; did you mean Ada Lovelace\?"):
        gallery.verify(points(1)[0], "ada lovelase")
    with assert_refused(r"nobody in .* is called Alan Turing\."):
        gallery.remove("Alan Turing")
    assert len(gallery.list()) == 2


def test_one_name_written_in_two_ways_is_one_person(gallery):
    gallery.enrol("Zoe\u0308 ", points(1))
    gallery.enrol("\tZo\u00eb", points(1, seed=1))
    assert [(person.identity, person.images) for person in gallery.list()] == [("Zo\u00eb", 2)]
    assert gallery.verify(points(1)[0], "Zoe\u0308").same


@pytest.mark.parametrize("name", [
    "李小龙", "नर\u200dसिंह", "O'Hara; DROP TABLE encoding", "%_*?", "A" * 200, "😀", "a/b\\c", "'\"",
])
def test_names_in_any_script_are_kept_as_they_are(gallery, name):
    gallery.enrol(name, points(1))
    assert gallery.identify(points(1)[0]).recognized == name
    assert gallery.remove(name) == 1
    assert gallery.list() == ()


@pytest.mark.parametrize("name", [
    "", "  \t", "\u200d", "a\nb", "a\0b", "\x1b[31mred", "\u202egnp.exe", "a\ud800", "a\u2028b", "A" * 201, None, 7, b"Ada",
])
def test_what_is_no_name_is_refused(gallery, name):
    for call in (lambda: gallery.enrol(name, points(1)), lambda: gallery.verify(points(1)[0], name),
                 lambda: gallery.remove(name)):
        with assert_refused("the identity"):
            call()


def test_export_holds_everything_and_every_digit(gallery, tmp_path):
    gallery.enrol("Zo\u00eb", points(2), ["a/1.jpg", Path("b") / "2.jpg"])
    gallery.enrol("Ada", points(1, seed=1))
    gallery.enrol("Odd", points(1, seed=2), [os.fsdecode(b"caf\xe9.jpg")])
    gallery.calibrate(1.25, false_match_rate=0.001, pairs=4950)
    gallery.export(tmp_path / "faces.json")
    told = json.loads((tmp_path / "faces.json").read_text(encoding="utf-8"))
    assert told["encoder"] == {"name": "random", "fingerprint": encoder().fingerprint, "size": [20, 16], "dimension": DIMENSION}
    assert (told["threshold"], told["calibration"]["pairs"]) == (1.25, 4950)
    assert [(row["identity"], row["source"]) for row in told["encodings"]] == [
        ("Ada", None), ("Odd", "caf\\udce9.jpg"), ("Zo\u00eb", "a/1.jpg"), ("Zo\u00eb", str(Path("b") / "2.jpg"))]
    kept = np.array([row["encoding"] for row in told["encodings"]], np.float32)
    np.testing.assert_array_equal(kept, np.concatenate([points(1, seed=1), points(1, seed=2), points(2)]))


def test_export_of_an_empty_gallery_is_json_too(gallery, tmp_path):
    gallery.export(tmp_path / "faces.json")
    assert json.loads((tmp_path / "faces.json").read_text(encoding="utf-8"))["encodings"] == []


@pytest.mark.parametrize("ending", ["", "-wal", "-shm"])
def test_export_never_overwrites_the_gallery(gallery, tmp_path, ending):
    gallery.enrol("Ada", points(1))
    with assert_refused("is the gallery itself"):
        gallery.export(tmp_path / "elsewhere" / ".." / f"faces.db{ending}")
    with assert_refused("cannot be written"):
        gallery.export(tmp_path / "nowhere" / "faces.json")
    assert gallery.identify(points(1)[0]).recognized == "Ada"


@pytest.mark.skipif(os.name != "posix", reason="this system has no such permissions")
def test_nobody_else_may_read_a_new_gallery(gallery):
    gallery.enrol("Ada", points(1))
    for ending in ("", "-wal", "-shm"):
        assert stat.S_IMODE(os.stat(f"{gallery.path}{ending}").st_mode) == 0o600


def test_threads_share_one_gallery(gallery):
    everybody, faults = points(40), []

    def work(first):
        try:
            for number in range(first, 40, 4):
                gallery.enrol(f"person {number}", everybody[number])
                assert gallery.identify(everybody[number], top_k=1).candidates == ((f"person {number}", 0.0),)
        except Exception as error:
            faults.append(error)

    threads = [threading.Thread(target=work, args=(first,)) for first in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert faults == []
    assert len(gallery.list()) == 40


def test_a_closed_gallery_says_so(tmp_path):
    gallery = Gallery.open(tmp_path / "faces.db", encoder(), create=True)
    gallery.close()
    gallery.close()
    with assert_refused("faces.db is closed; open the gallery again"):
        gallery.list()

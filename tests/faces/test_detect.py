"""The detector on drawn pictures with nets whose answer is known, and on photographs with the published weights."""

from pathlib import Path
from types import SimpleNamespace

import matplotlib as mpl
import numpy as np
import pytest

import tinyconv as tc
from tests.refusal import assert_refused
from tinyconv.data.areas import Areas
from tinyconv.data.images import read_image
from tinyconv.data.warps import affine_matrix, warp
from tinyconv.faces import detect as module
from tinyconv.faces.align import align
from tinyconv.faces.detect import detect
from tinyconv.models.mobilefacenet import load_mobilefacenet
from tinyconv.models.mtcnn import MTCNN, load_mtcnn

FACE = np.array([[0.3, 0.4], [0.7, 0.4], [0.5, 0.6], [0.35, 0.8], [0.65, 0.8]])  # the same in a mirror


# What a drawn face looks like in a window of 12 pixels: bright in the middle, dark at the rim, and in between it does not matter.
RIM, MIDDLE = np.ones((12, 12), bool), np.zeros((12, 12), bool)
RIM[1:-1, 1:-1] = False
MIDDLE[2:-2, 2:-2] = True


def likeness(x, window, landmarks=()):
    """A net that likes windows that look like that, and leaves their boxes where they are."""
    weight = np.kron(MIDDLE / MIDDLE.sum() - RIM / RIM.sum(), np.ones((window // 12, window // 12))) / (window // 12) ** 2
    grey = np.asarray(x).mean(axis=-1, keepdims=True, dtype=np.float32)
    logit = 10 * (tc.conv2d(grey, weight[..., None, None].astype(np.float32), stride=2, kernel="im2col").data - 0.6)
    rest = np.broadcast_to(np.float32([0, 0, 0, 0, *landmarks]), (*logit.shape[:-1], 4 + len(landmarks)))
    return tc.tensor(np.concatenate([-logit, logit, rest], axis=-1))


NETS = SimpleNamespace(
    pnet=lambda x: likeness(x, 12), rnet=lambda x: likeness(x, 24)[:, 0, 0],
    onet=lambda x: likeness(x, 48, FACE.T.ravel())[:, 0, 0],
)
SQUARES = [(20, 30, 30), (90, 50, 42)]  # x, y, side


def dark_with(*squares, size=(130, 170)):
    picture = np.zeros((*size, 3), np.float32)
    for x, y, side in squares:
        picture[y : y + side, x : x + side] = 1
    return picture


def test_drawn_faces_of_two_sizes_are_found_where_they_are():
    found = sorted(detect(dark_with(*SQUARES), NETS), key=lambda face: face.box[0])
    assert len(found) == 2
    for face, (x, y, side) in zip(found, SQUARES, strict=True):
        x0, y0, x1, y1 = face.box
        assert x1 - x0 == pytest.approx(y1 - y0)
        assert x1 - x0 == pytest.approx(side / 0.75, rel=0.12)
        np.testing.assert_allclose([(x0 + x1) / 2, (y0 + y1) / 2], [x + side / 2, y + side / 2], atol=0.1 * side)
        np.testing.assert_allclose(face.landmarks, [x0, y0] + (x1 - x0) * FACE, atol=1e-3)
        assert 0.7 <= face.score <= 1


def test_best_score_comes_first():
    for dimmed in SQUARES:
        picture = dark_with(*SQUARES)
        x, y, side = dimmed
        picture[y : y + side, x : x + side] = 0.85
        best, other = detect(picture, NETS)
        assert best.score > other.score
        assert abs((other.box[0] + other.box[2]) / 2 - (x + side / 2)) < 0.1 * side


def test_nothing_is_found_where_there_is_nothing_or_no_room():
    assert detect(np.zeros((130, 170, 3)), NETS) == []
    assert detect(np.ones((39, 170, 3)), NETS) == []
    assert detect(np.ones((1, 1, 3)), NETS) == []
    assert detect(dark_with(*SQUARES), NETS, min_size=110) == []
    assert len(detect(dark_with(*SQUARES), NETS, min_size=56)) == 1


def test_bands_of_a_large_copy_find_what_the_whole_finds(monkeypatch):
    copy = np.random.default_rng(0).random((45, 31, 3), np.float32)
    pnet = MTCNN(np.random.default_rng(1)).pnet
    with tc.no_grad():
        boxes, scores = module._cells(copy, pnet, 0.0)
        assert len(boxes) == 18 * 11
        for band in (1, 2 * 31 * 5):
            monkeypatch.setattr(module, "BAND", band)
            parts = module._cells(copy, pnet, 0.0)
            np.testing.assert_allclose(parts[0], boxes, atol=1e-4)
            np.testing.assert_allclose(parts[1], scores, atol=1e-5)


def test_windows_in_parts_are_seen_as_all_at_once(monkeypatch):
    areas, rnet = Areas(np.random.default_rng(0).random((40, 50, 3), np.float32)), MTCNN(np.random.default_rng(1)).rnet
    boxes = np.random.default_rng(2).random((5, 4)) * 10 + [0, 0, 20, 20]
    with tc.no_grad():
        at_once = module._heads(areas, boxes, rnet, 24)
        monkeypatch.setitem(module.AT_ONCE, 24, 2)
        np.testing.assert_allclose(module._heads(areas, boxes, rnet, 24), at_once, atol=1e-5)


def test_landmarks_of_the_mirrored_picture_are_the_mirrored_landmarks():
    rng = np.random.default_rng(0)
    picture, onet = rng.random((60, 80, 3), np.float32), MTCNN(rng).onet
    box = np.array([[10.0, 5.0, 50.0, 45.0]])
    with tc.no_grad():
        found = module._landmarks(Areas(picture), box, onet)[0]
        mirrored = module._landmarks(Areas(picture[:, ::-1]), np.array([[30.0, 5.0, 70.0, 45.0]]), onet)[0]
    np.testing.assert_allclose(mirrored[[1, 0, 2, 4, 3]] * [-1, 1] + [80, 0], found, atol=1e-2)


def test_untrained_nets_end_without_a_fault_whatever_they_find():
    picture = np.random.default_rng(0).random((60, 70, 3), np.float32)
    for face in detect(picture, MTCNN(np.random.default_rng(1)), thresholds=(0.5, 0.0, 0.0)):
        assert np.isfinite([*face.box, *face.landmarks.ravel()]).all()


def test_copies_shrink_by_the_factor_until_no_window_fits():
    assert list(module._levels((100, 200), 0.5, 0.5)) == [(50, 100), (25, 50), (12, 25)]
    assert list(module._levels((23, 200), 0.5, 0.5)) == []


PICTURE = np.zeros((50, 60, 3))


@pytest.mark.parametrize(("picture", "options", "match"), [
    (np.zeros((50, 60)), {}, "expected a float picture"), (np.zeros((50, 60, 3), np.uint8), {}, "uint8"),
    (np.full((50, 60, 3), np.nan), {}, "NaN"), (np.full((50, 60, 3), 255.0), {}, "divide by 255"),
    (PICTURE, {"min_size": 11}, "min_size is 11"), (PICTURE, {"min_size": "40"}, "min_size"),
    (PICTURE, {"factor": 1.0}, "factor is 1.0"), (PICTURE, {"factor": 0}, "factor is 0"),
    (PICTURE, {"thresholds": 0.5}, "thresholds is 0.5"), (PICTURE, {"thresholds": (0.5, 0.5)}, "three probabilities"),
    (PICTURE, {"thresholds": (0.5, 0.5, 1.5)}, "thresholds is 1.5"),
])
def test_wrong_input_is_refused_in_one_line(picture, options, match):
    with assert_refused(match):
        detect(picture, NETS, **options)


# --- Photographs and published weights -------------------------------------------------------------------


ASTRONAUT = [(204, 100), (247, 103), (225, 128), (201, 139), (245, 141)]


@pytest.fixture
def mtcnn(pack):
    return load_mtcnn(pack("weights/mtcnn_facenet.npz"))


@pytest.fixture
def astronaut(pack):
    return read_image(pack("style/astronaut.png"))


@pytest.fixture
def hopper():
    return read_image(Path(mpl.get_data_path()) / "sample_data" / "grace_hopper.jpg")


@pytest.mark.slow
def test_the_astronaut_has_one_face_with_known_landmarks(mtcnn, astronaut):
    (face,) = detect(astronaut, mtcnn)
    np.testing.assert_allclose(face.landmarks, ASTRONAUT, atol=2)
    assert face.score > 0.99


@pytest.mark.slow
def test_the_astronaut_on_its_side_is_not_found_as_if_upright(mtcnn, astronaut):
    assert all(face.score < 0.99 for face in detect(astronaut.swapaxes(0, 1).copy(), mtcnn))


@pytest.mark.slow
def test_two_faces_of_different_sizes_in_one_photograph_are_both_found(mtcnn, astronaut, hopper):
    both = np.full((640, 1000, 3), 0.5, np.float32)
    both[50:562, :512] = astronaut
    both[200:500, 650:906] = Areas(hopper).resized((300, 256))
    left, right = sorted(detect(both, mtcnn), key=lambda face: face.box[0])
    np.testing.assert_allclose(left.landmarks, np.add(ASTRONAUT, [0, 50]), atol=2.5)
    (alone,) = detect(hopper, mtcnn)
    np.testing.assert_allclose(right.landmarks, alone.landmarks / 2 + [650, 200], atol=2.5)


@pytest.mark.slow
def test_a_face_is_found_again_when_the_photograph_is_enlarged_shrunk_or_turned(mtcnn, astronaut):
    for scale, angle in ((2.0, 0), (0.5, 0), (1.0, 10), (1.3, -10)):
        size = round(512 * scale)
        matrix = affine_matrix(angle, scale, centre=(256, 256), shift=(size / 2 - 256, size / 2 - 256))
        picture = Areas(astronaut).resized((size, size)) if angle == 0 else warp(astronaut, matrix, (size, size))
        (face,) = detect(picture, mtcnn, min_size=30)
        expected = np.array(ASTRONAUT) @ matrix[:2, :2].T + matrix[:2, 2]
        np.testing.assert_allclose(face.landmarks, expected, atol=3 * max(scale, 1))


@pytest.mark.slow
def test_the_same_face_is_near_itself_and_far_from_another(mtcnn, astronaut, hopper, pack):
    net = load_mobilefacenet(pack("weights/mobilefacenet_casia_112x96.npz"))
    shrunk = Areas(astronaut).resized((300, 300))
    turned = warp(astronaut, affine_matrix(8, centre=(225, 120), shift=(3, 5)))
    pictures = [astronaut, shrunk, turned, np.clip(1.3 * astronaut, 0, 1), hopper]
    faces = [align(picture, detect(picture, mtcnn)[0].landmarks) for picture in pictures]
    with tc.no_grad():
        points = net(np.stack(faces)).data
    points = points / np.linalg.norm(points, axis=1, keepdims=True)
    distances = ((points[0] - points[1:]) ** 2).sum(axis=1)
    assert distances[:3].max() < 0.3
    assert distances[3] > 1.4


@pytest.mark.slow
def test_no_kernel_is_compiled_for_another_size_or_number_of_windows(mtcnn, astronaut):
    from numba.core import event

    whole = Areas(astronaut)
    detect(whole.resized((700, 700)), mtcnn)
    detect(whole.resized((200, 200)), mtcnn)
    with event.install_recorder("numba:compile") as recorder:
        for size in ((701, 643), (333, 512), (150, 150), (811, 1202)):
            detect(whole.resized(size), mtcnn, min_size=24)
    assert not recorder.buffer

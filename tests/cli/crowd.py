"""People for tests of `tinyconv faces`: each a pattern of light squares, told apart by an encoder that only looks at pixels."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
from PIL import Image

import tinyconv as tc
from tinyconv.faces.encoder import Encoder, fingerprint
from tinyconv.nn import Module

SIZE = (16, 16)
EDGE = 24  # pixels of a face in a photograph


class Pixels(Module):
    """A picture's mean over squares of 4 x 4 pixels, without their mean, as a point of length 1."""

    def forward(self, x):
        squares = np.asarray(getattr(x, "data", x)).reshape(-1, 4, 4, 4, 4, 3).mean(axis=(2, 4)).reshape(-1, 48)
        squares = squares - squares.mean(axis=1, keepdims=True) + np.float32(1e-3)
        return tc.tensor(squares / np.linalg.norm(squares, axis=1, keepdims=True))


def encoder(name="own", detects=False, threshold=0.5):
    """An encoder that needs no weights."""
    net = Pixels().eval()
    return Encoder(name=name, fingerprint=fingerprint(net, SIZE, name), size=SIZE, detects=detects, good_for="tests only.",
                   threshold=threshold, net=net)


def face(person, number=0):
    """uint8 (24, 24, 3): picture `number` of a person; symmetrical, since encodings are of mirror images too."""
    pattern = np.random.default_rng(person).random((6, 3, 3))
    pattern = np.concatenate([pattern, pattern[:, ::-1]], axis=1)
    noise = np.random.default_rng([person, number, 1]).normal(0, 0.03, (6, 6, 3))
    return (np.clip(pattern + noise, 0, 1) * 255).round().astype(np.uint8).repeat(4, axis=0).repeat(4, axis=1)


def write_face(path, person, number=0):
    """Write one face as a picture of its own."""
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(face(person, number)).save(path)


def write_group(path, people):
    """Write a photograph with a face of each of `people` side by side, on black; without people, a black one."""
    photograph = np.zeros((3 * EDGE, 2 * EDGE * max(len(people), 1), 3), np.uint8)
    for place, person in enumerate(people):
        photograph[EDGE : 2 * EDGE, 2 * EDGE * place : 2 * EDGE * place + EDGE] = face(person, 7)
    Image.fromarray(photograph).save(path)


def found(picture, mtcnn):
    """What stands in for `detect`: the faces of `write_group`, the last one first."""
    left = [x for x in range(0, picture.shape[1], 2 * EDGE) if picture[EDGE : 2 * EDGE, x : x + EDGE].max() > 0]
    return [SimpleNamespace(box=(float(x), float(EDGE), float(x + EDGE), 2.0 * EDGE), score=0.9,
                            landmarks=np.full((5, 2), float(x))) for x in reversed(left)]


def cut(picture, landmarks, size):
    """What stands in for `align`: the face that `found` has found."""
    x = int(landmarks[0, 0])
    squares = picture[EDGE : 2 * EDGE, x : x + EDGE]
    return np.ascontiguousarray(squares[:: EDGE // 8, :: EDGE // 8].repeat(2, axis=0).repeat(2, axis=1))

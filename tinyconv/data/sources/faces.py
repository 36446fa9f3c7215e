"""Faces: ORL, and Labeled Faces in the Wild."""

from __future__ import annotations

from tinyconv.data.sources.entry import Entry, Original, published

LFW = "http://vis-www.cs.umass.edu/lfw"
LFW_LICENCE = ("no licence stated on the official site; published by UMass Amherst to help research on face verification; news "
               "photographs found on the web; the site warns against using it to vet commercial systems")
LFW_CITATION = ("Huang, Ramesh, Berg, Learned-Miller, Labeled faces in the wild: a database for studying face recognition in "
                "unconstrained environments, University of Massachusetts Amherst 2007")
ALIGNED = ("from lfw-deepfunneled: five landmarks per photograph by MTCNN's O-Net on a centred box, the mean of 3 refinements; "
           "least-squares similarity transform to the 112x112 template of ArcFace, bicubic")

ENTRIES = (
    Entry(
        "orl", "data", "ORL (AT&T, Olivetti) faces: 40 people, 10 gray photographs each",
        "https://cam-orl.co.uk/facedatabase.html",
        "free for research; credit Olivetti Research Laboratory (AT&T Laboratories Cambridge)",
        "Samaria and Harter, Parameterisation of a stochastic model for human face identification, IEEE Workshop on Applications "
        "of Computer Vision 1994",
        path="faces_orl/orl_faces.npz", contents="faces uint8 (40 people, 10 photographs, 112, 92), gray",
        recipe="s1/1.pgm to s40/10.pgm to one array", converter="orl",
        originals=(Original("https://www.cl.cam.ac.uk/research/dtg/attarchive/pub/data/att_faces.zip",
                            "faces_orl/att_faces.zip"),),
        pack_size=3687591, pack_sha256="c7a4189d3ed67fa0ca1c28b4ec3517cf40085a9156c8d1dd1a7e8b0e0a999b8b",
    ),
    published(
        "lfw-deepfunneled", "data", f"{LFW}/lfw-deepfunneled.tgz", "faces_lfw", "md5:68331da3eb755a505a502b5aacb3c201", None,
        title="LFW as published, aligned by deep funneling: 13,233 photographs, 250x250", home=f"{LFW}/", licence=LFW_LICENCE,
        citation=LFW_CITATION, contents="tar of JPEG: NAME/NAME_NNNN.jpg, 250x250 RGB; tinyconv.data.readers.read_lfw reads it",
    ),
    Entry(
        "lfw-view2", "data", "LFW: the 7,701 photographs of the 6,000 pairs of View 2, aligned",
        f"{LFW}/", LFW_LICENCE, LFW_CITATION,
        path="faces_lfw/lfw_view2_aligned112_jpg.zip", contents="zip of JPEG: NAME/NAME_NNNN.jpg, 112x112 RGB",
        recipe=f"{ALIGNED}; JPEG of quality 90",
        pack_size=29435042, pack_sha256="8f2937fe348f7ff567b444b30aa27165f941c5e480709d0e06b4c8501f288742",
    ),
    Entry(
        "lfw-view2-embeddings", "data", "MobileFaceNet's embeddings of the photographs of lfw-view2", f"{LFW}/",
        f"{LFW_LICENCE}; see also the weights mobilefacenet", LFW_CITATION,
        path="faces_lfw/lfw_view2_mobilefacenet_emb.npz",
        contents="names str (7701,), NAME/NAME_NNNN.jpg; emb float16 (7701, 128), not normalised",
        recipe="mobilefacenet applied to columns 8 to 103 of lfw-view2, RGB (x - 127.5) / 128, not flipped",
        pack_size=1919585, pack_sha256="be5c3b16d0d865c62e5445a298af730abbcb35fb8a0f9370b029f38fd8761068",
    ),
    Entry(
        "lfw-mini-pairs", "data", "LFW: the first 60 same and 60 different pairs of View 2's fold 1, aligned", f"{LFW}/",
        LFW_LICENCE, LFW_CITATION,
        path="faces_lfw/lfw_mini_pairs_rgb112x96.npz",
        contents="images uint8 (191, 112, 96, 3) RGB; names str (191,); pairs int32 (120, 2); same uint8 (120,)",
        recipe="columns 8 to 103 of the photographs of lfw-view2",
        pack_size=5310102, pack_sha256="f9cafef7a4053fb00b3378ba7f0f38e454a711a6dfb3093df2068df5d00c9400",
    ),
    Entry(
        "lfw-people", "data", "LFW: the 158 people with at least 10 photographs, up to 20 of each, aligned, gray", f"{LFW}/",
        LFW_LICENCE, LFW_CITATION,
        path="faces_lfw/lfw_people_gray56x48.npz",
        contents="images uint8 (2541, 56, 48) gray; label int16 (2541,); people str (158,); filename str (2541,)",
        recipe=f"{ALIGNED}; gray, columns 8 to 103, Lanczos to 56x48",
        pack_size=6413703, pack_sha256="10404114bc4d20000ed9457e48a773973d9762bd8231473563b17ac6c3179489",
    ),
    published(
        "lfw-pairs", "data", f"{LFW}/pairs.txt", "faces_lfw",
        "sha256:ea42330c62c92989f9d7c03237ed5d591365e89b3e649747777b70e692dc1592", 155335,
        title="LFW View 2: 10 folds of 300 same and 300 different pairs", home=f"{LFW}/", licence=LFW_LICENCE,
        citation=LFW_CITATION, contents="text, separated by tabs; tinyconv.data.readers.read_lfw_pairs reads it",
    ),
    published(
        "lfw-pairs-dev-train", "data", f"{LFW}/pairsDevTrain.txt", "faces_lfw",
        "sha256:1d454dada7dfeca0e7eab6f65dc4e97a6312d44cf142207be28d688be92aabfa", 56579,
        title="LFW View 1: training pairs", home=f"{LFW}/", licence=LFW_LICENCE, citation=LFW_CITATION,
        contents="text, separated by tabs; tinyconv.data.readers.read_lfw_pairs reads it",
    ),
    published(
        "lfw-pairs-dev-test", "data", f"{LFW}/pairsDevTest.txt", "faces_lfw",
        "sha256:7cb06600ea8b2814ac26e946201cdb304296262aad67d046a16a7ec85d0ff87c", 26002,
        title="LFW View 1: test pairs", home=f"{LFW}/", licence=LFW_LICENCE, citation=LFW_CITATION,
        contents="text, separated by tabs; tinyconv.data.readers.read_lfw_pairs reads it",
    ),
)

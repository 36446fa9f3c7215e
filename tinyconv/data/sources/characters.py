"""Omniglot: handwritten characters of 50 alphabets, and Lake's one-shot trials."""

from __future__ import annotations

from tinyconv.data.sources.entry import Entry, Original, published

HOME = "https://github.com/brendenlake/omniglot"
RAW = f"{HOME}/raw/master/python"
LICENCE = "MIT (Brenden Lake 2015)"
CITATION = "Lake, Salakhutdinov, Tenenbaum, Human-level concept learning through probabilistic program induction, Science 2015"
SPLIT = ("bits uint8 (N, 20, 105, 14), numpy.packbits of the ink of each row; alphabet, character str (N,); "
         "numpy.unpackbits(bits, axis=-1, count=105) gives the pixels")
INK = "each PNG to its ink (black is 1), packed to bits along the row; characters sorted by alphabet and name"
SMALL = "zip of 105x105 1-bit PNG: SET/ALPHABET/characterNN/NNNN_DD.png, 20 drawers per character"

ENTRIES = (
    Entry(
        "omniglot-background", "data", "Omniglot's background set: 964 characters of 30 alphabets, 20 drawers",
        HOME, LICENCE, CITATION,
        path="omniglot/images_background_bits.npz", contents=f"{SPLIT}; N is 964", recipe=INK, converter="omniglot",
        originals=(Original(f"{RAW}/images_background.zip", "omniglot/images_background.zip",
                            "md5:68d2efa1b9178cc56df9314c21c6e718"),),
        pack_size=2505555, pack_sha256="d707c26464dcdad2cc776393c66a656088c1edd4eddf6f25d2a8ef3188d1a2be",
    ),
    Entry(
        "omniglot-evaluation", "data", "Omniglot's evaluation set: 659 characters of 20 alphabets, 20 drawers",
        HOME, LICENCE, CITATION,
        path="omniglot/images_evaluation_bits.npz", contents=f"{SPLIT}; N is 659", recipe=INK, converter="omniglot",
        originals=(Original(f"{RAW}/images_evaluation.zip", "omniglot/images_evaluation.zip",
                            "md5:6b91aef0f799c5bb55b94e3f2daec811"),),
        pack_size=1823988, pack_sha256="24c26649e7818b3b8a5e8c207dc3ccdec6e024bb9d2c881009a04dfb6c76bd48",
    ),
    Entry(
        "omniglot-runs", "data", "Lake's 400 one-shot trials: which of 20 characters, seen once, is each new drawing?",
        HOME, LICENCE, CITATION,
        path="omniglot/all_runs_bits.npz",
        contents="train, test uint8 (20, 20, 105, 14), packed as omniglot-background; answer uint8 (20, 20), the place in train",
        recipe="each PNG to its ink, packed to bits along the row; answers from class_labels.txt", converter="omniglot_runs",
        originals=(Original(f"{RAW}/one-shot-classification/all_runs.zip", "omniglot/all_runs.zip",
                            "sha256:437c1eeab0af8484112e1b4cc0f3d541ec727f7c47b9b202da738af9dfd6c325", 352787),),
        pack_size=112202, pack_sha256="0f8f1418885a5655ea9032013fab33a36fb82fd8f02796de8d2bd223dfe28634",
    ),
    published(
        "omniglot-small1", "data", f"{RAW}/images_background_small1.zip", "omniglot",
        "sha256:f38eb80f801274ac2b4dff5b24289016bfaba4a7d5bb50deebf27104ad6cb8a4", 1319022,
        title="Omniglot's minimal background split 1: 5 alphabets, 2,720 drawings", home=HOME, licence=LICENCE, citation=CITATION,
        contents=SMALL,
    ),
    published(
        "omniglot-small2", "data", f"{RAW}/images_background_small2.zip", "omniglot",
        "sha256:3ccaa407515a8778e5d0861875af38b17e418f301ad5bb3b5a6b65d901a41c7f", 1580917,
        title="Omniglot's minimal background split 2: 5 alphabets, 3,120 drawings", home=HOME, licence=LICENCE, citation=CITATION,
        contents=SMALL,
    ),
)

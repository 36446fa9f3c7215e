"""Signals: heartbeats of MIT-BIH and six small sets of the UCR/UEA archive."""

from __future__ import annotations

from tinyconv.data.sources.entry import Entry, Original

MITDB = "https://physionet.org/content/mitdb/1.0.0/"
MITDB_FILES = "https://physionet.org/files/mitdb/1.0.0"
MITDB_LICENCE = "Open Data Commons Attribution License v1.0 (ODC-By)"
MITDB_CITATION = ("Moody and Mark, The impact of the MIT-BIH arrhythmia database, 2001; Goldberger et al., PhysioBank, "
                  "PhysioToolkit, and PhysioNet, 2000")
UCR = "https://raw.githubusercontent.com/aeon-toolkit/aeon/a101ddc8b35a65441609b45c9bcce5aeafa0c131/aeon/datasets/data"
UCR_SETS = ("GunPoint", "ItalyPowerDemand", "ArrowHead", "OSULeaf", "BasicMotions", "JapaneseVowels")


def _record(number: int, **files: tuple[str, int]) -> Entry:
    """One record of MIT-BIH as published: header, signals, annotations."""
    originals = tuple(Original(f"{MITDB_FILES}/{number}.{kind}", f"ecg/mitdb_raw/{number}.{kind}", f"sha256:{sha256}", size)
                      for kind, (sha256, size) in files.items())
    return Entry(
        f"mitdb-{number}", "data", f"MIT-BIH record {number}: two leads, 30 minutes at 360 Hz, with annotated beats",
        MITDB, MITDB_LICENCE, MITDB_CITATION,
        path=originals[0].path, originals=originals,
        contents=f"WFDB: {number}.hea, the header; {number}.dat, 2 x 650,000 samples in format 212; {number}.atr, the beats",
        pack_size=originals[0].size, pack_sha256=files["hea"][0],
    )


ENTRIES = (
    Entry(
        "mitbih", "data", "MIT-BIH: 100,692 heartbeats of 44 records, AAMI classes, split between patients",
        MITDB, MITDB_LICENCE, MITDB_CITATION,
        path="ecg/mitbih_aami_beats128.npz",
        contents="beats int16 (100692, 128), ADC units (200 per mV, baseline 1024) at 180 Hz, R peak at index 48; aami uint8 "
        "(0 N, 1 S, 2 V, 3 F, 4 Q); symbol uint8 (ASCII annotation code); record int16; rr int16 (N, 2), samples at 360 Hz to "
        "the previous and the next beat; sample int32; split uint8 (1 DS1 train, 2 DS2 test)",
        recipe="lead MLII of the 44 records that are not paced (102, 104, 107 and 217 are left out); linear-phase low-pass of 41 "
        "taps (80 Hz), every 2nd sample of [R - 96, R + 160) at 360 Hz",
        pack_size=13229899, pack_sha256="c28258d0c462f4d9392e9a1604d8ca2420dc7d2b8cf0ffe1f0fd7b88fd3ae0c6",
    ),
    _record(
        100, hea=("db882392a66ccc4dee10104082cffa1a6f7fd9dd7d55c281c8345b3c7b9a2a6f", 138),
        dat=("b2ea3c250e56e48f4b7b90697832b8ecd1afa1e0bb31f2dcfea4ed6e1075a639", 1950000),
        atr=("8d8a5349fb16638ebbf649f1779d12e96d91b736b2aafe59db43719ae583d471", 4558),
    ),
    _record(
        208, hea=("64c411f07144519ef0070e7aa7b292ffa2a2a0b63be44ca90bb1ac970cc23cf2", 300),
        dat=("22873623623c44ee413a5b60cacb15d4af2723734836fb3ae45d9ff96bdb36e7", 1950000),
        atr=("33878519ee34d00cb233fdb15b11c2b8da0b0aea2e643d31b07105cc3392edf4", 8578),
    ),
    Entry(
        "ucr-small", "data", f"six small UCR/UEA sets with their official splits: {', '.join(UCR_SETS)}",
        "https://www.timeseriesclassification.com/dataset.php",
        "free for research with citation; the repository that serves the files is BSD-3-Clause",
        "Dau et al., The UCR time series archive, 2019; Bagnall et al., The UEA multivariate time series classification archive, "
        "2018",
        path="timeseries/ucr_uea_small.npz",
        contents="SET_X_train, SET_X_test float32 (N, channels, length), padded with NaN where lengths differ; SET_y_train, "
        "SET_y_test uint8 (N,), the place in SET_classes str",
        recipe="text of the .ts files to arrays", converter="ucr_small",
        originals=tuple(Original(f"{UCR}/{name}/{name}_{split}.ts", f"timeseries/originals/{name}_{split}.ts")
                        for name in UCR_SETS for split in ("TRAIN", "TEST")),
        pack_size=1698065, pack_sha256="63ce3bbb099c3689092878b5813de9b9969eb82b3063058d78ac0bb30c8a02c8",
    ),
)

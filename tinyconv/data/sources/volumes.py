"""Volumes: adrenal glands from CT (MedMNIST) and voxels of ModelNet10's furniture."""

from __future__ import annotations

from tinyconv.data.sources.entry import Entry, Original, published

VOXELS = "https://raw.githubusercontent.com/Sooram/ModelNet-3dCNN-tensorflow/cb46889c3ad8853734e4eb4e3c131b8f0b194ed1"
ZENODO = "https://zenodo.org/records/10519652"
MEDMNIST = {
    "home": ZENODO,
    "licence": "CC BY 4.0",
    "citation": "Yang et al., MedMNIST v2: a large-scale lightweight benchmark for 2D and 3D biomedical image classification, "
    "2023",
}
CONTENTS = ("train_images, val_images, test_images uint8 (1188, 98 and 298; {n}, {n}, {n}), values 0 and 255; train_labels, "
            "val_labels, test_labels uint8 (N, 1), 0 normal, 1 hyperplasia")

ENTRIES = (
    published(
        "adrenalmnist3d", "data", f"{ZENODO}/files/adrenalmnist3d.npz?download=1", "volumes",
        "sha256:8ffd78c0f000265deb7cf4ee0b454136fb3170f9839ecaa7bb01adf9f88aa7d1", 276833,
        title="AdrenalMNIST3D: shapes of adrenal glands from CT, 28x28x28", contents=CONTENTS.format(n=28), **MEDMNIST,
    ),
    published(
        "adrenalmnist3d-64", "data", f"{ZENODO}/files/adrenalmnist3d_64.npz?download=1", "volumes",
        "sha256:124a53ea2c66c8ac1985a4c98ea6f34d1ab35bdab1dc50947f80d4a87e54057d", 1880591,
        title="AdrenalMNIST3D: shapes of adrenal glands from CT, 64x64x64", contents=CONTENTS.format(n=64), **MEDMNIST,
    ),
    Entry(
        "modelnet10", "data", "ModelNet10: 4,899 voxel shapes of ten classes, official split",
        "https://github.com/Sooram/ModelNet-3dCNN-tensorflow",
        "Princeton ModelNet: academic research only, copyright with the authors of the models; the repository that serves the "
        "voxels has no licence file",
        "Wu et al., 3D ShapeNets: a deep representation for volumetric shapes, CVPR 2015",
        path="volumes/modelnet10_vox30.npz",
        contents="X_train uint8 (3991, 30, 30, 30), X_test uint8 (908, 30, 30, 30), values 0 and 1; y_train, y_test uint8; "
        "classes str (10,)",
        recipe="int32 voxels and int64 labels to uint8, names of the classes added", converter="modelnet10",
        originals=(Original(f"{VOXELS}/modelnet10.npz", "volumes/originals/modelnet10.npz"),),
        pack_size=1034086, pack_sha256="6ceff4c7a8dec0d2f51a24a1035248982e40e19e881f2cdf0cd000f38f23109c",
    ),
)

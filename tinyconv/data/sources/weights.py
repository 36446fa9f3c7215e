"""Pre-trained weights: ImageNet classifiers, a face encoder, a face detector and VGG-19's features."""

from __future__ import annotations

from tinyconv.data.sources.entry import Entry, Original

GITHUB = "https://raw.githubusercontent.com"
MOBILEFACENET = f"{GITHUB}/Xiaoccer/MobileFaceNet_Pytorch/26bd8d262017e472a3c7f56d62929e2138a70aeb"
FACENET = f"{GITHUB}/davidsandberg/facenet/096ed770f163957c1e56efa7feeb194773920f6e"
WCT = f"{GITHUB}/jkbehne/GOTStyleTranfer/9268fb868e4bb65311ef3ddc1989ae980d22f8bb"
DEEP_COMPRESSION = f"{GITHUB}/songhan/SqueezeNet-Deep-Compression/fb13faa2cf121ced9999f8a9d538ec6c56084733"
VGG_FILES = ("vgg_normalised_conv3_1", "feature_invertor_conv1_1", "feature_invertor_conv2_1", "feature_invertor_conv3_1")

ENTRIES = (
    Entry(
        "squeezenet1_1", "weights", "SqueezeNet 1.1, ImageNet classifier (torchvision IMAGENET1K_V1)",
        "https://github.com/pytorch/vision",
        "torchvision BSD-3-Clause; trained on ImageNet, whose images are for non-commercial research",
        "Iandola et al., SqueezeNet: AlexNet-level accuracy with 50x fewer parameters and <0.5MB model size, "
        "arXiv 1602.07360, 2016",
        path="weights/squeezenet1_1_imagenet_fp16.npz",
        contents="52 arrays: weights float16 (out, in, height, width), biases float32; features.0, "
        "features.{3,4,6,7,9,10,11,12}.{squeeze,expand1x1,expand3x3}, classifier.1 + .weight, .bias",
        recipe="torchvision's names; weights rounded to float16", converter="squeezenet1_1",
        originals=(Original("https://download.pytorch.org/models/squeezenet1_1-b8a52dc0.pth",
                            "weights/squeezenet1_1-b8a52dc0.pth",
                            "sha256:b8a52dc049b60e4b6ab68ad0df457362afab8b6304b2febdc1650a5dab4d7e7b", 4958839),),
        pack_size=2306640, pack_sha256="0820e85584d6c7494cd1d545a4c52a2c1378c29d594515b2ae312a750e1bb15f",
    ),
    Entry(
        "mobilefacenet", "weights", "MobileFaceNet, face encoder (ArcFace loss, CASIA-WebFace): 128 numbers per face of 112x96",
        "https://github.com/Xiaoccer/MobileFaceNet_Pytorch",
        "no licence file in the source repository (all rights reserved by default); trained on CASIA-WebFace (non-commercial "
        "research only): for research and teaching",
        "Chen et al., MobileFaceNets: efficient CNNs for accurate real-time face verification on mobile devices, arXiv "
        "1804.07573, 2018",
        path="weights/mobilefacenet_casia_112x96.npz",
        contents="283 float32 arrays under PyTorch's names (conv1.conv.weight, blocks.I.conv.J.weight, *.running_mean, ...), "
        "weights (out, in, height, width); input RGB (x - 127.5) / 128",
        recipe="entry net_state_dict of the checkpoint without the counters num_batches_tracked", converter="mobilefacenet",
        originals=(Original(f"{MOBILEFACENET}/model/best/068.ckpt", "weights/originals/mobilefacenet_068.ckpt"),),
        pack_size=3853801, pack_sha256="ccd77bce2ed448aae366af4f7e50e60df1a86b155b763bea8f8c009094077f9e",
    ),
    Entry(
        "mtcnn", "weights", "MTCNN, face detector with five landmarks: P-Net, R-Net, O-Net",
        "https://github.com/davidsandberg/facenet",
        "MIT", "Zhang et al., Joint face detection and alignment using multitask cascaded convolutional networks, 2016",
        path="weights/mtcnn_facenet.npz",
        contents="float32 arrays {pnet,rnet,onet}.LAYER.{weights,biases,alpha}; weights (height, width, in, out) and (in, out); "
        "input RGB (x - 127.5) / 128 with width as the first spatial axis",
        recipe="the pickled dictionaries read through an allow-list and made flat", converter="mtcnn",
        originals=tuple(Original(f"{FACENET}/src/align/det{n}.npy", f"weights/originals/det{n}.npy") for n in (1, 2, 3)),
        pack_size=1862712, pack_sha256="ccb5d3a1bc3af0979f0a7bae9bf7b4bb4efcf3ea0103f04f2ee33c5790edc178",
    ),
    Entry(
        "vgg19-normalised", "weights", "VGG-19 to conv3_1, activations of mean 1, and three decoders of universal style transfer",
        "https://github.com/Yijunmaverick/UniversalStyleTransfer",
        "VGG-19: CC BY 4.0 (Oxford VGG); normalisation and decoders: no licence file in the source repository, research use",
        "Simonyan and Zisserman, Very deep convolutional networks, 2015; Li et al., Universal style transfer via feature "
        "transforms, NeurIPS 2017",
        path="weights/vgg19_norm_conv3_1_encdec.npz",
        contents="30 float32 arrays (out, in, height, width): pre, conv1_1, conv1_2, conv2_1, conv2_2, conv3_1, dec1.conv1_1, "
        "dec2.{conv2_1,conv1_2,conv1_1}, dec3.{conv3_1,conv2_2,conv2_1,conv1_2,conv1_1} + .weight, .bias",
        recipe="PyTorch's numbered layers renamed", converter="vgg19_normalised",
        originals=tuple(Original(f"{WCT}/models/{name}.pth", f"weights/originals/{name}.pth") for name in VGG_FILES),
        pack_size=4562809, pack_sha256="1ce893389505e17fd455a776592b2fa840e64089d60c740a4e81acc3f8c43972",
    ),
    Entry(
        "squeezenet1_0", "weights", "SqueezeNet 1.0, ImageNet classifier, as published by Deep Compression in 660 KB",
        "https://github.com/songhan/SqueezeNet-Deep-Compression", "BSD",
        "Iandola et al., SqueezeNet, arXiv 1602.07360, 2016; Han, Mao, Dally, Deep compression, ICLR 2016",
        path="weights/squeezenet1_0_deepcompressed.npz",
        contents="52 float32 arrays (out, in, height, width): conv1, fire{2..9}/{conv1x1_1 (squeeze), conv1x1_2 (expand 1x1), "
        "conv3x3_2 (expand 3x3)}, conv_final + .weight, .bias; input BGR 0-255 minus (104, 117, 123)",
        recipe="pruned, shared weights decoded to dense arrays", converter="squeezenet1_0",
        originals=(Original(f"{DEEP_COMPRESSION}/compressed_SqueezeNet.net", "weights/squeezenet1_0_compressed.net",
                            "sha256:e4ab6960ae8cd81505e1c2136921201507e930966c53deaf15862a395b3a3261", 675763),),
        pack_size=926061, pack_sha256="daa6da2dd9beb71bd431e790f956f47af3ad1a5c58a5365d834421d07f1dee09",
    ),
)

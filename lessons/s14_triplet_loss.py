# %% [markdown]
# # Triplet loss
#
# **The question.** A door should open for everybody who works here, from one photograph each, and stay shut for everybody
# else. Tomorrow somebody new comes. We cannot train a network again for each of them, and one photograph is nothing to train
# on. So what should a network learn, once and for all, that makes it recognise people it has never seen?
#
# Not names. It should learn *to compare*: an encoding $f(x)$ of a picture, such that two encodings are near each other when
# they show one person, and far apart when they do not. This lesson trains such an encoding, with three pictures at a time.

# %%
import os

import numpy as np

import tinyconv as tc
from tinyconv import viz
from tinyconv.data.makers.faces import procedural_faces
from tinyconv.data.packs import load
from tinyconv.data.samplers import p_by_k
from tinyconv.metric.evaluation import (
    equal_error_rate,
    error_rates,
    every_pair,
    nearest_neighbour_accuracy,
)
from tinyconv.metric.losses import triplet_loss
from tinyconv.metric.miners import (
    all_triplets,
    batch_hard_triplets,
    semi_hard_triplets,
)
from tinyconv.models.face_encoder import face_encoder
from tinyconv.optim import Adam

QUICK = os.environ.get("TINYCONV_QUICK") == "1"  # set by --quick and by the tour
SIZE = 32 if QUICK else 48  # pixels
PEOPLE = 60 if QUICK else 200  # to train on
WIDTHS = (16, 32, 64) if QUICK else (32, 64, 128, 128)
STEPS = 180 if QUICK else 450
NEW, VIEWS = 20, 6  # people the network never sees, and pictures of each

# %% [markdown]
# ## The people
#
# Our people are invented: a program draws their faces. Every picture has its own pose, light, expression, clothes and
# background; only face and hair say who it is. Here are some of the people that the network will *not* see while it learns,
# one in each row.

# %%
faces, labels = procedural_faces(PEOPLE, 8, SIZE, np.random.default_rng(0))
new_faces, _ = procedural_faces(NEW, VIEWS, SIZE, np.random.default_rng(1))
new_faces = new_faces.reshape(NEW, VIEWS, SIZE, SIZE, 3)


def sheet(pictures):
    """Rows of pictures (rows, columns, H, W, 3) as one picture."""
    rows, columns, height, width, _ = pictures.shape
    pictures = pictures.transpose(0, 2, 1, 3, 4)
    return pictures.reshape(rows * height, columns * width, 3)


viz.strip(
    [sheet(new_faces[:4]), sheet(new_faces[4:8])],
    caption="Eight people, one in each row, in six pictures each. "
    "All of them are made by code.",
)

# %% [markdown]
# Why not compare pixels? Take one picture of each of the new people, and ask for every other picture whose it is: the one
# with the most similar pixels. A light, a turned head, another pullover, and the pixels say nothing any more.


# %%
def one_shot(points):
    """The share recognised by the nearest first picture; (people, views, ...)."""
    gallery, queries = points[:, 0], points[:, 1:].reshape(NEW * (VIEWS - 1), -1)
    who = np.arange(NEW)
    asked = np.repeat(who, VIEWS - 1)
    return nearest_neighbour_accuracy(gallery, who, queries, asked)


by_pixels = one_shot(new_faces)
print(f"one of {NEW} recognised by pixels: {by_pixels:.0%}, by chance {1 / NEW:.0%}")
assert by_pixels < 0.6

# %% [markdown]
# ## The idea: three pictures
#
# Look at three pictures: an *anchor* $A$, a *positive* $P$ that shows the same person, and a *negative* $N$ that shows
# somebody else. The encoding is good if the anchor is nearer to the positive than to the negative,
#
# $$d(A, P) = \lVert f(A) - f(P) \rVert^2 \le d(A, N) = \lVert f(A) - f(N) \rVert^2$$
#
# We never say where a face should be, only who should be nearer.

# %%
viz.strip(
    [new_faces[0, 0], new_faces[0, 1], new_faces[1, 0]],
    ["anchor A", "positive P", "negative N"],
    caption="A triplet: the same person twice, and somebody else.",
)

# %% [markdown]
# One encoding satisfies this always: $f(x) = 0$ for every $x$. All distances are zero, and nobody is told from anybody. So
# we ask for more than that: the negative must be farther away *by a margin* $\alpha$. What is missing to that is the loss:
#
# $$L(A, P, N) = \text{max}(d(A, P) - d(A, N) + \alpha, \, 0)$$
#
# Once a triplet has its margin it costs nothing, and the network can turn to others.
#
# ## The naive way
#
# The formula, word by word, over a list of triplets.

# %%
ALPHA = 0.2


def naive_triplet_loss(f, triplets, alpha):
    """The mean loss of triplets (A, P, N), positions in the encodings f."""
    total = 0.0
    for A, P, N in triplets:
        d_AP = sum((f[A] - f[P]) ** 2)
        d_AN = sum((f[A] - f[N]) ** 2)
        total += max(d_AP - d_AN + alpha, 0)
    return total / len(triplets)


rng = np.random.default_rng(2)
f = rng.normal(size=(6, 4))  # three people, two pictures each; four numbers
f /= np.linalg.norm(f, axis=1, keepdims=True)
who = np.array([0, 0, 1, 1, 2, 2])
triplets = all_triplets(who)
print(f"{len(triplets)} triplets, the first: {triplets[0]}")
in_one_point = naive_triplet_loss(0 * f, triplets, ALPHA)
print(f"the loss of these encodings: {naive_triplet_loss(f, triplets, ALPHA):.4f}")
print(f"the loss if all are one point: {in_one_point:.4f}")
assert np.isclose(in_one_point, ALPHA)  # the trivial answer costs the margin,
assert naive_triplet_loss(0 * f, triplets, 0.0) == 0  # and without one, nothing

# %% [markdown]
# ## The same in tinyconv
#
# `triplet_loss` gathers all anchors, all positives and all negatives at once. Its gradient is simple enough for a pencil:
# for a triplet that still costs something,
#
# $$\frac{\partial L}{\partial f(A)} = 2 \, (f(N) - f(P))$$
#
# $$\frac{\partial L}{\partial f(P)} = 2 \, (f(P) - f(A))$$
#
# $$\frac{\partial L}{\partial f(N)} = 2 \, (f(A) - f(N))$$
#
# Descending, the positive is pulled towards the anchor, and the negative pushed straight away from it.

# %%
leaf = tc.tensor(f, requires_grad=True)
loss = triplet_loss(leaf, triplets, ALPHA)
assert np.isclose(loss.item(), naive_triplet_loss(f, triplets, ALPHA))

by_hand = np.zeros_like(f)
for A, P, N in triplets:
    if sum((f[A] - f[P]) ** 2) - sum((f[A] - f[N]) ** 2) + ALPHA > 0:
        by_hand[A] += 2 * (f[N] - f[P])
        by_hand[P] += 2 * (f[P] - f[A])
        by_hand[N] += 2 * (f[A] - f[N])
by_engine = tc.grad(loss, leaf).data
assert np.allclose(by_engine, by_hand / len(triplets))
difference = np.abs(by_engine - by_hand / len(triplets)).max()
print(f"by hand and by the engine: largest difference {difference:.1e}")

# %% [markdown]
# ## Which triplets?
#
# Most triplets are easy: two people who look nothing alike have their margin after a moment, and teach nothing more. Let us
# sort the triplets of one batch by how the *untrained* network places its faces:
#
# - easy: $d(A, N) > d(A, P) + \alpha$, the loss is zero,
# - semi-hard: $d(A, P) < d(A, N) < d(A, P) + \alpha$, right order, margin missing,
# - hard: $d(A, N) < d(A, P)$, the stranger is nearer.
#
# A batch has a few pictures each of a few people: from it come all triplets at once, and the network sees every picture only
# one time. The encodings have length one: `face_encoder` ends in an L2 normalization.


# %%
def squared_distances(embeddings):
    """All squared distances in a batch; an array: choosing needs no gradient."""
    return tc.pairwise_distances(embeddings.data, metric="squared_euclidean").data


def shares(embeddings, who):
    """How many of a batch's triplets are easy, semi-hard and hard."""
    squared, rows = squared_distances(embeddings), all_triplets(who)
    gap = squared[rows[:, 0], rows[:, 2]] - squared[rows[:, 0], rows[:, 1]]
    easy, hard = np.mean(gap > ALPHA), np.mean(gap <= 0)
    return [easy, 1 - easy - hard, hard]


def new_encoder(seed=0):
    rng = np.random.default_rng(seed)
    return face_encoder((SIZE, SIZE), 3, rng, embedding=32, widths=WIDTHS)


batch = next(p_by_k(labels, 8, 4, np.random.default_rng(3)))
untrained = new_encoder()
shares_before = shares(untrained(tc.tensor(faces[batch])), labels[batch])

# %% [markdown]
# ## Training
#
# The loop is the usual one. What is new stands in two lines: look at the distances, choose the semi-hard triplets.


# %%
def train(net, choose, steps, seed=0):
    """Train with the triplets that `choose(distances, labels)` picks: the losses."""
    rng = np.random.default_rng(seed)
    optimizer = Adam(net.parameters())
    losses = []
    for step, chosen in enumerate(p_by_k(labels, 8, 4, rng, steps)):
        optimizer.lr = 1e-3 * (1 - step / steps)
        optimizer.zero_grad()
        embeddings = net(tc.tensor(faces[chosen]))
        triplets = choose(squared_distances(embeddings), labels[chosen])
        loss = triplet_loss(embeddings, triplets, ALPHA)
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    return losses


def encode(net, pictures):
    """Encodings (..., 32) of pictures (..., H, W, 3); nothing is learned here."""
    net.eval()
    with tc.no_grad():
        points = net(tc.tensor(pictures.reshape(-1, SIZE, SIZE, 3))).data
    net.train()
    return points.reshape(*pictures.shape[:-3], -1)


def semi_hard(squared, who):
    return semi_hard_triplets(squared, who, ALPHA)


net = new_encoder()
losses = train(net, semi_hard, STEPS)
shares_after = shares(net(tc.tensor(faces[batch])), labels[batch])
viz.bars(
    {"before training": shares_before, "after": shares_after},
    ["easy", "semi-hard", "hard"],
    ylabel="share of the batch's triplets",
    caption=f"The triplets of one batch, untrained and after {STEPS} steps.",
)

# %%
assert shares_after[0] > shares_before[0]  # more have their margin
before, after = encode(untrained, new_faces), encode(net, new_faces)
print(f"one of {NEW} new people recognised, untrained: {one_shot(before):.0%}")
print(f"one of {NEW} new people recognised, trained:   {one_shot(after):.0%}")
assert one_shot(after) > max(one_shot(before), by_pixels) + 0.15

# %% [markdown]
# These people were never shown to the network. It has not learned them, it has learned what to look at. Here are a few
# of them at their encodings, brought down to a plane by the two directions in which they differ most.


# %%
def plane(points):
    """Encodings (N, D) on their two principal directions."""
    centred = points - points.mean(axis=0)
    return centred @ np.linalg.svd(centred, full_matrices=False)[2][:2].T


some = slice(0, 5)
viz.embedding(
    [plane(points[some].reshape(5 * VIEWS, -1)) for points in (before, after)],
    new_faces[some].reshape(-1, SIZE, SIZE, 3),
    np.repeat(np.arange(5), VIEWS),
    ["untrained", "trained"],
    caption="Five new people, one colour of frame for each, at their encodings.",
)

# %% [markdown]
# To *verify* is to ask one question: is this the person you claim to be? Say yes where the distance is below a threshold.
# A low threshold turns friends away, a high one lets strangers in, and where both errors are equally frequent lies the equal
# error rate.

# %%
first, second, same = every_pair(np.repeat(np.arange(NEW), VIEWS))
points = after.reshape(NEW * VIEWS, -1)
distances = np.linalg.norm(points[first] - points[second], axis=1)
rate = equal_error_rate(distances, same)
false_accepts, false_rejects = error_rates(distances, same)
thresholds = np.concatenate([[0.0], np.unique(distances)])
print(f"{same.sum()} pairs of one person, {(~same).sum()} pairs of two people")
print(f"equal error rate {rate:.1%}")
assert rate < 0.3
viz.curves(
    {
        "strangers let in": (thresholds, false_accepts),
        "friends turned away": (thresholds, false_rejects),
    },
    xlabel="threshold: largest distance that is accepted",
    ylabel="error rate",
    caption="The two errors of verification, for pairs of new people.",
)

# %% [markdown]
# ## What breaks, and how it looks
#
# **The hardest triplets from the very first step.** It sounds right: take for each anchor the farthest positive and the
# nearest negative, and learn from the worst. But an untrained network places people almost at random. The worst negative is
# then nearer than the worst positive, for nearly everybody, and the quickest way to lower *all* these losses is to move
# everything into one point. There the loss is the margin, and the gradient, a difference of equal encodings, is zero: no way
# back.

# %%
collapsed = new_encoder()
hard_losses = train(collapsed, batch_hard_triplets, STEPS // 3)
points = encode(collapsed, new_faces).reshape(NEW * VIEWS, -1)
hard_distances = np.linalg.norm(points[first] - points[second], axis=1)
apart, fallen_to = distances[~same].mean(), hard_distances[~same].mean()
print(f"mean distance of two people: semi-hard {apart:.2f}, hardest {fallen_to:.2f}")
assert fallen_to < 0.7 * apart
viz.curves(
    {
        "hardest triplets": (range(STEPS // 3), hard_losses),
        "semi-hard triplets": (range(STEPS // 3), losses[: STEPS // 3]),
        "the margin": ([0, STEPS // 3], [ALPHA, ALPHA]),
    },
    xlabel="step",
    ylabel="triplet loss",
    caption="The loss of the hardest triplets settles at the margin: "
    "every face has moved into one point.",
)

# %% [markdown]
# So a loss that stands still *at the margin* is not bad luck, it is a collapse. The semi-hard loss stands still as well, but
# below the margin, and for a good reason: it is the mean over the triplets that still lack something, and there are
# fewer and fewer of them. Watch their share, not the mean. Semi-hard triplets first; the hardest ones have their time when the
# network already knows something.
#
# **Wrong numbers of pictures.** A batch of many people with one picture each has no positive, and a batch of one person has
# no negative: no triplet, and no step.

# %%
print(f"one picture each: {len(all_triplets(np.arange(32)))} triplets")
print(f"one person only:  {len(all_triplets(np.zeros(32, int)))} triplets")
eight_by_four = all_triplets(np.repeat(np.arange(8), 4))
print(f"eight people, four pictures each: {len(eight_by_four)} triplets")
assert len(eight_by_four) == 32 * 3 * 28

# %% [markdown]
# ## Real people
#
# The ORL faces are photographs of real people. Their pack comes with `tinyconv data fetch orl`; if it is on your machine, the
# next cell asks a hard question: does an encoder that has seen nothing but drawings tell *photographs* of people apart? It
# helps against raw pixels or it does not; look. To do it well, a network must have seen photographs, and find the faces in them
# first: that is `tinyconv reproduce orl`, whose result stands in the README.


# %%
def equal_error(points, people):
    """The equal error rate of all pairs of encodings."""
    first, second, same = every_pair(people)
    distances = np.linalg.norm(points[first] - points[second], axis=1)
    return equal_error_rate(distances, same)


def flat(pictures):
    """The pixels as an encoding, each picture with mean 0 and length 1."""
    points = pictures.reshape(len(pictures), -1)
    points = points - points.mean(axis=1, keepdims=True)
    return points / np.linalg.norm(points, axis=1, keepdims=True)


try:
    pixels = load("orl")["faces"]  # (people, photographs, 112, 92), gray
except tc.DataError:
    print("the ORL faces are not on this machine: tinyconv data fetch orl")
    shown = None
else:
    count, views = pixels.shape[:2]
    halves = pixels.reshape(count, views, 56, 2, 46, 2).mean(axis=(3, 5))
    photographs = halves[..., None].astype(np.float32) / 255
    square = photographs.reshape(count * views, 56, 46, 1)
    square = tc.resize_bilinear(square, SIZE).data
    people = np.repeat(np.arange(count), views)
    by_net = equal_error(encode(net, np.repeat(square, 3, axis=-1)), people)
    by_pixels = equal_error(flat(square), people)
    print(f"{count} people, {views} photographs each")
    print(f"equal error rate of raw pixels {by_pixels:.1%}")
    print(f"equal error rate of the encoder trained on drawings {by_net:.1%}")
    shown = viz.strip(
        [sheet(np.repeat(photographs[:4, :6], 3, axis=-1))],
        caption="Four people of the ORL faces, AT&T Laboratories Cambridge.",
    )
shown

# %% [markdown]
# ## The cost
#
# The encodings of a batch of $B$ pictures cost $B$ passes through the network, forward and back. All $B^2$ distances are one
# matrix product of $B \times D$ numbers: nothing beside a convolution. The number of triplets grows as $B^3$ if one writes
# them all down; a miner looks at one anchor at a time, and writes down only those that teach.

# %%
encoder = tc.nn.summary(new_encoder(), (1, SIZE, SIZE, 3))
per_picture = encoder.flops
all_distances = 2 * 32 * 32 * 32  # of 32 encodings of 32 numbers
print(f"one picture: {per_picture / 1e6:.1f} MFLOP")
print(f"all distances of a batch: {all_distances / 1e6:.2f} MFLOP")
assert all_distances < per_picture

# %% [markdown]
# ## Try it
#
# Given the squared distances of a batch and its labels, write for one anchor the position of its *nearest negative*.
# (A hint: set the distances of everybody with the anchor's own label to infinity, then look for the smallest.)


# %%
def nearest_negative(squared, who, anchor):
    return None  # your turn


points = np.random.default_rng(4).normal(size=(12, 3))
squared = np.square(points[:, None] - points).sum(axis=2)
who = np.repeat(np.arange(4), 3)
if nearest_negative(squared.copy(), who, 0) is None:
    print("not yet: nearest_negative gives None")
else:
    for anchor, _, right in batch_hard_triplets(squared, who):
        mine = nearest_negative(squared.copy(), who, anchor)
        assert mine != anchor, "that is the anchor itself: its distance is zero"
        assert who[mine] != who[anchor], "a positive: its label is the anchor's"
        assert mine == right, "a negative, but not the nearest one"
    print("yes: your negatives are those of batch_hard_triplets")

# %% [markdown]
# ## Sources
#
# - The course, *Convolutional Neural Networks*, face recognition: the section "Triplet loss".
# - F. Schroff, D. Kalenichenko, J. Philbin, [FaceNet: a unified embedding for face recognition and
#   clustering](https://arxiv.org/abs/1503.03832), 2015: the loss, the margin, semi-hard negatives, and the collapse.
# - A. Hermans, L. Beyer, B. Leibe, [In defense of the triplet loss for person
#   re-identification](https://arxiv.org/abs/1703.07737), 2017: batches of P people with K pictures, and the hardest triplets.
# - S. Chopra, R. Hadsell, Y. LeCun, *Learning a similarity metric discriminatively, with application to face
#   verification*, 2005: verification of unseen people of the ORL faces.
# - `tinyconv/metric/losses.py`, `tinyconv/metric/miners.py`, `tinyconv/experiments/procedural_faces.py`.

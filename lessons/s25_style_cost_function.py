# %% [markdown]
# # Style cost function
#
# **The question.** Cut a painting into pieces, throw the pieces on the floor, and you still see who painted it: the
# strokes, the colours, which colour comes with which stroke. What was *in* the picture is gone. So style is what is left
# when places are forgotten. How do we turn that into a number that a program can lower?

# %%
import os

import numpy as np

import tinyconv as tc
from tinyconv import viz
from tinyconv.data.images import sample_photograph
from tinyconv.data.makers.whirls import painted_style
from tinyconv.kernels.geometry import conv_geometry
from tinyconv.models.tinyvgg import load_tiny_vgg
from tinyconv.optim import LBFGS
from tinyconv.style.losses import content_cost, gram, mean_gram, style_cost

QUICK = os.environ.get("TINYCONV_QUICK") == "1"  # set by --quick and by the tour
SIZE = 96 if QUICK else 128  # pixels, longer side
STEPS = 30 if QUICK else 120  # of painting

net = load_tiny_vgg()  # our own net, trained by tinyconv; see tinyconv/models
LAYERS = ["relu1_1", "relu2_1", "relu3_1", "relu4_1"]

painting = painted_style(SIZE, np.random.default_rng(0))  # by code
photograph = sample_photograph(SIZE)  # comes with matplotlib
viz.strip(
    [painting, photograph],
    ["a painting", "a photograph"],
    caption="Two pictures of two styles. The painting was made by code.",
)

# %% [markdown]
# ## The idea: which channels are active together
#
# Show a picture to a ConvNet and look at one layer. It gives an activation $a_{ijk}$: at height $i$ and width $j$, how
# strongly channel $k$ found what it looks for. One channel may look for strokes that lean to the right, another for blue.
# If both are strong *in the same places*, all over the picture, then its strokes that lean to the right are blue. That is
# a fact about style. Nobody asked where.
#
# So for every pair of channels, multiply and sum over all places. The result is the style matrix, also called the Gram
# matrix:
#
# $$G_{kk'} = \sum_{i=1}^{n_H} \sum_{j=1}^{n_W} a_{ijk} \, a_{ijk'}$$
#
# It is large where $k$ and $k'$ are active together, and its diagonal says how active each channel is at all.


# %%
def features(picture):
    """The activations of the layers above, for a picture (H, W, 3) in [0, 1]."""
    return net.collect(tc.tensor(picture[None], np.float32), LAYERS)


painting_seen, photograph_seen = features(painting), features(photograph)
for layer in LAYERS:
    _, height, width, channels = painting_seen[layer].shape
    print(f"{layer}: {height} x {width} places, {channels} channels")

# %% [markdown]
# ## The naive way
#
# The formula, word by word, on a corner of the first layer.


# %%
def naive_gram(a):
    """The style matrix of one activation (n_H, n_W, n_C), by four loops."""
    n_H, n_W, n_C = a.shape
    G = np.zeros((n_C, n_C))
    for k in range(n_C):
        for m in range(n_C):
            for i in range(n_H):
                for j in range(n_W):
                    G[k, m] += a[i, j, k] * a[i, j, m]
    return G


corner = painting_seen["relu1_1"].data[:, :6, :5, :8]
G = naive_gram(corner[0])
print(f"from an activation {corner.shape[1:]} a matrix {G.shape}")
assert np.array_equal(G, G.T)  # k with m is m with k

# %% [markdown]
# ## The same in tinyconv
#
# Write the activation as a table $A$ with one row for every place and one column for every channel. Then the four loops are
# one matrix product, $G = A^T A$.

# %%
ours, theirs = naive_gram(corner[0]), gram(corner).data[0]
assert np.allclose(ours, theirs, rtol=1e-5)
difference = np.abs(ours - theirs).max()
print(f"largest difference {difference:.1e}, largest entry {theirs.max():.1f}")

# %% [markdown]
# ## A picture of style
#
# The style matrices of both pictures, divided by the number of places. Each point of light says: these two channels go
# together.

# %%
painting_gram = mean_gram(painting_seen["relu1_1"]).data[0]
photograph_gram = mean_gram(photograph_seen["relu1_1"]).data[0]
viz.heat_maps(
    [painting_gram, photograph_gram],
    ["the painting's style", "the photograph's style"],
    caption=f"The style matrices of relu1_1, for its {len(painting_gram)} channels. "
    "Brightness follows the root of the entry, so that faint ones show.",
)

# %% [markdown]
# Which two channels go together in the painting far more than in the photograph? To be fair to quiet channels we compare
# cosines: each entry divided by the strengths of its two channels. Here is that pair, as pictures of where each is active.


# %%
def cosines(G):
    strength = np.sqrt(np.diag(G)) + 1e-3
    return G / np.outer(strength, strength)


gain = cosines(painting_gram) - cosines(photograph_gram)
awake = np.sqrt(np.minimum(np.diag(painting_gram), np.diag(photograph_gram)))
score = gain * np.outer(awake, awake) * (1 - np.eye(len(gain)))
k, m = np.unravel_index(np.argmax(score), score.shape)
in_painting = cosines(painting_gram)[k, m]
in_photograph = cosines(photograph_gram)[k, m]
maps, titles = [], []
for name, seen in {"painting": painting_seen, "photograph": photograph_seen}.items():
    for channel in (k, m):
        maps.append(seen["relu1_1"].data[0, :, :, channel])
        titles.append(f"{name}, channel {channel}")
viz.strip(
    maps,
    titles,
    caption=f"Channels {k} and {m} of relu1_1: their cosine is {in_painting:.2f} "
    f"in the painting and {in_photograph:.2f} in the photograph.",
)

# %% [markdown]
# ## Places do not count
#
# Now the promise: forget places. We shuffle the pixels of the photograph, all colours kept, all places lost. Take the
# pixels themselves as the simplest "layer", with three channels: the style matrix stays the same up to rounding,
# while the content cost jumps. But deeper layers look at neighbourhoods, and there the shuffled picture has
# another style: noise. This is why the style cost listens to several layers: the first knows colours and grain, the deeper
# ones know larger patterns.

# %%
rng = np.random.default_rng(0)
shuffled = rng.permutation(photograph.reshape(-1, 3)).reshape(photograph.shape)
original, mixed = tc.tensor(photograph[None]), tc.tensor(shuffled[None])
assert np.allclose(gram(original).data, gram(mixed).data, rtol=1e-4)
print(
    f"pixels:  content cost {content_cost(original, mixed).item():.4f}, "
    f"style cost {style_cost(mean_gram(original), mixed).item():.1e}"
)
shuffled_seen = features(shuffled)
for layer in LAYERS:
    content = content_cost(photograph_seen[layer], shuffled_seen[layer]).item()
    style = style_cost(mean_gram(photograph_seen[layer]), shuffled_seen[layer]).item()
    print(f"{layer}: content cost {content:.4f}, style cost {style:.1e}")
viz.strip(
    [photograph, shuffled],
    ["the photograph", "its pixels, shuffled"],
    caption="The same colours, so the same style matrix of pixels; no content is left.",
)

# %% [markdown]
# Shuffle the *places of an activation* instead, and its style matrix stays, at any depth. It is a sum, and a sum has no
# order.

# %%
deep = photograph_seen["relu3_1"].data
_, height, width, channels = deep.shape
scattered = rng.permutation(deep.reshape(-1, channels)).reshape(deep.shape)
assert np.allclose(gram(deep).data, gram(scattered).data, rtol=1e-4, atol=1e-3)
print(
    f"relu3_1 shuffled: content cost {content_cost(deep, scattered).item():.4f}, "
    f"style cost {style_cost(mean_gram(deep), scattered).item():.1e}"
)

# %% [markdown]
# ## The style cost
#
# The style picture $S$ and the generated picture $G$ are compared by their style matrices, layer by layer:
#
# $$J^{[l]}(S, G) = \frac{1}{(2 n_H n_W n_C)^2} \sum_k \sum_{k'} (G^{[l](S)}_{kk'} - G^{[l](G)}_{kk'})^2$$
#
# and the layers are added with weights of our choice: $J(S, G) = \sum_l \lambda^{[l]} J^{[l]}(S, G)$.


# %%
def naive_style_cost(a_S, a_G):
    _, n_H, n_W, n_C = a_S.shape
    difference = gram(a_S).data - gram(a_G).data
    return (difference**2).sum() / (2 * n_H * n_W * n_C) ** 2


cropped = features(painting[:, : photograph.shape[1]])  # of the photograph's size
weights = dict.fromkeys(LAYERS, 1.0)
J = 0.0
for layer in LAYERS:
    S, G = cropped[layer], photograph_seen[layer]
    ours = naive_style_cost(S.data, G.data)
    theirs = style_cost(mean_gram(S), G).item()
    assert np.isclose(ours, theirs, rtol=1e-3)
    J += weights[layer] * theirs
    print(f"{layer}: by the formula {ours:.6f}, by tinyconv {theirs:.6f}")
print(f"style cost of the photograph: {J:.6f}")

# %% [markdown]
# ## Its gradient
#
# To lower the cost we need its slope for the activation. By hand, because $G = A^T A$ meets every $a$ twice:
#
# $$\frac{\partial J}{\partial a_{ijk}} = \frac{1}{(n_H n_W n_C)^2} \sum_{k'} a_{ijk'} (G^{(G)}_{kk'} - G^{(S)}_{kk'})$$
#
# The engine finds the same without being told, and walks on through all layers to the pixels.

# %%
a_S, a_G = rng.normal(size=(2, 1, 4, 5, 3))  # float64: a sharp comparison
by_hand = a_G @ (gram(a_G).data - gram(a_S).data) / a_G.size**2
leaf = tc.tensor(a_G, requires_grad=True)
by_engine = tc.grad(style_cost(mean_gram(a_S), leaf), leaf).data
assert np.allclose(by_hand, by_engine, rtol=1e-10)
difference = np.abs(by_hand - by_engine).max()
print(f"by hand and by the engine: largest difference {difference:.1e}")


# %%
def total_style_cost(style_grams, picture, cost=style_cost):
    """J(S, G): the sum over layers; `picture` is a tensor (1, H, W, 3)."""
    seen = net.collect(picture, style_grams)
    J = 0.0
    for layer, S in style_grams.items():
        J = J + cost(S, seen[layer]) * weights[layer]
    return J


style_grams = {layer: mean_gram(seen) for layer, seen in painting_seen.items()}
leaf = tc.tensor(photograph[None], requires_grad=True)
slope = tc.grad(total_style_cost(style_grams, leaf), leaf).data[0]
stepped = tc.tensor((photograph - 0.02 * np.sign(slope))[None])
before = total_style_cost(style_grams, leaf).item()
after = total_style_cost(style_grams, stepped).item()
print(f"one small step against the gradient: style cost {before:.4f} -> {after:.4f}")
assert after < before
viz.strip(
    [photograph, np.abs(slope).sum(axis=2) ** 0.5],
    ["the photograph", "where the style cost pulls"],
    caption="The root of the gradient's size at every pixel. Bright: here a change of "
    "the picture changes the style cost most.",
)

# %% [markdown]
# ## Noise, drawn toward a style
#
# No content at all: begin with clouds of random colour and lower the style cost alone. Every pixel is a parameter. What
# appears is the painting's texture, with nothing in it.


# %%
def clouds(size, rng):
    """Random colours that change slowly: noise of strength 1 / f at frequency f."""
    down = np.fft.fftfreq(size)[:, None, None]
    right = np.fft.rfftfreq(size)[None, :, None]
    spectrum = np.fft.rfft2(rng.normal(size=(size, size, 3)), axes=(0, 1))
    spectrum /= np.maximum(np.hypot(down, right), 1 / size)
    noise = np.fft.irfft2(spectrum, (size, size), axes=(0, 1))
    return np.clip(0.5 + 0.25 * noise / noise.std(), 0, 1).astype(np.float32)


def paint(style_grams, steps, cost=style_cost, shots=4):
    """Lower the style cost of clouds; gives every step's cost and a few pictures."""
    canvas = tc.Parameter(clouds(SIZE, np.random.default_rng(1))[None])
    optimizer = LBFGS([canvas])
    kept = np.linspace(0, steps, shots).round()

    def loss():
        return total_style_cost(style_grams, tc.clip(canvas, 0.0, 1.0), cost)

    costs, pictures = [], []
    for step in range(steps + 1):
        if step in kept:
            pictures.append(np.clip(canvas.data[0], 0, 1))
        costs.append(optimizer.step(loss))
    return costs, pictures


costs, pictures = paint(style_grams, STEPS)
assert costs[-1] < 0.05 * costs[0]
titles = [f"step {step:.0f}" for step in np.linspace(0, STEPS, 4)]
viz.strip(
    [*pictures, painting],
    [*titles, "the painting"],
    caption=f"Style without content. In {STEPS} steps the style cost fell by a "
    f"factor of {costs[0] / costs[-1]:.0f}.",
)

# %%
viz.curves(
    {"_style": (range(len(costs)), costs)},
    xlabel="step",
    ylabel="style cost",
    log=True,
    caption="The style cost on the way; the vertical axis is logarithmic.",
)

# %% [markdown]
# ## What breaks, and how it looks
#
# **Forgotten normalisation.** The sum runs over all places, so a style matrix grows with the number of pixels. Leave out
# the fraction in front, and two things go wrong. First, the layers are no longer comparable: the first has the most places,
# and it shouts down the others.

# %%
raw, fair = [], []
for layer in LAYERS:
    S, G = cropped[layer], photograph_seen[layer]
    raw.append(((gram(S).data - gram(G).data) ** 2).sum())
    fair.append(style_cost(mean_gram(S), G).item())
raw, fair = np.array(raw) / sum(raw), np.array(fair) / sum(fair)
for layer, raw_share, fair_share in zip(LAYERS, raw, fair, strict=True):
    print(f"{layer}: {raw_share:7.2%} of the raw cost, {fair_share:7.2%} normalised")
assert raw[0] == raw.max() > fair[0]
viz.bars(
    {"raw sums": raw, "normalised": fair},
    LAYERS,
    ylabel="share of the cost",
    caption="Who speaks in the style cost. Raw, relu1_1 is "
    f"{raw[0] / raw[-1]:,.0f} times as loud as relu4_1; normalised, {fair[0] / fair[-1]:,.0f} times.",
)

# %% [markdown]
# Second, a style picture of another size has another style matrix. Below, the same painting at twice the side, and the sums
# are compared raw. The generated picture would need channels twice as strong as any the painting has; it screams.


# %%
def forgetful_cost(style_sum, generated):
    difference = gram(generated) - style_sum
    return (difference * difference).sum() / (2 * generated.size) ** 2


larger = painted_style(2 * SIZE, np.random.default_rng(0))
larger_seen = features(larger)
sums = {layer: gram(seen) for layer, seen in larger_seen.items()}
means = {layer: mean_gram(seen) for layer, seen in larger_seen.items()}
small = gram(painting_seen["relu1_1"]).data[0]
ratio = np.trace(sums["relu1_1"].data[0]) / np.trace(small)
print(f"the larger painting's style matrix is {ratio:.2f} times as large")
_, screaming = paint(sums, STEPS // 2, forgetful_cost, shots=2)
_, calm = paint(means, STEPS // 2, shots=2)
viz.strip(
    [screaming[-1], calm[-1]],
    ["sums compared", "means compared"],
    caption=f"After {STEPS // 2} steps from the same clouds to the same larger painting.",
)

# %% [markdown]
# ## The cost
#
# The style matrix looks expensive, channels times channels. But it takes $2 n_H n_W n_C^2$ operations, and the 3 x 3
# convolution that made the activation from $c$ channels took $2 n_H n_W \cdot 9 \, c \, n_C$: only where $c$ is small, in the
# first layer, does the style matrix weigh as much.

# %%
for layer in LAYERS:
    _, height, width, channels = painting_seen[layer].shape
    gram_flops = 2 * height * width * channels**2
    kernel = net[layer.replace("relu", "conv")].weight.shape
    conv_flops = conv_geometry((1, height, width, kernel[2]), kernel, padding=1).flops
    print(
        f"{layer}: style matrix {gram_flops / 1e6:.1f} MFLOP, "
        f"convolution {conv_flops / 1e6:.1f} MFLOP, ratio {gram_flops / conv_flops:.2f}"
    )

# %% [markdown]
# The style picture's matrices are computed once, before the first step: they do not change.
#
# ## Try it
#
# Write the style matrix of a whole batch (N, H, W, C) to (N, C, C) in one line of NumPy. Replace `None`.
# (A hint: `np.einsum` says exactly which letters are summed; so does a reshape and `@`.)


# %%
def my_gram(a):
    return None  # your turn


batch = np.random.default_rng(2).normal(size=(2, 4, 5, 3))
if my_gram(batch) is None:
    print("not yet: my_gram gives None")
else:
    mine, right = np.asarray(my_gram(batch)), gram(batch).data
    assert mine.shape == right.shape, f"shape {mine.shape}, expected {right.shape}"
    assert np.allclose(mine, right), "right shape, other numbers: what was summed?"
    print("yes: your style matrices are tinyconv's")

# %% [markdown]
# ## Sources
#
# - The course, *Convolutional Neural Networks*, neural style transfer: the section "Style cost function".
# - L. A. Gatys, A. S. Ecker, M. Bethge, [A neural algorithm of artistic style](https://arxiv.org/abs/1508.06576), 2015.
# - L. A. Gatys, A. S. Ecker, M. Bethge, [Texture synthesis using convolutional neural
#   networks](https://arxiv.org/abs/1505.07376), 2015: style without content, as in the clouds above.
# - Y. Li et al., [Demystifying neural style transfer](https://arxiv.org/abs/1701.01036), 2017: why matching Gram matrices
#   means matching the distribution of features.
# - `tinyconv/style/losses.py`: `gram` and `style_cost`.

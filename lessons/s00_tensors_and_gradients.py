# %% [markdown]
# # Tensors and gradients
#
# **The question.** A network is one long formula with very many numbers in it. Training asks the same thing again and
# again: *if I move this number a little, does the result get better or worse, and how fast?* For every number, at once.
# How can a program answer that for a formula it has never seen?
#
# That answer is called the gradient. In this lesson we build a small engine that computes it, for any formula, and then
# find the same engine, with better manners, inside tinyconv.

# %%
import heapq
import inspect
import itertools
import os
import sys

import numpy as np

import tinyconv as tc
from tinyconv import viz
from tinyconv.models.tinyvgg import tiny_vgg

QUICK = os.environ.get("TINYCONV_QUICK") == "1"  # set by --quick and by the tour

# %% [markdown]
# ## The naive way: nudge and look
#
# Here is a formula of two numbers. Its slope for $a$ is how much it changes when $a$ changes, divided by that change:
#
# $$\frac{\partial f}{\partial a} \approx \frac{f(a + h, b) - f(a - h, b)}{2 h}$$
#
# So we nudge each input a little up and a little down, and look.


# %%
def f(a, b):
    return (a + b) * b


def nudge(function, inputs, h=1e-5):
    """The slope of `function` for each of its inputs, by central differences."""
    slopes = []
    for i in range(len(inputs)):
        up, down = list(inputs), list(inputs)
        up[i], down[i] = inputs[i] + h, inputs[i] - h
        slopes.append((function(*up) - function(*down)) / (2 * h))
    return slopes


by_nudging = nudge(f, [2.0, 3.0])
print(f"f(2, 3) = {f(2.0, 3.0)}")
print(f"slope for a: {by_nudging[0]:.6f}, slope for b: {by_nudging[1]:.6f}")

# %% [markdown]
# It works for every formula, and it has two faults. It is never exact: a large nudge sees the curve bend, a tiny one drowns
# in rounding. And it evaluates the whole formula twice *per input*. A network has as many inputs as it has weights.

# %%
for h in (1e-1, 1e-5, 1e-13):
    (slope,) = nudge(np.exp, [1.0], h)
    print(f"nudging exp by {h:.0e}: the slope is wrong by {abs(slope - np.e):.0e}")

# %% [markdown]
# ## The idea: remember how each value was made
#
# A long formula is a chain of small steps, and each small step has slopes that everybody knows by heart:
#
# - $c = a + b$: when $a$ grows by a little, $c$ grows by as much. Both slopes are $1$.
# - $c = a \cdot b$: the slope for $a$ is $b$, the slope for $b$ is $a$.
#
# The chain rule says that slopes along a path multiply, and that slopes of several paths add. So let every value remember
# its *parents*, and for each parent a *rule*: given how strongly the result depends on me (the gradient $g$ that arrives),
# how strongly does it depend on that parent? That is the whole data structure.


# %%
births = itertools.count()


class Value:
    """An array that remembers its parents, and a rule back to each of them."""

    __array_ufunc__ = None  # so that array * value asks us, not NumPy

    def __init__(self, data, parents=(), rules=()):
        self.data = np.asarray(data, dtype=float)
        self.parents, self.rules = parents, rules
        self.birth, self.grad = next(births), None

    def __add__(self, other):
        return add(self, other)

    def __mul__(self, other):
        return multiply(self, other)

    def __sub__(self, other):
        return add(self, multiply(other, -1))

    __radd__, __rmul__ = __add__, __mul__


def as_value(x):
    return x if isinstance(x, Value) else Value(x)


def add(a, b):
    a, b = as_value(a), as_value(b)
    return Value(a.data + b.data, (a, b), (lambda g: g, lambda g: g))


def multiply(a, b):
    a, b = as_value(a), as_value(b)
    rules = (lambda g: g * b.data, lambda g: g * a.data)
    return Value(a.data * b.data, (a, b), rules)


a, b = Value(2.0), Value(3.0)
y = f(a, b)  # the same formula, now leaving a trace
parents = [parent.birth for parent in y.parents]
print(f"y = {y.data} is value number {y.birth}, made from the values {parents}")

# %% [markdown]
# ## The walk back
#
# Every value has a birth number, and a value can only be made from values that exist already. So going from the youngest
# to the oldest visits each value *after* everything that used it: by then all its shares have arrived and its gradient is
# complete. No sorting, no recursion; a heap hands out the youngest, and every value is visited once.
#
# One thing remains. NumPy repeats small arrays to fit large ones (broadcasting). A value that was used many times collects
# the gradient of every use, so on the way back what was repeated is summed.


# %%
def unbroadcast(g, shape):
    """Sum `g` over the axes along which an array of `shape` was repeated."""
    g = g.sum(axis=tuple(range(g.ndim - len(shape))))
    stretched = tuple(axis for axis, size in enumerate(shape) if size == 1)
    return g.sum(axis=stretched, keepdims=True)


def backward(y):
    """Set v.grad to dy/dv for every v that y (or its sum) was made from."""
    shares, youngest = {y: np.ones_like(y.data)}, [(-y.birth, y)]
    while youngest:
        _, v = heapq.heappop(youngest)
        v.grad = shares.pop(v)
        for parent, rule in zip(v.parents, v.rules, strict=True):
            share = unbroadcast(rule(v.grad), parent.data.shape)
            if parent not in shares:
                heapq.heappush(youngest, (-parent.birth, parent))
            shares[parent] = shares.get(parent, 0) + share


backward(y)
print(f"slope for a: {a.grad}, nudging said {by_nudging[0]:.6f}")
print(f"slope for b: {b.grad}, nudging said {by_nudging[1]:.6f}")
assert np.allclose([a.grad, b.grad], by_nudging)

# %% [markdown]
# A few more rules, and the engine can follow most of what a ConvNet does. Each is a forward formula and, beside it, one
# line that everybody can check with a pencil.


# %%
def exp(a):
    out = np.exp(a.data)
    return Value(out, (a,), (lambda g: g * out,))


def relu(a):
    return Value(np.maximum(a.data, 0), (a,), (lambda g: g * (a.data > 0),))


def matmul(a, b):
    rules = (lambda g: g @ b.data.T, lambda g: a.data.T @ g)
    return Value(a.data @ b.data, (a, b), rules)


def total(a):
    return Value(a.data.sum(), (a,), (lambda g: np.full(a.data.shape, g),))


def code_lines(function):
    source = inspect.getsource(function)
    return sum(bool(line.strip()) for line in source.splitlines())


functions = {part for part in vars(Value).values() if inspect.isfunction(part)}
functions |= {as_value, add, multiply, unbroadcast, backward, exp, relu, matmul, total}
lines = sum(code_lines(function) for function in functions)
lines += len(["births", "class Value", "its sentence", "__array_ufunc__", "__radd__"])
print(f"The engine has {lines} lines.")
assert lines <= 60

# %% [markdown]
# ## The same in tinyconv
#
# tinyconv's `engine.py` is this engine with errors that explain themselves, gradients of gradients, and memory that is
# given back early. The idea is the same: birth order, one rule per input, a heap. So both must agree. Here is a layer of a
# network, with arrays that broadcast: images times weights, plus one bias per output, through a ReLU.

# %%
rng = np.random.default_rng(0)
images, weights, bias = (rng.normal(size=shape) for shape in [(4, 3), (3, 2), (2,)])

ours = [Value(array) for array in (images, weights, bias)]
backward(total(exp(relu(matmul(ours[0], ours[1]) + ours[2]) * 0.5)))

theirs = [tc.tensor(array, requires_grad=True) for array in (images, weights, bias)]
tc.exp(tc.relu(theirs[0] @ theirs[1] + theirs[2]) * 0.5).sum().backward()

for name, our, their in zip(("images", "weights", "bias"), ours, theirs, strict=True):
    assert np.allclose(our.grad, their.grad, rtol=1e-12)
    difference = np.abs(our.grad - their.grad).max()
    print(f"{name:<8} gradient {our.grad.shape}: largest difference {difference:.1e}")

# %% [markdown]
# ## A picture
#
# Now we can draw what the engine remembers. Arrows point the way the numbers went; the red numbers are the gradients that
# came back the other way.


# %%
def history(y):
    """Every value that y was made from, oldest first, with y at the end."""
    found, stack = {y}, [y]
    while stack:
        for parent in stack.pop().parents:
            if parent not in found:
                found.add(parent)
                stack.append(parent)
    return sorted(found, key=lambda v: v.birth)


values = history(y)
names = ["a", "b", "a + b", "y"]
edges = [
    (values.index(parent), values.index(v)) for v in values for parent in v.parents
]
viz.draw_graph(
    [f"{name} = {v.data:g}" for name, v in zip(names, values, strict=True)],
    edges,
    notes=[f"gradient {v.grad:g}" for v in values],
    edge_notes=[f"{rule(v.grad):+g}" for v in values for rule in v.rules],
    caption=f"y = (a + b) b at a = {a.data:g}, b = {b.data:g}. "
    "Two arrows leave b, so two shares come back to it, and they add.",
)

# %% [markdown]
# And what a gradient *is*: at every point, the direction of the curve. The curve below is a sum of bumps; the engine gives
# its slope anywhere, exactly.


# %%
def bumps(x):
    return exp((x - 1) * (x - 1) * -1) - exp((x + 1) * (x + 1) * -2) + x * 0.2


xs, tangents = np.linspace(-3, 3, 200), []
for start in np.linspace(-2.4, 2.4, 5 if QUICK else 9):
    x = Value(start)
    height = bumps(x)
    backward(height)
    tangents.append((start, float(height.data), float(x.grad)))
viz.curves(
    {"_bumps": (xs, bumps(Value(xs)).data)},
    xlabel="x",
    ylabel="f(x)",
    tangents=tangents,
    caption=f"A curve, and its slope by the engine at {len(tangents)} points.",
)

# %% [markdown]
# ## What breaks, and how it looks
#
# **Forgotten addition.** The commonest mistake: a value that is used twice *replaces* its gradient instead of adding the
# second share. Nothing crashes. The answer is wrong, and only nudging tells.


# %%
def forgetful_backward(y):
    y.grad = np.ones_like(y.data)
    for v in reversed(history(y)):
        for parent, rule in zip(v.parents, v.rules, strict=True):
            parent.grad = unbroadcast(rule(v.grad), parent.data.shape)  # not added


a, b = Value(2.0), Value(3.0)
forgetful_backward(f(a, b))
print(f"forgetful: slope for b is {b.grad}; nudging says {by_nudging[1]:.6f}")
assert not np.isclose(b.grad, by_nudging[1])

# %% [markdown]
# **A walk by recursion.** "The gradient of a value is its share, passed on to its parents" invites a function that calls
# itself. It looks shorter than ours, and it has two traps. It walks every *path*: if each step uses its value twice, the
# paths double at every step. And it runs out of stack on a long chain.


# %%
def recursive_backward(v, g, calls):
    calls[0] += 1
    v.grad = g if v.grad is None else v.grad + g
    for parent, rule in zip(v.parents, v.rules, strict=True):
        recursive_backward(parent, unbroadcast(rule(g), parent.data.shape), calls)


def doubled(steps):
    x = Value(1.0)
    y = x
    for _ in range(steps):
        y = y + y
    return x, y


depths = range(2, 11 if QUICK else 15, 2)
visits = []
for steps in depths:
    x, y = doubled(steps)
    calls = [0]
    recursive_backward(y, np.ones_like(y.data), calls)
    visits.append((calls[0], len(history(y))))
    print(f"{steps:3} doublings: {calls[0]:6} calls, or {visits[-1][1]:3} visits by birth")

x, y = doubled(40)
backward(y)  # instant
assert x.grad == 2.0**40

# %%
by_paths, by_births = zip(*visits, strict=True)
viz.curves(
    {"recursion": (depths, by_paths), "birth order": (depths, by_births)},
    log=True,
    xlabel="doublings y = y + y",
    ylabel="values visited",
    caption="The same graph, walked by paths and by births; the scale is logarithmic.",
)

# %%
length = 2 * sys.getrecursionlimit()
y = x = Value(1.0)
for _ in range(length):
    y = y + 0.0
try:
    recursive_backward(y, np.ones_like(y.data), [0])
    raise AssertionError("this chain should be too long for recursion")
except RecursionError as error:
    print(f"recursion on a chain of {length} steps: {type(error).__name__}")
x.grad = None
backward(y)
print(f"birth order on the same chain: gradient {x.grad}")
assert x.grad == 1.0

# %% [markdown]
# **A wrong rule.** Below is a square whose author forgot the factor. The forward value is right, so nothing looks wrong;
# but the ratio between the rule and the nudge names the mistake. `tinyconv gradcheck` does this for every operation.


# %%
def square(a):
    return Value(a.data**2, (a,), (lambda g: g * a.data,))  # the slope of a^2 is 2a


x = Value(1.7)
backward(square(x))
(expected,) = nudge(lambda v: v**2, [1.7])
print(f"rule: {x.grad:.4f}, nudge: {expected:.4f}, ratio: {expected / x.grad:.4f}")
assert not np.isclose(x.grad, expected)

# %% [markdown]
# ## The cost
#
# The walk calls one rule per edge of the graph, and a rule costs about as much as its forward step. So all gradients
# together cost a small multiple of one evaluation, however many inputs there are. Nudging costs two evaluations for each.

# %%
sizes = [np.prod(array.shape) for array in (images, weights, bias)]
loss = total(exp(relu(matmul(*ours[:2]) + ours[2]) * 0.5))
rule_calls = sum(len(v.parents) for v in history(loss))
print(f"our layer has {sum(sizes)} inputs")
print(f"nudging: {2 * sum(sizes)} evaluations; the walk: {rule_calls} rule calls")

net = tiny_vgg(np.random.default_rng(0))  # the net that later lessons use
count = sum(parameter.size for parameter in net.parameters())
print(f"our own net has {count:,} parameters")
print(f"nudging: {2 * count:,} evaluations; the walk: one, and its rules")

# %% [markdown]
# The price is memory: until the walk has passed, the graph holds the arrays that its rules will need. tinyconv keeps only
# what the rules of inputs *that need a gradient* name, which is why a frozen network costs it almost nothing.
#
# ## Try it
#
# Write the rule of the reciprocal, $y = 1 / a$. What arrives is $g$; what must go back to $a$? Replace `None`.
# (A hint: the slope of $1 / a$ is $-1 / a^2$.)


# %%
def reciprocal(a):
    rule = None  # your turn: lambda g: ...
    return Value(1 / a.data, (a,), (rule,))


x = Value([0.5, -2.0, 4.0])
if reciprocal(x).rules[0] is None:
    print("not yet: reciprocal has no rule")
else:
    backward(total(reciprocal(x)))
    nudged = [nudge(lambda v: 1 / v, [v])[0] for v in x.data]
    assert np.allclose(x.grad, nudged), f"the rule says {x.grad}, the nudge {nudged}"
    print("yes: your rule and the nudge agree")

# %% [markdown]
# ## Sources
#
# - A. Karpathy, [micrograd](https://github.com/karpathy/micrograd): the whole idea in one sitting.
# - S. Linnainmaa, *Taylor expansion of the accumulated rounding error*, BIT 16 (1976): where walking backwards began.
# - D. E. Rumelhart, G. E. Hinton, R. J. Williams, *Learning representations by back-propagating errors*, Nature 323 (1986).
# - A. G. Baydin et al., [Automatic differentiation in machine learning: a survey](https://arxiv.org/abs/1502.05767), 2018.
# - `tinyconv/engine.py`: the same walk, ready for work.

"""Every optimizer against PyTorch's, twenty steps in float64."""

from __future__ import annotations

import numpy as np
import pytest

import tinyconv as tc
from tinyconv.optim import SGD, AdaGrad, Adam, AdamW, RMSProp, clip_grad_norm, clip_grad_value

pytestmark = pytest.mark.oracle
torch = pytest.importorskip("torch")

CASES = {
    "sgd": (SGD, "SGD", {"lr": 0.05}),
    "momentum and decay": (SGD, "SGD", {"lr": 0.05, "momentum": 0.9, "weight_decay": 0.02}),
    "nesterov": (SGD, "SGD", {"lr": 0.05, "momentum": 0.8, "nesterov": True}),
    "nesterov and decay": (SGD, "SGD", {"lr": 0.05, "momentum": 0.8, "weight_decay": 0.1, "nesterov": True}),
    "adagrad as it is": (AdaGrad, "Adagrad", {}),
    "adagrad": (AdaGrad, "Adagrad", {"lr": 0.3, "weight_decay": 0.05, "eps": 1e-3}),
    "rmsprop as it is": (RMSProp, "RMSprop", {}),
    "rmsprop": (RMSProp, "RMSprop", {"lr": 0.03, "alpha": 0.8, "eps": 1e-3, "weight_decay": 0.05}),
    "rmsprop with momentum": (RMSProp, "RMSprop", {"lr": 0.03, "momentum": 0.9}),
    "rmsprop centered": (RMSProp, "RMSprop", {"lr": 0.03, "momentum": 0.5, "centered": True}),
    "adam as it is": (Adam, "Adam", {}),
    "adam": (Adam, "Adam", {"lr": 0.1, "betas": (0.7, 0.9), "eps": 1e-4, "weight_decay": 0.2}),
    "adamw as it is": (AdamW, "AdamW", {}),
    "adamw": (AdamW, "AdamW", {"lr": 0.1, "betas": (0.7, 0.9), "eps": 1e-4, "weight_decay": 0.2}),
}


@pytest.mark.parametrize(("ours", "theirs", "options"), CASES.values(), ids=CASES)
def test_twenty_steps_are_those_of_pytorch(ours, theirs, options):
    rng = np.random.default_rng(0)
    starts, data = [rng.standard_normal((3, 4)), rng.standard_normal(5)], rng.standard_normal((20, 17))
    data[7] = 0  # a step without any gradient
    p = [tc.Parameter(a) for a in starts]
    q = [torch.nn.Parameter(torch.tensor(a)) for a in starts]
    optimizer, rival = ours(p, **options), getattr(torch.optim, theirs)(q, **options)
    for row in data:
        a, b = row[:12].reshape(3, 4), row[12:]
        for (x, y), step, constant in ((p, optimizer, np.asarray), (q, rival, torch.tensor)):
            step.zero_grad()
            ((x * x * constant(a)).sum() + (y * y * constant(b)).sum()).backward()
            step.step()
        for x, y in zip(p, q, strict=True):
            np.testing.assert_allclose(x.data, y.detach().numpy(), rtol=1e-12, atol=1e-12)


def test_defaults_are_pytorchs():
    p = [tc.Parameter(np.ones(2))]
    q = [torch.nn.Parameter(torch.ones(2))]
    for ours, theirs in ((AdaGrad, "Adagrad"), (RMSProp, "RMSprop"), (Adam, "Adam"), (AdamW, "AdamW")):
        group, optimizer = getattr(torch.optim, theirs)(q).param_groups[0], ours(p)
        for name in ("lr", "alpha", "eps", "weight_decay", "momentum", "centered", "betas"):
            if name in group and hasattr(optimizer, name):
                assert getattr(optimizer, name) == group[name], (theirs, name)


@pytest.mark.parametrize("limit", [0.5, 3.0, 1e3])
def test_clipping_is_pytorchs(limit):
    gradients = [np.random.default_rng(0).standard_normal((3, 4)), np.random.default_rng(1).standard_normal(5)]
    for ours, theirs in ((clip_grad_norm, "clip_grad_norm_"), (clip_grad_value, "clip_grad_value_")):
        p = [tc.Parameter(np.zeros(g.shape)) for g in gradients]
        q = [torch.zeros(g.shape, dtype=torch.float64) for g in gradients]
        for x, y, g in zip(p, q, gradients, strict=True):
            x.grad, y.grad = g, torch.tensor(g)
        norm, expected = ours(p, limit), getattr(torch.nn.utils, theirs)(q, limit)
        if norm is not None:
            assert norm == pytest.approx(expected.item(), rel=1e-12)
        for x, y in zip(p, q, strict=True):
            np.testing.assert_allclose(x.grad, y.grad.numpy(), rtol=1e-5)  # PyTorch divides by the norm + 1e-6

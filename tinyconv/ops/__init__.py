"""The differentiable vocabulary: each function stands beside its gradient rules."""

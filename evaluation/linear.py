"""Logistic regression for training: full-batch gradient descent with Adam and L2, deterministic. Needs numpy."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

import numpy as np

from hospital_rt.extraction.classifier.model import LinearModel


class Design:
    """Feature sets as a sparse matrix with a fixed vocabulary: features that occur in ``min_count`` rows."""

    def __init__(self, rows: Sequence[set[str]], *, min_count: int = 2) -> None:
        counts = Counter(feature for row in rows for feature in row)
        self.names = sorted(name for name, n in counts.items() if n >= min_count)
        index = {name: i for i, name in enumerate(self.names)}
        pairs = [(r, index[name]) for r, row in enumerate(rows) for name in sorted(row) if name in index]
        self.row = np.array([r for r, _ in pairs], dtype=np.int64)
        self.col = np.array([c for _, c in pairs], dtype=np.int64)
        self.count = len(rows)


def fit(
    rows: Sequence[set[str]],
    wanted: Sequence[float],
    *,
    weight: Sequence[float] | None = None,
    l2: float = 2.0,
    steps: int = 90,
    min_count: int = 2,
) -> LinearModel:
    """Fit a model. ``weight`` is each row's part in the loss; ``l2`` is the penalty of the summed loss."""
    design = Design(rows, min_count=min_count)
    y = np.asarray(wanted, dtype=float)
    part = np.ones(design.count) if weight is None else np.asarray(weight, dtype=float)
    w: Any = np.zeros(len(design.names))
    mean = float(np.clip((part * y).sum() / max(1e-9, part.sum()), 1e-4, 1 - 1e-4))
    b = float(np.log(mean / (1 - mean)))
    m, v, mb, vb = np.zeros_like(w), np.zeros_like(w), 0.0, 0.0
    for step in range(1, steps + 1):
        z = b + np.bincount(design.row, weights=w[design.col], minlength=design.count)
        error = part * (1 / (1 + np.exp(-np.clip(z, -30, 30))) - y)
        gradient = np.bincount(design.col, weights=error[design.row], minlength=len(w)) + l2 * w
        gb = float(error.sum())
        m, v = 0.9 * m + 0.1 * gradient, 0.99 * v + 0.01 * gradient**2
        mb, vb = 0.9 * mb + 0.1 * gb, 0.99 * vb + 0.01 * gb * gb
        rate = 0.1 * (1 - step / (steps + 1))
        correction, correction2 = 1 - 0.9**step, 1 - 0.99**step
        w = w - rate * (m / correction) / (np.sqrt(v / correction2) + 1e-6)
        b -= rate * (mb / correction) / ((vb / correction2) ** 0.5 + 1e-6)
    return LinearModel(
        bias=round(b, 4), weights={n: float(x) for n, x in zip(design.names, w, strict=True) if abs(x) >= 0.02}
    )

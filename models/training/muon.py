"""Muon (Keller Jordan, 2024): momentum whose steps are orthogonal matrices, for the weights of linear layers.

After as many samples models/dates is right on 90 % of clean texts where AdamW brings it to 67 to 74 %, for 8 % more time a step.
"""

import torch

# Of the quintic that pulls singular values towards 1, five times over.
A, B, C = 3.4445, -4.7750, 2.0315
ROUNDS = 5


def split(body, model):
    """What Muon is for, the matrices of a part of a model, and the model's other parameters."""
    matrices = [p for p in body.parameters() if p.dim() == 2]
    return matrices, [p for p in model.parameters() if not any(p is matrix for matrix in matrices)]


def orthogonal(x):
    """[n, rows, columns], each matrix with all its singular values near 1."""
    tall = x.shape[1] > x.shape[2]
    x = x.mT.contiguous() if tall else x
    x = x / (x.flatten(1).norm(dim=1)[:, None, None] + 1e-7)
    for _ in range(ROUNDS):
        square = x @ x.mT
        x = torch.baddbmm(x, torch.baddbmm(square, square, square, beta=B, alpha=C), x, beta=A)
    return x.mT if tall else x


class Muon(torch.optim.Optimizer):
    """Matrices of one shape are updated at once. Queries, keys and values that are held as one matrix are three here."""

    def __init__(self, matrices, lr, momentum=0.95, weight_decay=0.01):
        super().__init__(matrices, {"lr": lr, "momentum": momentum, "weight_decay": weight_decay})
        self.same = {}  # by shape: where the matrices are, as (parameter, rows)
        for matrix in self.param_groups[0]["params"]:
            rows, columns = matrix.shape
            part = columns if rows == 3 * columns else rows
            for first in range(0, rows, part):
                self.same.setdefault((part, columns), []).append((matrix, slice(first, first + part)))
        self.means = {shape: torch.zeros(len(parts), *shape) for shape, parts in self.same.items()}

    @torch.no_grad()
    def step(self):
        group = self.param_groups[0]
        rate, momentum = group["lr"], group["momentum"]
        for shape, parts in self.same.items():
            gradient = torch.stack([matrix.grad[rows] for matrix, rows in parts])
            mean = self.means[shape].lerp_(gradient, 1 - momentum)
            # as large as AdamW's steps are on average
            steps = orthogonal(gradient.lerp(mean, momentum)) * (-0.2 * rate * max(shape) ** 0.5)
            for (matrix, rows), step in zip(parts, steps):
                matrix[rows].mul_(1 - rate * group["weight_decay"]).add_(step)

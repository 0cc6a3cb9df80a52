"""Runs PyTorch code in float64 throughout, and measures how clear its decisions are."""

import torch
from torch.overrides import TorchFunctionMode


class Double(TorchFunctionMode):
    """Every request for float32 (softmax, norms, rotary angles, beam scores) is answered in float64.

    narrowest: the smallest difference between neighbours in what argmax and topk ordered, ties of impossible
    candidates aside. A decision with a small difference could go the other way in float32.
    """

    def __init__(self):
        super().__init__()
        self.narrowest = float("inf")

    def __enter__(self):
        torch.set_default_dtype(torch.float64)
        return super().__enter__()

    def __exit__(self, *reason):
        torch.set_default_dtype(torch.float32)
        return super().__exit__(*reason)

    def __torch_function__(self, func, types, args=(), kwargs=None):
        def double(value):
            return torch.float64 if value is torch.float32 else value

        args = tuple(double(value) for value in args)
        kwargs = {key: double(value) for key, value in (kwargs or {}).items()}
        if func is torch.Tensor.float:
            func = torch.Tensor.double
        if func in (torch.topk, torch.argmax) and args[0].is_floating_point():
            self.measure(args[0], kwargs.get("k", 1))
        return func(*args, **kwargs)

    def measure(self, scores, k):
        ordered = scores.sort(dim=-1, descending=True).values[..., : k + 1]
        gaps = (ordered[..., :-1] - ordered[..., 1:])[ordered[..., 1:] > -1e8]
        if gaps.numel():
            self.narrowest = min(self.narrowest, gaps.min().item())


def forget_lengths(model):
    """Dynamic rotary embeddings keep the frequencies of the longest sequence they have seen: back to the start."""
    for module in model.modules():
        if hasattr(module, "max_seq_len_cached"):
            module.max_seq_len_cached = module.original_max_seq_len
            module.inv_freq = module.original_inv_freq.clone()

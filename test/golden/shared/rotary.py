"""Rotary embeddings that depend on the length of the sequence keep the longest one they have seen: they must forget it."""


def forget_lengths(model):
    """The next run starts as in a model that was just loaded."""
    for module in model.modules():
        if hasattr(module, "original_inv_freq"):
            module.inv_freq = module.original_inv_freq
            module.max_seq_len_cached = module.original_max_seq_len

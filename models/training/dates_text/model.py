"""The original Transformer: nn.Transformer between embeddings with sinusoidal positions and a generator of logits.

The names of the modules are those of PyTorch's translation tutorial, so that the state_dict is the layout that
`"model_type": "transformer"` loads.
"""

import math

import torch
from torch import nn


class TokenEmbedding(nn.Module):
    def __init__(self, vocabulary, d_model):
        super().__init__()
        self.embedding = nn.Embedding(vocabulary, d_model)
        self.scale = math.sqrt(d_model)

    def forward(self, ids):
        return self.embedding(ids) * self.scale


class DateTransformer(nn.Module):
    def __init__(self, config):
        super().__init__()
        d = config["d_model"]
        self.transformer = nn.Transformer(
            d_model=d,
            nhead=config["nhead"],
            num_encoder_layers=config["num_encoder_layers"],
            num_decoder_layers=config["num_decoder_layers"],
            dim_feedforward=config["dim_feedforward"],
            dropout=0.0,
            batch_first=True,
        )
        self.generator = nn.Linear(d, config["tgt_vocab_size"])
        self.src_tok_emb = TokenEmbedding(config["src_vocab_size"], d)
        self.tgt_tok_emb = TokenEmbedding(config["tgt_vocab_size"], d)
        position = torch.arange(config["max_len"])[:, None]
        angle = position * torch.exp(torch.arange(0, d, 2) * (-math.log(10000) / d))
        table = torch.stack([angle.sin(), angle.cos()], dim=-1).flatten(1)
        self.register_buffer("positions", table, persistent=False)
        for parameter in self.parameters():
            if parameter.dim() > 1:
                nn.init.xavier_uniform_(parameter)

    def encode(self, source):
        """[batch, tokens] of sources of one length, so that nothing is padded."""
        return self.transformer.encoder(self.src_tok_emb(source) + self.positions[: source.shape[1]])

    def decode(self, target, memory):
        """Logits of the token behind each of the target's, [batch, tokens, vocabulary]."""
        length = target.shape[1]
        mask = nn.Transformer.generate_square_subsequent_mask(length)
        x = self.tgt_tok_emb(target) + self.positions[:length]
        return self.generator(self.transformer.decoder(x, memory, tgt_mask=mask, tgt_is_causal=True))

    def forward(self, source, target):
        return self.decode(target, self.encode(source))

    @torch.no_grad()
    def greedy(self, source, start, end, longest=12):
        """Ids of the likeliest next token, again and again, for sources of one length; an answer's last id is `end` or it was cut."""
        memory = self.encode(source)
        target = torch.full((len(source), 1), start)
        done = torch.zeros(len(source), dtype=torch.bool)
        for _ in range(longest):
            following = self.decode(target, memory)[:, -1].argmax(-1)
            target = torch.cat([target, following[:, None]], dim=1)
            done |= following == end
            if done.all():
                break
        rows = target[:, 1:].tolist()
        return [row[: row.index(end) + 1] if end in row else row for row in rows]

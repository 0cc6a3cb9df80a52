"""Files of torch.save's, the same tensors in safetensors, and hostile pickles. torch 2.13.

    python test/golden/pytorch/generate.py
"""

import collections
import os
import pickle
import subprocess
import zipfile

import torch
from safetensors.torch import load_file, save_file

HERE = os.path.dirname(os.path.abspath(__file__))


def path(name):
    return os.path.join(HERE, name)


generator = torch.Generator().manual_seed(5)
base = torch.randn(6, 4, generator=generator)
tensors = collections.OrderedDict(
    {
        "f32": torch.randn(3, 5, generator=generator),
        "f16": torch.randn(7, generator=generator).half(),
        "bf16": torch.randn(2, 2, 2, generator=generator).bfloat16(),
        "f64": torch.randn(2, generator=generator, dtype=torch.float64),
        "i64": torch.tensor([[1, -2], [3, 2**40]]),
        "i32": torch.tensor([-5, 6], dtype=torch.int32),
        "i16": torch.tensor([-5, 6, 7], dtype=torch.int16),
        "i8": torch.tensor([-5, 6], dtype=torch.int8),
        "u8": torch.tensor([250, 6], dtype=torch.uint8),
        "bool": torch.tensor([True, False, True]),
        "scalar": torch.tensor(1.5),
        "empty": torch.zeros(0, 3),
        "behind": base[6:, 1:],  # none of its storage, from behind its end
        "base": base,
        "rows": base[2:5],  # a part of the same storage
        "transposed": base.t(),
        "every second": base[::2, 1:3],
        "parameter": torch.nn.Parameter(torch.randn(4, generator=generator)),
    }
)
tensors._metadata = collections.OrderedDict([("", {"version": 1})])
save_file({name: tensor.detach().contiguous().clone() for name, tensor in tensors.items()}, path("expected.safetensors"))
torch.save(tensors, path("zip.bin"))
torch.save(tensors, path("legacy.bin"), _use_new_zipfile_serialization=False)
torch.save(dict(tensors), path("protocol-4.bin"), pickle_protocol=4)
plain = {
    "epoch": 3,
    "loss": 0.25,
    "name": "run",
    "layers": {1, 2},
    "frozen": frozenset("ab"),
    "raw": b"\xff\x00",
    "buffer": bytearray(b"y"),
    "root": 1j,
    "device": torch.device("cpu"),
}
torch.save({**plain, "state_dict": dict(tensors)}, path("training.bin"))
torch.save({**plain, "state_dict": dict(tensors)}, path("training-5.bin"), pickle_protocol=5)
torch.save({"f32": tensors["f32"], "f8": tensors["f32"].to(torch.float8_e4m3fn)}, path("float8.bin"))
torch.save([tensors["f32"]], path("list.bin"))
torch.save(torch.nn.Linear(2, 2), path("module.bin"))


class Call:
    def __init__(self, function, *args):
        self.call = (function, args)

    def __reduce__(self):
        return self.call


HOSTILE = {
    "system": Call(os.system, "echo taken"),
    "popen": Call(subprocess.Popen, ["true"]),
    "eval": Call(eval, "1 + 1"),
    "getattr": Call(getattr, "x", "upper"),
}
for name, value in HOSTILE.items():
    with zipfile.ZipFile(path(f"hostile-{name}.bin"), "w", zipfile.ZIP_STORED) as file:
        file.writestr("archive/data.pkl", pickle.dumps({"w": value}, protocol=2))
        file.writestr("archive/version", "3\n")
    with open(path(f"hostile-{name}-legacy.bin"), "wb") as file:
        for part in (0x1950A86A20F9469CFC6C, 1001, {"little_endian": True}, {"w": value}, []):
            pickle.dump(part, file, protocol=2)
with zipfile.ZipFile(path("compressed.bin"), "w", zipfile.ZIP_DEFLATED) as file:
    file.writestr("archive/data.pkl", pickle.dumps({"w": [0] * 1000}, protocol=2))

# a whole model, of which the folder beside it has the safetensors
torch.save(load_file(path("../encoders/sentence-mean/model.safetensors")), path("sentence-mean.bin"))

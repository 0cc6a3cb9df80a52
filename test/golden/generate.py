"""Makes the golden models and expected results in this folder. One command, the same bytes every time:

    python -m venv golden-env
    golden-env/bin/pip install torch==2.13.0 transformers==4.57.6 sentence-transformers==5.1.2 safetensors numpy
    golden-env/bin/python test/golden/generate.py

transformers 4 is needed: version 5 no longer has the question-answering pipeline. Expected numbers are computed in
float64 from the stored weights and rounded to float32.
"""

import os
import pathlib
import shutil
import sys

os.environ["TOKENIZERS_PARALLELISM"] = "false"
os.environ["HF_HUB_OFFLINE"] = "1"
sys.dont_write_bytecode = True
HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))

MAX_BYTES = 3_000_000


def main():
    import torch
    import transformers

    if not transformers.__version__.startswith("4."):
        sys.exit(f"transformers {transformers.__version__} has no question-answering pipeline: install 4.57.6")
    torch.set_num_threads(1)
    torch.use_deterministic_algorithms(True)
    transformers.logging.set_verbosity_error()

    from encoders.build import models, sentence

    out = HERE / "encoders"
    for old in out.iterdir():
        if (old / "config.json").exists():
            shutil.rmtree(old)
    models.build(out)
    sentence.build(out)

    size = sum(f.stat().st_size for f in out.rglob("*") if f.is_file())
    print(f"{size} bytes in {out}")
    if size > MAX_BYTES:
        sys.exit(f"the goldens are larger than {MAX_BYTES} bytes")


if __name__ == "__main__":
    main()

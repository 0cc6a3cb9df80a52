"""Makes the golden models and expected results in this folder. One command, the same bytes every time:

    python -m venv golden-env
    golden-env/bin/pip install torch==2.13.0 transformers==4.57.6 sentence-transformers==5.1.2 safetensors numpy
    golden-env/bin/python test/golden/generate.py [set | set/folder ...]

A set is encoders, decoders, texts or transformers; without arguments all are made. README.md says why transformers 4 is needed.
Expected numbers are computed in float64 from the stored weights and rounded to float32.
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
# "transformers.build" would be looked for in the library of that name
sys.path.insert(0, str(HERE / "transformers" / "build"))

MAX_BYTES = {"encoders": 4_100_000, "decoders": 2_500_000, "texts": 100_000, "transformers": 2_500_000}


def builders():
    from decoders.build import decoders, texts
    from encoders.build import models, search, sentence

    import original
    import seq2seq

    def encoders(out, wanted):
        models.build(out)
        sentence.build(out)
        search.build(out)

    def transformers(out, wanted):
        seq2seq.build(out, wanted)
        original.build(out, wanted)

    return {"encoders": encoders, "decoders": decoders.build, "texts": texts.build, "transformers": transformers}


def main(arguments):
    import torch
    import transformers

    if not transformers.__version__.startswith("4."):
        sys.exit(f"transformers {transformers.__version__} has no question-answering pipeline: install 4.57.6")
    torch.set_num_threads(1)
    torch.use_deterministic_algorithms(True)
    transformers.logging.set_verbosity_error()
    unknown = [name for name in arguments if name.split("/")[0] not in MAX_BYTES]
    if unknown:
        sys.exit(f"no such set: {', '.join(unknown)}; there are {', '.join(MAX_BYTES)}")

    for name, build in builders().items():
        # the encoders share one run of seeds: all of them or none
        mine = [name for _ in arguments if _.split("/")[0] == name] if name == "encoders" else arguments
        if arguments and not any(argument.split("/")[0] == name for argument in mine):
            continue
        out = HERE / name
        every = not arguments or name in mine

        def wanted(folder):
            return every or f"{name}/{folder}" in arguments

        for old in out.iterdir():
            if (old / "config.json").exists() and wanted(old.name):
                shutil.rmtree(old)
        build(out, wanted)
        size = sum(f.stat().st_size for f in out.rglob("*") if f.is_file())
        print(f"{size} bytes in {out}")
        if size > MAX_BYTES[name]:
            sys.exit(f"the goldens are larger than {MAX_BYTES[name]} bytes")


if __name__ == "__main__":
    main(sys.argv[1:])

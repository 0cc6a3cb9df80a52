"""The scripts of characters as Python's `tokenizers` (0.22) tells them apart, and texts cut by them. Run by hand:

    python test/golden/generate_scripts.py

Writes src/io/tokenizer/script-ranges.ts, found by asking the pre-tokenizer UnicodeScripts about every character, and
tokenizers/scripts.json: texts and where it cuts them.
"""

import json
import random
from pathlib import Path

from tokenizers.pre_tokenizers import UnicodeScripts

HERE = Path(__file__).parent
TABLE = HERE / "../../src/io/tokenizer/script-ranges.ts"
cut = UnicodeScripts().pre_tokenize_str


def base36(number):
    digits = ""
    while number or not digits:
        digits = "0123456789abcdefghijklmnopqrstuvwxyz"[number % 36] + digits
        number //= 36
    return digits


def runs():
    """[first, last, script] of all characters that have one; scripts are numbered as they come."""
    known = []
    found = []
    for code in range(0x110000):
        if 0xD800 <= code < 0xE000 or not cut(chr(code)):
            continue
        likely = [found[-1][2] - 1] if found else []
        script = next((i for i in [*likely, *range(len(known))] if len(cut(known[i] + chr(code))) == 1), None)
        if script is None:
            script = len(known)
            known.append(chr(code))
        if found and found[-1][1:] == [code - 1, script + 1]:
            found[-1][1] = code
        else:
            found.append([code, code, script + 1])
    return found


def main():
    entries, end = [], -1
    table = runs()
    for first, last, script in table:
        numbers = (first - end - 1, last - first, script)
        entries.append(",".join(base36(number) if number else "" for number in numbers))
        end = last
    lines = [""]
    for entry in entries:
        if len(lines[-1]) + len(entry) > 110:
            lines.append("")
        lines[-1] += f"{entry} "
    text = " +\n".join(f"  '{line}'" for line in lines)
    TABLE.write_text(
        "// Made by test/golden/generate_scripts.py: characters by script, Hiragana and Katakana being Han, as of Unicode 9. Of each run the gap\n"
        "// before it, its length less one, and its script, in base 36; what lies between has none.\n\n"
        f"export const SCRIPT_RANGES =\n{text};\n"
    )
    r = random.Random(9)
    some = [code for first, last, _ in table for code in {first, last, r.randint(first, last)}]
    near = [" ", "a", "Z", "7", "é", "ー", "か", "カ", "中", "Б", "α", "ع", "\u0301", "\u0378", "₿", "🥰", "😀", "\t", "."]
    texts = ["", " ", "  a1", "Any  中文 abcかなカナー123 ́x  Привет, мир!", "\u0378 \u0378"]
    for _ in range(400):
        texts.append("".join(r.choice(near) if r.random() < 0.7 else chr(r.choice(some)) for _ in range(r.randint(1, 14))))
    cases = [{"text": text, "pieces": [list(place) for _, place in cut(text)]} for text in texts]
    (HERE / "tokenizers/scripts.json").write_text(json.dumps(cases, separators=(",", ":")) + "\n")
    print(len(table), "runs")


if __name__ == "__main__":
    main()

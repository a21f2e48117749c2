"""fastText on the texts of a folder, run by a Python that has it: ``python fasttext_models.py FOLDER``.

Learns of ``train.txt``, answers ``asked.json``, and prints a line of JSON: for each form of the model whether each text
is spam, its bytes, and the microseconds that a text takes.
"""

import json
import sys
import time
from pathlib import Path
from typing import Any

FORMS = {"fastText, .bin": 0, "fastText, .ftz, 1,000 words": 1000, "fastText, .ftz, 3,000 words": 3000}
SETTINGS = {"lr": 0.5, "epoch": 25, "dim": 16, "wordNgrams": 1, "minCount": 2, "thread": 1, "verbose": 0}


def main() -> None:
    import fasttext  # type: ignore[import-not-found]

    folder = Path(sys.argv[1])
    asked = json.loads((folder / "asked.json").read_text(encoding="utf-8"))
    print(json.dumps({name: answers(fasttext, folder, asked, cutoff) for name, cutoff in FORMS.items()}))


def answers(fasttext: Any, folder: Path, asked: list[str], cutoff: int) -> dict[str, Any]:
    """Train, make small where so many words are to be kept, and ask."""
    train = str(folder / "train.txt")
    model = fasttext.train_supervised(train, **SETTINGS)
    if cutoff:
        model.quantize(train, cutoff=cutoff, qnorm=True, retrain=True, thread=1)
    path = folder / ("model.ftz" if cutoff else "model.bin")
    model.save_model(str(path))
    spam, times = [], []
    for text in asked:
        began = time.perf_counter()
        label = model.f.predict(f"{text}\n", 1, 0.0, "strict")[0][1]
        times.append(time.perf_counter() - began)
        spam.append(label == "__label__spam")
    return {"spam": spam, "bytes": path.stat().st_size, "us": 1e6 * sorted(times)[len(times) // 2]}


if __name__ == "__main__":
    main()

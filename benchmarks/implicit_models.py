"""implicit's models on the histories of a folder, run by a Python that has it: ``python implicit_models.py FOLDER``.

Learns of ``histories.npz``, in which ``user`` and ``item`` are pairs, and writes the scores of all items for each user
to ``NAME.npy``, and prints a line of JSON: the seconds that each took.
"""

import json
import sys
import time
from pathlib import Path

import numpy as np

FORMS = {
    "implicit ALS": ("als", {"factors": 64, "regularization": 0.05, "alpha": 2.0, "iterations": 20}),
    "implicit BPR": ("bpr", {"factors": 64, "learning_rate": 0.05, "regularization": 0.01, "iterations": 150}),
}


def main() -> None:
    from implicit.als import AlternatingLeastSquares  # type: ignore[import-not-found]
    from implicit.bpr import BayesianPersonalizedRanking  # type: ignore[import-not-found]
    from scipy.sparse import csr_matrix

    folder = Path(sys.argv[1])
    with np.load(folder / "histories.npz") as file:
        user, item, shape = file["user"], file["item"], tuple(file["shape"].tolist())
    given = csr_matrix((np.ones(len(user), np.float32), (user, item)), shape=shape)
    kinds = {"als": AlternatingLeastSquares, "bpr": BayesianPersonalizedRanking}
    seconds = {}
    for name, (kind, settings) in FORMS.items():
        began = time.process_time()
        model = kinds[kind](random_state=1, num_threads=1, **settings)
        model.fit(given, show_progress=False)
        seconds[name] = time.process_time() - began
        np.save(folder / f"{name}.npy", np.asarray(model.user_factors @ model.item_factors.T, np.float32))
    print(json.dumps(seconds))


if __name__ == "__main__":
    main()

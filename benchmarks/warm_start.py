"""How many steps a model needs that starts from an earlier one, with new items.

    python -m benchmarks.warm_start [--users 500] [--epochs 20] [--encoder BOW]
        [--json FILE]

On MovieLens-1M, leave-last-out. A tenth of the items, drawn by chance, is kept from
the first model. Then they are there, and a model is trained anew, or from the first
one in a fifth of the epochs.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from benchmarks import movielens_spans as spans
from benchmarks import report
from benchmarks.movielens_spans import ITEM, POSITION, TARGET, USER

NEW_SHARE = 0.1


def splits(frame: pd.DataFrame) -> tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame]:
    """Train, validation and test: the last event of a user is the test, and so on."""
    last = frame.groupby(USER)[POSITION].transform("max")
    back = last - frame[POSITION]
    return tuple(  # type: ignore[return-value]
        frame[back >= least].assign(target=lambda f, b=back, k=least, m=most: (
            (b[f.index] >= k) & (b[f.index] <= m)
        ).astype(int))
        for least, most in ((2, 10**9), (1, 1), (0, 0))
    )  # fmt: skip


def main() -> None:
    """Runs the benchmark."""
    parser = report.parser(__doc__)
    parser.add_argument("--users", type=int, default=500)
    parser.add_argument("--epochs", type=int, default=20)
    parser.add_argument("--seeds", type=int, default=1)
    parser.add_argument(
        "--encoder", choices=sorted(spans.RECIPES), default="STATE_SPACE"
    )
    parser.add_argument("--batch-size", type=int)
    parser.add_argument("--data", default=spans.DATA)
    arguments = parser.parse_args()
    frame = spans.events(arguments.data, arguments.users)
    train, validation, test = splits(frame)
    items = np.sort(frame[ITEM].unique())
    held = np.random.default_rng(2).random(len(items)) < NEW_SHARE
    new = set(items[held])
    first = [part[~part[ITEM].isin(new)] for part in (train, validation)]
    of_new = test.assign(target=test[TARGET] * test[ITEM].isin(new))
    rows = []
    for seed in range(1, arguments.seeds + 1):
        recipe = spans.Recipe(arguments.encoder, arguments.batch_size)
        base = spans.train(recipe, *first, arguments.epochs, seed)
        cold = spans.train(recipe, train, validation, arguments.epochs, seed)
        fifth = max(arguments.epochs // 5, 1)
        warm = spans.train(recipe, train, validation, fifth, seed, base.base)
        for name, found in (
            ("before the new items", base), ("anew", cold), ("from the first", warm)
        ):  # fmt: skip
            all_items = spans.measure(found, test)
            on_new = spans.measure(found, of_new)
            rows.append(
                {
                    "model": name,
                    "seed": seed,
                    "steps": found.steps,
                    "steps to the best": found.best_steps,
                    "share of the steps": found.steps / cold.best_steps,
                    "seconds": found.seconds,
                    "ndcg@10": all_items["ndcg@10"],
                    "recall@10": all_items["recall@10"],
                    "recall@10 of new items": on_new["recall@10"],
                }
            )
    report.publish(
        f"Warm start, MovieLens-1M, {arguments.users} users, {arguments.encoder}, "
        f"{len(new)} of {len(items)} items new",
        rows,
        arguments.json,
    )


if __name__ == "__main__":
    main()

"""Quality over ten spans, trained anew, from yesterday's model, and not at all.

    python -m benchmarks.continuous [--users 400] [--state DIR] [--json FILE]
        [--plot docs/continuous_training.svg]

MovieLens-1M, each user's events cut into ten spans by position. After every span a
model is trained on all there are, by `anew` in `--epochs`, by `warm` from the warm
model of the span before in `--warm-epochs`; `first` stays the model of the first span.
All are measured on the next span's events, each from the events before it. What is
done is kept in `--state`: interrupted, the benchmark goes on where it was.
"""

from __future__ import annotations

import argparse
import json
import os
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from benchmarks import movielens_spans as spans
from benchmarks import report
from benchmarks.movielens_spans import POSITION, TARGET, USER, Base, Trained

SPANS = 10
ANEW, WARM, FIRST = "anew", "warm", "first"
_COLOURS = {ANEW: "#888888", WARM: "#1f6feb", FIRST: "#c9510c"}
_LABELS = {
    ANEW: "trained anew every span",
    WARM: "from yesterday's model",
    FIRST: "never again after span 1",
}


def span_of(frame: pd.DataFrame) -> np.ndarray:
    """Each event's span, from 1 on: the tenth of its timeline that it is in."""
    length = frame.groupby(USER)[POSITION].transform("max") + 1
    return (frame[POSITION] * SPANS // length + 1).to_numpy()


def parts(
    frame: pd.DataFrame, span: int
) -> tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame]:
    """What is learnt from, chosen by and measured on after a span.

    The last event of each user in the span is the validation.
    """
    of = span_of(frame)
    known = frame[of <= span]
    last = known[POSITION] == known.groupby(USER)[POSITION].transform("max")
    return (
        known[~last].assign(target=1),
        known.assign(target=last.astype(int)),
        frame[of <= span + 1].assign(target=(of[of <= span + 1] == span + 1) * 1),
    )


def plot(rows: Sequence[Mapping[str, object]], path: str, title: str) -> None:
    """Draws NDCG@10 by span, and the steps that it took."""
    import matplotlib

    matplotlib.use("Agg")
    matplotlib.rcParams["svg.hashsalt"] = "continuous"
    from matplotlib import pyplot

    figure, (quality, cost) = pyplot.subplots(1, 2, figsize=(9, 3.4))
    for name in (ANEW, WARM, FIRST):
        own = [row for row in rows if row["model"] == name]
        days = [row["span"] for row in own]
        quality.plot(
            days, [row["ndcg@10"] for row in own], marker="o", color=_COLOURS[name],
            label=_LABELS[name],
        )  # fmt: skip
        steps = np.cumsum([float(str(row["steps"])) for row in own])
        cost.plot(days, steps, marker="o", color=_COLOURS[name])
    quality.set(xlabel="spans read", ylabel="NDCG@10 on the next span", ylim=(0, None))
    cost.set(xlabel="spans read", ylabel="optimizer steps, summed up", ylim=(0, None))
    quality.legend(frameon=False, fontsize=8)
    for axes in (quality, cost):
        axes.spines[["top", "right"]].set_visible(False)
    figure.suptitle(title, fontsize=10)
    figure.tight_layout()
    figure.savefig(path, metadata={"Date": None})


def main() -> None:
    """Runs the benchmark."""
    parser = report.parser(__doc__)
    parser.add_argument("--users", type=int, default=400)
    parser.add_argument("--epochs", type=int, default=10)
    parser.add_argument("--warm-epochs", type=int, default=2)
    parser.add_argument("--encoder", choices=sorted(spans.RECIPES), default="BOW")
    parser.add_argument("--batch-size", type=int, default=128)
    parser.add_argument("--data", default=spans.DATA)
    parser.add_argument("--state", default=os.path.join("runs", "continuous"))
    parser.add_argument("--plot", metavar="FILE.svg")
    arguments = parser.parse_args()
    state = Path(arguments.state)
    state.mkdir(parents=True, exist_ok=True)
    settings = {
        name: getattr(arguments, name)
        for name in ("users", "epochs", "warm_epochs", "encoder", "batch_size")
    }
    kept = state / "settings.json"
    if kept.exists() and json.loads(kept.read_text()) != settings:
        parser.error(
            f"{state} is of other settings. Remove it or give another --state."
        )
    kept.write_text(json.dumps(settings))
    frame = spans.events(arguments.data, arguments.users)
    rows = []
    for span in range(1, SPANS):
        for name in (ANEW, WARM, FIRST):
            done = state / f"{name}-{span}.json"
            if not done.exists():
                row = _row(frame, span, name, state, arguments)
                done.write_text(json.dumps(row))
            rows.append(json.loads(done.read_text()))
    title = (
        f"MovieLens-1M in ten spans, {arguments.users} users, {arguments.encoder}, "
        f"{arguments.epochs} epochs anew, {arguments.warm_epochs} warm"
    )
    report.publish(title, rows, arguments.json)
    if arguments.plot:
        plot(rows, arguments.plot, title)


def _row(
    frame: pd.DataFrame,
    span: int,
    name: str,
    state: Path,
    arguments: argparse.Namespace,
) -> dict[str, object]:
    """Trains one model, if it is one to train, and measures it on the next span."""
    train, validation, test = parts(frame, span)
    recipe = spans.Recipe(arguments.encoder, arguments.batch_size)
    if name == FIRST or (name == WARM and span == 1):
        # The same training as anew.
        base = Base.load(state / f"{ANEW}-1.npz")
        trained = Trained(recipe.model(base.keys), base.keys)
        trained.model.set_weights(base.weights)
    else:
        warm = name == WARM
        trained = spans.train(
            recipe,
            train,
            validation,
            arguments.warm_epochs if warm else arguments.epochs,
            seed=span,
            base=Base.load(state / f"{WARM}-{span - 1}.npz") if warm else None,
        )
    if name != FIRST:
        trained.base.save(state / f"{name}-{span}.npz")
    steps = trained.steps
    if name == WARM and span == 1:
        steps = json.loads((state / f"{ANEW}-1.json").read_text())["steps"]
    found = spans.measure(trained, test)
    return {
        "span": span,
        "model": name,
        "steps": steps,
        "seconds": trained.seconds,
        "items": len(trained.keys) - 1,
        "events": int(train[TARGET].sum()),
        "ndcg@10": found["ndcg@10"],
        "recall@10": found["recall@10"],
    }


if __name__ == "__main__":
    main()

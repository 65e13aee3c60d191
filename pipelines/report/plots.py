"""The page's plots."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

from markupsafe import Markup
from matplotlib.axes import Axes
from matplotlib.ticker import LogLocator, MaxNLocator, NullLocator, PercentFormatter

from ondevice_rec.pipelines.report import inks, wording
from ondevice_rec.pipelines.report.data import Tail
from ondevice_rec.pipelines.report.drawing import draw
from ondevice_rec.pipelines.report.quality import CANDIDATE, NAMES, Quality
from ondevice_rec.pipelines.report.training import Training
from ondevice_rec.pipelines.report.variants import Variant

_MAX_SLICES = 24
# Room between models beside each other.
_SIDE = 0.13


def history_lengths(lengths: Mapping[float, int]) -> Markup:
    """Events of a timeline against the share of the timelines that have at most so."""

    def plot(axes: Axes) -> None:
        shares, events = zip(*sorted(lengths.items()), strict=True)
        axes.plot(events, shares, color=inks.CANDIDATE, marker="o", markersize=4)
        if events[-1] > 10 * max(1, events[0]):
            axes.set_xscale("log")
            axes.xaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
            axes.xaxis.set_minor_locator(NullLocator())
        else:
            axes.xaxis.set_major_locator(MaxNLocator(5, integer=True))
        axes.xaxis.set_major_formatter(lambda x, _: f"{x:,.0f}")
        axes.set_ylim(0, 1.03)
        axes.yaxis.set_major_formatter(PercentFormatter(1))
        axes.set_xlabel("events of a user, at most")
        axes.set_title("Share of the users by length of their history")

    return draw("lengths", "Distribution of the lengths of histories", plot)


def long_tail(tail: Tail) -> Markup:
    """Share of the events that the most popular items have."""

    def plot(axes: Axes) -> None:
        shares, total = [0.0], 0.0
        for count in tail.counts:
            total += count
            shares.append(total / tail.events)
        axes.plot(range(len(shares)), shares, color=inks.CANDIDATE)
        # What the statistics do not count has the rest.
        axes.plot(
            [len(shares) - 1, tail.items], [shares[-1], 1], color=inks.CANDIDATE,
            linestyle=":",
        )  # fmt: skip
        axes.fill_between(
            range(len(shares)), shares, color=inks.CANDIDATE, alpha=0.12, linewidth=0
        )
        axes.plot(
            [0, tail.items], [0, 1], color=inks.MUTED, linewidth=0.9, linestyle="--"
        )
        axes.annotate(
            "if all were equal",
            (tail.items * 0.62, 0.62),
            xytext=(4, -10),
            textcoords="offset points",
            color=inks.MUTED,
        )
        axes.set_xlim(0, tail.items)
        axes.set_ylim(0, 1.03)
        axes.xaxis.set_major_locator(MaxNLocator(5, integer=True))
        axes.xaxis.set_major_formatter(lambda x, _: f"{x:,.0f}")
        axes.yaxis.set_major_formatter(PercentFormatter(1))
        axes.set_xlabel("items, most popular first")
        axes.set_title("Share of the training events on the top items")

    return draw("tail", "Concentration of events on popular items", plot)


def curves(
    name: str,
    title: str,
    named: Mapping[str, Sequence[float]],
    best: int | None,
    falling: bool,
) -> Markup:
    """Values by epoch; the best epoch is marked, where curves leave room."""
    colours = (inks.CANDIDATE, inks.MARKOV, inks.BLESSED, inks.POPULARITY)

    def plot(axes: Axes) -> None:
        longest = 1
        for number, (label, values) in enumerate(named.items()):
            epochs = range(1, len(values) + 1)
            longest = max(longest, len(values))
            colour = colours[number % len(colours)]
            axes.plot(
                epochs, values, label=label, color=colour, marker="o", markersize=3.5
            )
        if best is not None and 1 <= best <= longest:
            axes.axvline(best, color=inks.MUTED, linewidth=0.9, linestyle=":")
            axes.annotate(
                "best",
                (best, 1 if falling else 0),
                xycoords=("data", "axes fraction"),
                xytext=(4, -9 if falling else 4),
                textcoords="offset points",
                color=inks.MUTED,
            )
        axes.set_xlim(0.7, longest + 0.3)
        axes.xaxis.set_major_locator(MaxNLocator(8, integer=True, min_n_ticks=1))
        axes.set_xlabel("epoch")
        axes.set_title(title)
        _legend(axes, len(named))

    return draw(name, f"{title} by epoch", plot)


def losses(training: Training) -> Markup:
    """Loss by epoch."""
    best = training.figures.get("best_epoch")
    return curves("losses", "Loss", training.losses, best, True)


def measures(training: Training) -> Markup:
    """Validation metrics by epoch."""
    best = training.figures.get("best_epoch")
    named = {n.removeprefix("val_"): v for n, v in training.measures.items()}
    return curves("measures", "On the validation split", named, best, False)


def at_k(quality: Quality, metric: str, title: str) -> Markup:
    """A metric of every model at every k, with intervals."""

    def plot(axes: Axes) -> None:
        ks = [k for k in quality.ks if f"{metric}@{k}" in quality.overall[CANDIDATE]]
        models = list(quality.overall)
        for number, model in enumerate(models):
            colour, mark = inks.OF_MODEL.get(model, inks.OTHER)
            name = NAMES.get(model, model)
            offset = (number - (len(models) - 1) / 2) * _SIDE
            for place, k in enumerate(ks):
                value = quality.overall[model].get(f"{metric}@{k}")
                ends = quality.intervals.get(model, {}).get(f"{metric}@{k}")
                if ends and None not in ends:
                    axes.plot(
                        [place + offset] * 2, ends, color=colour, linewidth=1.3,
                        solid_capstyle="butt",
                    )  # fmt: skip
                if value is not None:
                    axes.plot(
                        place + offset, value, mark, color=colour, markersize=5,
                        clip_on=False, label=name if not place else None,
                    )  # fmt: skip
        axes.set_xticks(range(len(ks)), [f"{title}@{k}" for k in ks])
        axes.set_xlim(-0.5, len(ks) - 0.5)
        axes.set_ylim(bottom=0)
        axes.set_title(f"{title}@k, 95% intervals")
        _legend(axes, len(models))

    return draw(f"at-k-{metric}", f"{title} at k of every model", plot)


def slices(quality: Quality, metric: str) -> Markup:
    """A metric of every model in the slices with most queries."""
    names = shown_slices(quality)

    def plot(axes: Axes) -> None:
        models = [
            m for m in quality.overall if any(m in quality.slices[n] for n in names)
        ]
        for row, name in enumerate(names):
            values = {
                model: quality.slices[name][model][metric]
                for model in models
                if metric in quality.slices[name].get(model, {})
            }
            known = [v for v in values.values() if v is not None and math.isfinite(v)]
            if known:
                axes.plot([min(known), max(known)], [row, row], color=inks.RULE)
            # The model itself lies above the others.
            for model in reversed(models):
                colour, mark = inks.OF_MODEL.get(model, inks.OTHER)
                if values.get(model) is not None:
                    axes.plot(
                        values[model], row, mark, color=colour, markersize=5.5,
                        clip_on=False,
                    )  # fmt: skip
        for model in models:
            colour, mark = inks.OF_MODEL.get(model, inks.OTHER)
            axes.plot([], [], mark, color=colour, label=NAMES.get(model, model))
        labels = [
            f"{name}  ({wording.count(quality.slice_queries.get(name))})"
            for name in names
        ]
        axes.set_yticks(range(len(names)), labels)
        axes.tick_params(axis="y", labelcolor=inks.INK)
        axes.set_ylim(len(names) - 0.4, -0.6)
        axes.set_xlim(left=0)
        axes.grid(True, axis="x")
        axes.grid(False, axis="y")
        axes.set_title(f"{metric.replace('ndcg', 'NDCG')} by slice (queries)")
        _legend(axes, len(models))

    height = 1.1 + 0.27 * len(names)
    return draw("slices", f"{metric} by slice", plot, (10.0, height))


def shown_slices(quality: Quality) -> list[str]:
    """The slices with most queries, by name."""
    most = sorted(quality.slices, key=lambda n: -quality.slice_queries.get(n, 0))
    return sorted(most[:_MAX_SLICES])


def variants(found: Sequence[Variant]) -> Markup:
    """Size against latency; each file is named, with its loss of quality."""

    def plot(axes: Axes) -> None:
        known = [
            (variant, variant.size, variant.p50)
            for variant in found
            if variant.size is not None and variant.p50 is not None
        ]
        known.sort(key=lambda each: each[1])
        for place, (variant, size, p50) in enumerate(known):
            # Names stand away from their neighbours' marks.
            beside = [
                known[i][2] for i in (place - 1, place + 1) if 0 <= i < len(known)
            ]
            above = p50 >= sum(beside) / max(1, len(beside))
            refused = bool(variant.refusal)
            axes.plot(
                size, p50, "o", markersize=8,
                color=inks.MUTED if refused else inks.CANDIDATE,
                markerfacecolor=inks.SURFACE if refused else inks.CANDIDATE,
            )  # fmt: skip
            axes.annotate(
                variant.precision + (" (refused)" if refused else ""), (size, p50),
                xytext=(0, 10 if above else -17), textcoords="offset points",
                color=inks.INK, ha="center",
            )  # fmt: skip
        axes.set_xlim(0, 1.25 * max(size for _, size, _ in known))
        axes.set_ylim(0, 1.3 * max(p50 for _, _, p50 in known))
        axes.xaxis.set_major_locator(MaxNLocator(4))
        axes.xaxis.set_major_formatter(lambda x, _: wording.size(x) if x else "0")
        axes.yaxis.set_major_formatter(lambda y, _: wording.microseconds(y))
        axes.grid(True, axis="both")
        axes.set_xlabel("size of the file")
        axes.set_title("Latency of the median call against size")

    return draw("variants", "Size and latency of the TFLite files", plot)


def _legend(axes: Axes, entries: int) -> None:
    """Below everything, where it hides nothing; a single curve needs none."""
    if entries > 1:
        axes.figure.legend(
            loc="outside lower left", ncols=min(entries, 4), handletextpad=0.4,
            columnspacing=1.4, borderpad=0,
        )  # fmt: skip

"""What the ten spans are measured on was not learnt from."""

from __future__ import annotations

import pandas as pd

from benchmarks import continuous

# Ann has twenty events, two a span; Bob ten, one a span.
FRAME = pd.DataFrame(
    [("ann", f"a{i}", i) for i in range(20)] + [("bob", f"b{i}", i) for i in range(10)],
    columns=["user", "item", "position"],
)


def targets(part: pd.DataFrame) -> list[str]:
    return part[part["target"] == 1]["item"].tolist()


def test_a_model_is_measured_on_the_span_after_all_that_it_knows():
    assert list(continuous.span_of(FRAME)) == [i // 2 + 1 for i in range(20)] + [
        i + 1 for i in range(10)
    ]
    train, validation, test = continuous.parts(FRAME, 2)
    assert targets(train) == ["a0", "a1", "a2", "b0"]
    assert targets(validation) == ["a3", "b1"]
    assert targets(test) == ["a4", "a5", "b2"]
    # With all that came before as context.
    assert len(test) == 6 + 3

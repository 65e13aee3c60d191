"""Examples for the recommendation task, from timelines or a user's own data set."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import tensorflow as tf
from typing_extensions import Self

from ondevice_rec.recommendation.data import example_batches
from ondevice_rec.recommendation.export.items import OOV_KEY
from ondevice_rec.recommendation.feed.timelines import Timelines
from ondevice_rec.recommendation.spec import InputSpec
from ondevice_rec.schemas import input_spec_check
from ondevice_rec.schemas.errors import UserError
from ondevice_rec.schemas.timeline import OOV_ID


class ExampleLoader:
    """Examples, each a context and the item that came after it.

    Attributes:
      vocab: The items by id, `{"id": int, "title": str, ...}`; `from_movielens` adds
        `genres` and `count`, the loaders of logs `key` and `count`.
      dataset: The examples, a tf.data.Dataset or Timelines.
      max_vocab_id: The largest id in `vocab`.
      input_spec: What the examples have, with every `vocab_size`; None for a data set
        of one's own.
      vocabularies: Keys by source column, index is the id, index 0 is `[OOV]`; they
        travel with the model.
    """

    def __init__(
        self,
        dataset: tf.data.Dataset | Timelines,
        size: int | None,
        vocab: Mapping[int, Mapping[str, Any]],
        *,
        input_spec: InputSpec | None = None,
        vocabularies: Mapping[str, Sequence[str]] | None = None,
    ) -> None:
        """Takes examples as they are; see `from_csv` and its likes for logs.

        Args:
          dataset: A data set of single examples `(features, label)`: per feature name
            ids or floats `[feature_length]`, padded at the end with 0, and an id `[1]`;
            or timelines of ids.
          size: Number of examples; None: what the data set says of itself.
          vocab: The items by id.
          input_spec: Features of the timelines.
          vocabularies: Keys by column.

        Raises:
          UserError: something is missing or of the wrong type.
        """
        if not isinstance(vocab, Mapping):
            raise UserError(f"`vocab` must be a dict, received {vocab!r}.")
        if not vocab:
            raise UserError("`vocab` must have an item, received none.")
        if isinstance(dataset, Timelines):
            if input_spec is None:
                raise UserError("Timelines need an `input_spec`, received none.")
            if size is None:
                size = int(example_batches.asked(dataset).sum())
        elif not isinstance(dataset, tf.data.Dataset):
            raise UserError(
                "`dataset` must be a tf.data.Dataset or Timelines, received a "
                f"{type(dataset).__name__}."
            )
        elif size is None:
            size = int(dataset.cardinality())
            if size < 0:
                raise UserError(
                    "The data set does not know its size. Pass it as `size`."
                )
        self.dataset = dataset
        self._size = size
        self._feed_spec = input_spec
        self.vocab = vocab
        self.max_vocab_id = max(vocab)
        self.input_spec = input_spec
        self.vocabularies = vocabularies

    @property
    def size(self) -> int:
        """Number of examples."""
        return self._size

    def __len__(self) -> int:
        return self._size

    @property
    def titles(self) -> dict[str, str]:
        """What to show for the items, by key; an item without a key has its id."""
        return {
            str(item.get("key", id_)): str(item["title"])
            for id_, item in self.vocab.items()
            if item.get("title")
        }

    def keys_for(self, input_spec: InputSpec) -> dict[str, list[str]]:
        """Keys by source column, as they travel with a model of these features.

        Index is the id; index 0 is `[OOV]`, and ids that no key stands for have "[ID]".

        Raises:
          UserError: the data have ids that are not below the model's `vocab_size`.
        """
        label = input_spec.label_feature
        found = {}
        for feature in [*input_spec_check.context_features(input_spec), label]:
            column = input_spec_check.source_column(feature)
            known = (self.vocabularies or {}).get(column)
            if known is None and column == input_spec_check.source_column(label):
                known = self._item_keys()
            if known is None or not input_spec_check.is_embedded(feature):
                continue
            if len(known) > feature.vocab_size:
                raise UserError(
                    f"`vocab_size` of `{feature.feature_name}` must be {len(known)}, "
                    f"as the data's vocabulary has it, received {feature.vocab_size}. "
                    "Set it in `input_spec`, or use the data's `input_spec`."
                )
            unused = [f"[{id_}]" for id_ in range(len(known), feature.vocab_size)]
            found[column] = [OOV_KEY, *known[1:], *unused]
        return found

    def _item_keys(self) -> list[str]:
        keys = [f"[{id_}]" for id_ in range(self.max_vocab_id + 1)]
        for id_, item in self.vocab.items():
            keys[id_] = str(item.get("key", id_))
        return keys

    def gen_dataset(
        self,
        batch_size: int = 1,
        is_training: bool = False,
        shuffle: bool = False,
        input_pipeline_context: tf.distribute.InputContext | None = None,
        preprocess: example_batches.Preprocess | None = None,
        drop_remainder: bool = True,
        total_steps: int | None = None,
        *,
        seed: int | None = None,
    ) -> tf.data.Dataset:
        """Batches of examples.

        Args:
          batch_size: Examples in a batch.
          is_training: Repeats the examples without an end; they are shuffled anew in
            every pass where `shuffle` is set.
          shuffle: See `is_training`.
          input_pipeline_context: Gives each of several workers its share.
          preprocess: Called with the features and the label of single examples and
            `is_training`; returns the two.
          drop_remainder: Whole batches only.
          total_steps: Most batches.
          seed: Of the order; None: drawn from numpy's global generator.

        Returns:
          Batches `(features, label)`: per feature name `[batch, feature_length]`
          int32 ids or float32; the label, int32 `[batch, 1]`, is also among them.

        Raises:
          UserError: there are no examples, or `batch_size` is below 1.
        """
        if batch_size < 1:
            raise UserError(f"`batch_size` must be >= 1, received {batch_size}.")
        if not self._size:
            raise UserError(
                "The data set must have an example, received none. Is the log long "
                "enough for its `split`?"
            )
        if seed is None and shuffle:
            # So that `keras.utils.set_random_seed` decides it.
            seed = int(np.random.randint(1 << 31))
        simple = preprocess is None and input_pipeline_context is None
        batches = None
        if simple and isinstance(self.dataset, Timelines):
            batches = self._timeline_batches(
                self.dataset,
                batch_size,
                is_training,
                seed if shuffle else None,
                drop_remainder,
            )
        if batches is None:
            batches = example_batches.of_examples(
                self._examples(is_training),
                self._size,
                batch_size,
                is_training=is_training,
                shuffle=shuffle,
                seed=seed,
                input_pipeline_context=input_pipeline_context,
                preprocess=preprocess,
                drop_remainder=drop_remainder,
            )
        return batches.take(total_steps) if total_steps else batches

    def batches(self, batch_size: int) -> tf.data.Dataset:
        """Every example once, in order; any batch may be smaller.

        The quickest way to measure; otherwise as `gen_dataset`.
        """
        if isinstance(self.dataset, Timelines):
            assert self._feed_spec is not None
            return example_batches.evaluation_batches(
                self.dataset, self._feed_spec, batch_size
            )
        return self.gen_dataset(batch_size, drop_remainder=False)

    def split(self, fraction: float) -> tuple[Self, Self]:
        """Divides the examples in two.

        Timelines are divided by users, drawn at random (always the same ones); one of
        them may have its earlier examples in the first part, its later ones in the
        second.

        Args:
          fraction: Share of the first part, above 0 and below 1.

        Raises:
          UserError: `fraction` is out of range.
        """
        if not 0 < fraction < 1:
            raise UserError(
                f"`fraction` must be above 0 and below 1, received {fraction}."
            )
        first = int(self._size * fraction)
        second = self._size - first
        if isinstance(self.dataset, Timelines):
            parts = _divided(self.dataset, first)
        else:
            parts = self.dataset.take(first), self.dataset.skip(first)
        return self._with(parts[0], first), self._with(parts[1], second)

    def _with(self, dataset: tf.data.Dataset | Timelines, size: int) -> Self:
        found = type(self)(
            dataset,
            size,
            self.vocab,
            input_spec=self.input_spec,
            vocabularies=self.vocabularies,
        )
        found._feed_spec = self._feed_spec
        return found

    def _timeline_batches(
        self,
        timelines: Timelines,
        batch_size: int,
        is_training: bool,
        seed: int | None,
        drop_remainder: bool,
    ) -> tf.data.Dataset | None:
        """The quick way, None where it does not give batches of `batch_size`."""
        assert self._feed_spec is not None
        if is_training:
            if self._trainable(timelines) < batch_size:
                return None
            return example_batches.training_batches(
                timelines, self._feed_spec, batch_size, seed
            )
        if not example_batches.in_one_block(timelines):
            return None
        return example_batches.evaluation_batches(
            timelines, self._feed_spec, batch_size, drop_remainder
        )

    def _trainable(self, timelines: Timelines) -> int:
        """Examples whose label is in the vocabulary.

        Raises:
          UserError: there is none.
        """
        assert self._feed_spec is not None
        labels = timelines.columns[
            input_spec_check.source_column(self._feed_spec.label_feature)
        ]
        found = int((example_batches.asked(timelines) & (labels != OOV_ID)).sum())
        if not found:
            raise UserError(
                f"None of the {self._size} labels is in the vocabulary. Lower "
                "`min_count`, or raise `vocab_size`."
            )
        return found

    def _examples(self, is_training: bool) -> tf.data.Dataset:
        if not isinstance(self.dataset, Timelines):
            return self.dataset
        assert self._feed_spec is not None
        if is_training:
            self._trainable(self.dataset)
        return example_batches.examples(self.dataset, self._feed_spec, is_training)


def _divided(timelines: Timelines, first: int) -> tuple[Timelines, Timelines]:
    """The same timelines, asked for `first` examples, and for the others."""
    places = np.flatnonzero(example_batches.asked(timelines))
    owners = np.searchsorted(timelines.row_splits, places, side="right")
    drawn = np.random.default_rng(0).permutation(len(timelines) + 1)
    order = places[np.argsort(drawn[owners], kind="stable")]
    parts = []
    for chosen in (order[:first], order[first:]):
        target = np.zeros_like(timelines.target)
        target[chosen] = 1
        parts.append(dataclasses.replace(timelines, target=target))
    return parts[0], parts[1]

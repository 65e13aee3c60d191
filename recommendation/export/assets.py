"""What travels with a model beside its graph, and the files it travels in.

A SavedModel (`assets.extra/`), a `.tflite` file (associated files) and a version folder
hold the same files; see `docs/architecture.md`.
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping, Sequence

from google.protobuf import text_format

from ondevice_rec.recommendation.export.items import (
    LABELS,
    VOCABULARY,
    Items,
    keys_text,
    parse_keys,
)
from ondevice_rec.recommendation.spec import InputSpec, ModelHParams
from ondevice_rec.schemas.errors import UserError
from ondevice_rec.schemas.input_spec_check import (
    context_features,
    is_embedded,
    source_column,
)

VOCABULARIES = "vocabularies/"
INPUT_SPEC = "input_spec.pbtxt"
HPARAMS = "hparams.json"
# In a `.tflite` file in place of the labels: it may hold the keys once only.
TITLES = "titles.txt"
# Only with a pushed model: the items with most events in training.
POPULAR = "popular.json"
# Files that are always there.
FILES = (VOCABULARY, LABELS, INPUT_SPEC, HPARAMS)


@dataclasses.dataclass(frozen=True)
class ModelAssets:
    """What travels with a model.

    Attributes:
      input_spec: With every `vocab_size` filled in.
      hparams: The model's size.
      vocabularies: Keys by column; index is the id, index 0 is `[OOV]`.
      titles: What to show for items, by key; an item without one shows as its key.
      popular: Events in training by key, most first: what to recommend where there is
        no history. Empty where it is not known.

    Raises:
      UserError: the items' vocabulary is missing, a vocabulary is not as long as the
        model says, or a key cannot be a line of a file.
    """

    input_spec: InputSpec
    hparams: ModelHParams
    vocabularies: Mapping[str, Sequence[str]]
    titles: Mapping[str, str] = dataclasses.field(default_factory=dict)
    popular: Mapping[str, int] = dataclasses.field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.item_column not in self.vocabularies:
            raise UserError(
                "`vocabularies` must hold the items' keys, under "
                f"`{self.item_column}`, received "
                f"{', '.join(sorted(self.vocabularies)) or 'none'}. Without them the "
                "model's ids mean nothing."
            )
        features = [*context_features(self.input_spec), self.input_spec.label_feature]
        for feature in features:
            keys = self.vocabularies.get(source_column(feature))
            if keys is None or not is_embedded(feature):
                continue
            if len(keys) != feature.vocab_size:
                raise UserError(
                    f"The vocabulary of `{source_column(feature)}` must hold "
                    f"{feature.vocab_size} keys, the `vocab_size` of "
                    f"`{feature.feature_name}`, received {len(keys)}."
                )
        for column, keys in self.vocabularies.items():
            broken = next((key for key in keys if "\n" in key), None)
            if broken is not None:
                raise UserError(
                    f"A key of `{column}` must be one line, received {broken!r}. "
                    "Remove the line feed from the log."
                )

    @property
    def item_column(self) -> str:
        """Column of the items' keys."""
        return source_column(self.input_spec.label_feature)

    @property
    def items(self) -> Items:
        """The items, by id."""
        return Items.titled(self.vocabularies[self.item_column], self.titles)

    def files(self) -> dict[str, str]:
        """Content by file name."""
        items = self.items
        spec = text_format.MessageToString(self.input_spec, as_utf8=True)
        hparams = json.dumps(dataclasses.asdict(self.hparams), indent=2)
        others = {
            f"{VOCABULARIES}{column}.txt": keys_text(keys)
            for column, keys in self.vocabularies.items()
            if column != self.item_column
        }
        return {
            VOCABULARY: items.vocabulary,
            LABELS: items.labels,
            **others,
            INPUT_SPEC: spec,
            HPARAMS: hparams + "\n",
            **({POPULAR: _popular_text(self.popular, items)} if self.popular else {}),
        }

    def packed_files(self) -> dict[str, str]:
        """Content by file name, as `.tflite` files hold it: small, a label a line."""
        files = self.files()
        del files[LABELS]
        return {TITLES: self.items.title_lines, **files}

    @classmethod
    def from_files(cls, files: Mapping[str, str], origin: str) -> ModelAssets:
        """Reads what `files` gives.

        Args:
          files: Content by file name, as `files` or `packed_files` gives it; others
            are passed over.
          origin: Where they come from, for the message of an error.

        Raises:
          UserError: a file is missing, or the files contradict each other.
        """
        missing = [name for name in FILES if name not in files]
        if TITLES in files and LABELS in missing:
            missing.remove(LABELS)
        if missing:
            raise UserError(
                f"{origin} has no {', '.join(missing)}, so that its ids mean nothing. "
                "Export the model with this library, which adds its vocabulary."
            )
        input_spec = text_format.Parse(files[INPUT_SPEC], InputSpec())
        if TITLES in files:
            items = Items(parse_keys(files[VOCABULARY]), parse_keys(files[TITLES]))
        else:
            items = Items.parse(files[VOCABULARY], files[LABELS])
        named = zip(items.keys, items.titles, strict=True)
        return cls(
            input_spec,
            ModelHParams(**json.loads(files[HPARAMS])),
            {
                source_column(input_spec.label_feature): items.keys,
                **{
                    name.removeprefix(VOCABULARIES).removesuffix(".txt"): parse_keys(
                        text
                    )
                    for name, text in files.items()
                    if name.startswith(VOCABULARIES)
                },
            },
            {key: title for key, title in named if title != key},
            {
                items.keys[id_]: events
                for id_, events in json.loads(files.get(POPULAR, "[]"))
            },
        )


def _popular_text(popular: Mapping[str, int], items: Items) -> str:
    """A list of `[id, events]`."""
    pairs = [[items.ids[key], events] for key, events in popular.items()]
    return json.dumps(pairs, separators=(",", ":")) + "\n"

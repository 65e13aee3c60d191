"""A configuration is taken as it is meant, or refused in words."""

from __future__ import annotations

import os
import pathlib

import pytest

from ondevice_rec.schemas import config, input_spec_pb2, pipeline_config_pb2

GOOD = """\
pipeline_name: shop
log:
  path: data/log.csv
  user: customer
  item: product
  timestamp: time
  features:
    - {column: price, type: FLOAT}
    - {column: tags, separator: "|"}
  user_features:
    - {column: age, type: INT}
input_spec:
  global_feature_groups:
    - encoder_type: BOW
      features:
        - {feature_name: age, feature_type: INT, embedding_dim: 4, feature_length: 1}
  activity_feature_groups:
    - encoder_type: cnn
      features:
        - {feature_name: context_product, feature_type: STRING, embedding_dim: 8,
           feature_length: 10}
        - {feature_name: context_price, feature_type: FLOAT, feature_length: 10}
  label_feature: {feature_name: label_product, feature_type: STRING, embedding_dim: 8}
hparams:
  conv_num_filter_ratios: [2, 4]
training:
  learning_rate: 1e-3
"""


def load(tmp_path: pathlib.Path, text: str) -> pipeline_config_pb2.PipelineConfig:
    path = tmp_path / "config.yaml"
    path.write_text(text)
    return config.load(str(path))


def refusal(tmp_path: pathlib.Path, text: str) -> str:
    with pytest.raises(config.ConfigError) as error:
        load(tmp_path, text)
    return str(error.value)


def test_values_types_and_defaults(tmp_path):
    loaded = load(tmp_path, GOOD)
    assert loaded.log.path == os.path.join(tmp_path, "data", "log.csv")
    assert loaded.log.features[1].separator == "|"
    assert loaded.training.learning_rate == 0.001
    assert loaded.training.batch_size == 256
    assert loaded.split.strategy == pipeline_config_pb2.Split.LEAVE_LAST_OUT
    group = loaded.input_spec.activity_feature_groups[0]
    assert group.encoder_type == input_spec_pb2.CNN


def test_the_logs_item_column_becomes_the_timelines(tmp_path):
    spec = load(tmp_path, GOOD).input_spec
    assert spec.activity_feature_groups[0].features[0].column == "item"
    assert spec.label_feature.column == "item"


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        # Keys and types, with the line they stand on.
        (
            "pipeline_name: shop",
            "pipline_name: shop",
            [":1: `pipline_name` is not a key.", "Did you mean `pipeline_name`?"],
        ),
        (
            "  user: customer",
            "  user: customer\n  user: client",
            [":5: `log.user` is given twice"],
        ),
        (
            "learning_rate: 1e-3",
            "learning_rate: fast",
            ["`training.learning_rate` must be a number, received 'fast'"],
        ),
        (
            "learning_rate: 1e-3",
            "epochs: 2.5",
            ["`training.epochs` must be a whole number, received 2.5"],
        ),
        (
            "learning_rate: 1e-3",
            "epochs: true",
            ["`training.epochs` must be a whole number, received true"],
        ),
        (
            "learning_rate: 1e-3",
            "learning_rate: .nan",
            ["must be a number, received .nan"],
        ),
        (
            "learning_rate: 1e-3",
            "optimizer: sgd",
            ["`training.optimizer` must be one of ADAM, ADAGRAD, received 'sgd'"],
        ),
        (
            "user: customer",
            "user: 7",
            ["`log.user` must be text (put it in quotes), received 7"],
        ),
        ("user: customer", "user: ", ["`log.user` has no value"]),
        ("  user: customer\n", "", ["`log.user` is missing"]),
        (
            "conv_num_filter_ratios: [2, 4]",
            "conv_num_filter_ratios: 2",
            ["`hparams.conv_num_filter_ratios` must be a list, received 2"],
        ),
        (
            "encoder_type: cnn",
            "encoder_type: RNN",
            ["must be one of BOW, CNN, LSTM", "'RNN'"],
        ),
        ("log:", "log: [", ["not valid YAML"]),
        # Parts that do not fit together.
        ("item: product", "item: customer", ["must be three columns"]),
        (
            "{column: price, type: FLOAT}",
            "{column: target}",
            ["`target`, a name that the timelines already use"],
        ),
        (
            "{column: price, type: FLOAT}",
            "{column: price}",
            ["'context_price' is FLOAT, its column 'price' is STRING"],
        ),
        (
            "{column: price, type: FLOAT}",
            "{column: cost, type: FLOAT}",
            [
                "reads the column 'price', which is not carried",
                "Allowed: cost, item, tags",
            ],
        ),
        (
            "{column: age, type: INT}",
            "{column: price, type: INT}",
            ["`price`, a name that `log.features` already use"],
        ),
        (
            "feature_name: label_product",
            "feature_name: label_price",
            [
                "`input_spec.label_feature` must read the log's item column",
                "received 'price'",
            ],
        ),
        (
            "feature_length: 10}",
            "feature_length: 0}",
            ["`feature_length` of `context_product` must be >= 1, received 0"],
        ),
        (
            "training:",
            "filters: {min_rating: 3}\ntraining:",
            ["`filters.min_rating` needs `filters.rating`"],
        ),
        (
            "training:",
            "filters: {min_timeline: 5, max_timeline: 4}\ntraining:",
            ["must be at least 2 and `filters.min_timeline`, received 4"],
        ),
        (
            "training:",
            "split: {validation_from: '2020-01-01'}\ntraining:",
            ["are for the strategy GLOBAL_TIME, received LEAVE_LAST_OUT"],
        ),
        (
            "training:",
            "split: {strategy: GLOBAL_TIME, test_from: 2020-01-01}\ntraining:",
            ["go together"],
        ),
        (
            "training:",
            "split: {strategy: RANDOM, test_fraction: 0.95}\ntraining:",
            ["leave nothing to learn from: 0.1 + 0.95"],
        ),
        (
            "training:",
            "evaluation: {top_k: [10, 0]}\ntraining:",
            ["`evaluation.top_k[1]` must be >= 1, received 0"],
        ),
        ("learning_rate: 1e-3", "learning_rate: 0", ["must be > 0, received 0.0"]),
        (
            "learning_rate: 1e-3",
            "dropout: 1",
            ["`dropout` must be >= 0 and < 1, received 1.0"],
        ),
        ("pipeline_name: shop", "pipeline_name: my shop", ["received 'my shop'"]),
        (
            "  user: ",
            "  delimiter: '::'\n  user: ",
            ["`log.delimiter` must be one ASCII character", "MOVIELENS"],
        ),
        (
            "  user: ",
            "  column_names: [a, b, a]\n  user: ",
            ["`log.column_names` repeats `a`"],
        ),
    ],
)
def test_what_cannot_be_is_refused(tmp_path, old, new, words):
    assert old in GOOD
    message = refusal(tmp_path, GOOD.replace(old, new, 1))
    assert message.startswith(str(tmp_path / "config.yaml"))
    for word in words:
        assert word in message


def test_missing_and_empty_files(tmp_path):
    with pytest.raises(config.ConfigError, match=r"no such file.*ondevice-rec init"):
        config.load(str(tmp_path / "none.yaml"))
    assert "the file is empty" in refusal(tmp_path, "# nothing\n")
    assert "must be a mapping" in refusal(tmp_path, "- a\n- b\n")

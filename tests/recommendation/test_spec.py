"""What makes no model is refused, with the field and the remedy."""

from __future__ import annotations

import pytest
from google.protobuf import text_format

from ondevice_rec.recommendation import spec
from ondevice_rec.schemas import input_spec_check
from ondevice_rec.schemas.errors import UserError


def test_source_columns():
    column = input_spec_check.source_column
    assert column(spec.Feature(feature_name="context_item")) == "item"
    assert column(spec.Feature(feature_name="label_item")) == "item"
    assert column(spec.Feature(feature_name="age")) == "age"
    assert column(spec.Feature(feature_name="context_item", column="sku")) == "sku"


def test_messages_are_made_from_nested_dicts_as_model_maker_documents():
    made = spec.InputSpec(
        activity_feature_groups=[
            {
                "features": [
                    {
                        "feature_name": "context_movie_id",
                        "feature_type": spec.FeatureType.Value("INT"),
                        "vocab_size": 20,
                        "embedding_dim": 4,
                        "feature_length": 3,
                    }
                ],
                "encoder_type": spec.EncoderType.Value("CNN"),
            }
        ],
        label_feature={
            "feature_name": "label_movie_id",
            "feature_type": "INT",
            "vocab_size": 20,
            "embedding_dim": 4,
            "feature_length": 1,
        },
    )
    spec.validate(made, spec.ModelHParams([32], [5], [2], 3, 4))
    assert not made.label_feature.HasField("vocab_name")


GOOD = """
global_feature_groups { features { feature_name: "age" feature_type: INT vocab_size: 5
  embedding_dim: 2 feature_length: 1 } }
activity_feature_groups {
  features { feature_name: "context_item" feature_type: STRING vocab_size: 20
    embedding_dim: 4 feature_length: 3 }
  features { feature_name: "price" feature_type: FLOAT feature_length: 3 }
  encoder_type: ENCODER
}
label_feature { feature_name: "label_item" feature_type: STRING vocab_size: 20
  embedding_dim: 4 }
"""


@pytest.mark.parametrize(
    ("old", "new", "changes", "message"),
    [
        ("embedding_dim: 2", "", {}, "`embedding_dim` of `age` must be >= 1"),
        ("vocab_size: 5", "", {}, "`vocab_size` of `age` must be >= 2"),
        ('"age"', '""', {}, "has no `feature_name`"),
        ('"price"', '"age"', {}, "must be unique, received `age`"),
        ('"price"', '"label_item"', {}, "must be unique, received `label_item`"),
        ("FLOAT feature_length: 3", "FLOAT", {}, "`feature_length` of `price` must be"),
        (
            "FLOAT feature_length: 3",
            "FLOAT feature_length: 4",
            {},
            "must have the same `feature_length`, received .*'price': 4",
        ),
        (
            '"label_item" feature_type: STRING',
            '"label_item" feature_type: FLOAT',
            {},
            "must be INT or STRING, received FLOAT",
        ),
        ('feature_name: "label_item"', "", {}, "`label_feature` must name the item"),
        (
            "ENCODER",
            "CNN",
            {"conv_kernel_size": 4},
            "must be from 1 to 3, .* received 4",
        ),
        ("ENCODER", "CNN", {"conv_num_filter_ratios": []}, "must not be empty"),
        ("ENCODER", "CNN", {"conv_num_filter_ratios": [0]}, "must all be >= 1"),
        ("ENCODER", "LSTM", {"lstm_num_units": 0}, "`lstm_num_units` must be >= 1"),
        ("ENCODER", "BOW", {"hidden_layer_dims": [8, 0]}, "must all be >= 1"),
        ("ENCODER", "BOW", {"num_predictions": 20}, "must be <= 19, .* received 20"),
        ("ENCODER", "BOW", {"num_predictions": 0}, "`num_predictions` must be >= 1"),
        ("ENCODER", "BOW", {"dropout": 1.0}, "`dropout` must be"),
    ],
)
def test_what_makes_no_model_is_refused(kit, old, new, changes, message):
    text = GOOD.replace(old, new, 1).replace("ENCODER", "BOW")
    made = text_format.Parse(text, spec.InputSpec())
    with pytest.raises(UserError, match=message):
        spec.validate(made, kit.hparams(**changes))


def test_no_groups(kit):
    made = text_format.Parse(GOOD.replace("ENCODER", "BOW"), spec.InputSpec())
    made.ClearField("activity_feature_groups")
    made.ClearField("global_feature_groups")
    with pytest.raises(UserError, match="must have a feature group"):
        spec.validate(made, kit.hparams())


def test_vocabulary_caps_are_per_column(kit):
    made = text_format.Parse(GOOD.replace("ENCODER", "BOW"), spec.InputSpec())
    made.label_feature.ClearField("vocab_size")
    assert input_spec_check.vocabulary_caps(made) == {"age": 5, "item": 20}
    input_spec_check.validate(made, kit.hparams())
    made.label_feature.vocab_size = 30
    with pytest.raises(UserError, match="received `vocab_size` 20 and 30"):
        input_spec_check.validate(made, kit.hparams())

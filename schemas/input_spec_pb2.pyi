from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from typing import ClassVar as _ClassVar, Iterable as _Iterable, Mapping as _Mapping, Optional as _Optional, Union as _Union

BOW: EncoderType
CNN: EncoderType
DESCRIPTOR: _descriptor.FileDescriptor
FLOAT: FeatureType
GRU: EncoderType
INT: FeatureType
LSTM: EncoderType
STATE_SPACE: EncoderType
STRING: FeatureType
TRANSFORMER: EncoderType

class Feature(_message.Message):
    __slots__ = ["column", "embedding_dim", "feature_length", "feature_name", "feature_type", "vocab_name", "vocab_size"]
    COLUMN_FIELD_NUMBER: _ClassVar[int]
    EMBEDDING_DIM_FIELD_NUMBER: _ClassVar[int]
    FEATURE_LENGTH_FIELD_NUMBER: _ClassVar[int]
    FEATURE_NAME_FIELD_NUMBER: _ClassVar[int]
    FEATURE_TYPE_FIELD_NUMBER: _ClassVar[int]
    VOCAB_NAME_FIELD_NUMBER: _ClassVar[int]
    VOCAB_SIZE_FIELD_NUMBER: _ClassVar[int]
    column: str
    embedding_dim: int
    feature_length: int
    feature_name: str
    feature_type: FeatureType
    vocab_name: str
    vocab_size: int
    def __init__(self, feature_name: _Optional[str] = ..., feature_type: _Optional[_Union[FeatureType, str]] = ..., vocab_name: _Optional[str] = ..., vocab_size: _Optional[int] = ..., embedding_dim: _Optional[int] = ..., feature_length: _Optional[int] = ..., column: _Optional[str] = ...) -> None: ...

class FeatureGroup(_message.Message):
    __slots__ = ["encoder_type", "features"]
    ENCODER_TYPE_FIELD_NUMBER: _ClassVar[int]
    FEATURES_FIELD_NUMBER: _ClassVar[int]
    encoder_type: EncoderType
    features: _containers.RepeatedCompositeFieldContainer[Feature]
    def __init__(self, features: _Optional[_Iterable[_Union[Feature, _Mapping]]] = ..., encoder_type: _Optional[_Union[EncoderType, str]] = ...) -> None: ...

class InputSpec(_message.Message):
    __slots__ = ["activity_feature_groups", "global_feature_groups", "label_feature"]
    ACTIVITY_FEATURE_GROUPS_FIELD_NUMBER: _ClassVar[int]
    GLOBAL_FEATURE_GROUPS_FIELD_NUMBER: _ClassVar[int]
    LABEL_FEATURE_FIELD_NUMBER: _ClassVar[int]
    activity_feature_groups: _containers.RepeatedCompositeFieldContainer[FeatureGroup]
    global_feature_groups: _containers.RepeatedCompositeFieldContainer[FeatureGroup]
    label_feature: Feature
    def __init__(self, global_feature_groups: _Optional[_Iterable[_Union[FeatureGroup, _Mapping]]] = ..., activity_feature_groups: _Optional[_Iterable[_Union[FeatureGroup, _Mapping]]] = ..., label_feature: _Optional[_Union[Feature, _Mapping]] = ...) -> None: ...

class FeatureType(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = []

class EncoderType(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = []

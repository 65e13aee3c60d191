from ondevice_rec.schemas import input_spec_pb2 as _input_spec_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from typing import ClassVar as _ClassVar, Iterable as _Iterable, Mapping as _Mapping, Optional as _Optional, Union as _Union

ADAGRAD: Optimizer
ADAM: Optimizer
AUTO: LogFormat
BATCH_SOFTMAX: Loss
COLD: WarmStart
CONSTANT: Schedule
COSINE: Schedule
CSV: LogFormat
DESCRIPTOR: _descriptor.FileDescriptor
GBCE: Loss
GLOBAL_SOFTMAX: Loss
LATEST_BLESSED: WarmStart
LINEAR: Activation
MOVIELENS: LogFormat
NONE: Activation
PARQUET: LogFormat
RELU: Activation
SAMPLED_SOFTMAX: Loss
TFRECORD: LogFormat

class ActivityLog(_message.Message):
    __slots__ = ["column_names", "delimiter", "features", "format", "item", "max_rejected_fraction", "path", "timestamp", "user", "user_features", "window"]
    COLUMN_NAMES_FIELD_NUMBER: _ClassVar[int]
    DELIMITER_FIELD_NUMBER: _ClassVar[int]
    FEATURES_FIELD_NUMBER: _ClassVar[int]
    FORMAT_FIELD_NUMBER: _ClassVar[int]
    ITEM_FIELD_NUMBER: _ClassVar[int]
    MAX_REJECTED_FRACTION_FIELD_NUMBER: _ClassVar[int]
    PATH_FIELD_NUMBER: _ClassVar[int]
    TIMESTAMP_FIELD_NUMBER: _ClassVar[int]
    USER_FEATURES_FIELD_NUMBER: _ClassVar[int]
    USER_FIELD_NUMBER: _ClassVar[int]
    WINDOW_FIELD_NUMBER: _ClassVar[int]
    column_names: _containers.RepeatedScalarFieldContainer[str]
    delimiter: str
    features: _containers.RepeatedCompositeFieldContainer[SourceColumn]
    format: LogFormat
    item: str
    max_rejected_fraction: float
    path: str
    timestamp: str
    user: str
    user_features: _containers.RepeatedCompositeFieldContainer[SourceColumn]
    window: Window
    def __init__(self, path: _Optional[str] = ..., format: _Optional[_Union[LogFormat, str]] = ..., delimiter: _Optional[str] = ..., column_names: _Optional[_Iterable[str]] = ..., user: _Optional[str] = ..., item: _Optional[str] = ..., timestamp: _Optional[str] = ..., features: _Optional[_Iterable[_Union[SourceColumn, _Mapping]]] = ..., user_features: _Optional[_Iterable[_Union[SourceColumn, _Mapping]]] = ..., max_rejected_fraction: _Optional[float] = ..., window: _Optional[_Union[Window, _Mapping]] = ...) -> None: ...

class Catalogue(_message.Message):
    __slots__ = ["column_names", "delimiter", "features", "format", "item", "path", "title"]
    COLUMN_NAMES_FIELD_NUMBER: _ClassVar[int]
    DELIMITER_FIELD_NUMBER: _ClassVar[int]
    FEATURES_FIELD_NUMBER: _ClassVar[int]
    FORMAT_FIELD_NUMBER: _ClassVar[int]
    ITEM_FIELD_NUMBER: _ClassVar[int]
    PATH_FIELD_NUMBER: _ClassVar[int]
    TITLE_FIELD_NUMBER: _ClassVar[int]
    column_names: _containers.RepeatedScalarFieldContainer[str]
    delimiter: str
    features: _containers.RepeatedCompositeFieldContainer[SourceColumn]
    format: LogFormat
    item: str
    path: str
    title: str
    def __init__(self, path: _Optional[str] = ..., format: _Optional[_Union[LogFormat, str]] = ..., delimiter: _Optional[str] = ..., column_names: _Optional[_Iterable[str]] = ..., item: _Optional[str] = ..., title: _Optional[str] = ..., features: _Optional[_Iterable[_Union[SourceColumn, _Mapping]]] = ...) -> None: ...

class Choice(_message.Message):
    __slots__ = ["setting", "values"]
    SETTING_FIELD_NUMBER: _ClassVar[int]
    VALUES_FIELD_NUMBER: _ClassVar[int]
    setting: str
    values: _containers.RepeatedScalarFieldContainer[float]
    def __init__(self, setting: _Optional[str] = ..., values: _Optional[_Iterable[float]] = ...) -> None: ...

class Evaluation(_message.Message):
    __slots__ = ["bootstrap_replicates", "bootstrap_seed", "cold_item_events", "exclude_seen", "measured", "slices", "thresholds", "top_k"]
    class Measured(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
        __slots__ = []
    BOOTSTRAP_REPLICATES_FIELD_NUMBER: _ClassVar[int]
    BOOTSTRAP_SEED_FIELD_NUMBER: _ClassVar[int]
    COLD_ITEM_EVENTS_FIELD_NUMBER: _ClassVar[int]
    EXCLUDE_SEEN_FIELD_NUMBER: _ClassVar[int]
    MEASURED_FIELD_NUMBER: _ClassVar[int]
    SAVED_MODEL: Evaluation.Measured
    SLICES_FIELD_NUMBER: _ClassVar[int]
    TFLITE: Evaluation.Measured
    THRESHOLDS_FIELD_NUMBER: _ClassVar[int]
    TOP_K_FIELD_NUMBER: _ClassVar[int]
    bootstrap_replicates: int
    bootstrap_seed: int
    cold_item_events: int
    exclude_seen: bool
    measured: Evaluation.Measured
    slices: _containers.RepeatedScalarFieldContainer[str]
    thresholds: _containers.RepeatedCompositeFieldContainer[Threshold]
    top_k: _containers.RepeatedScalarFieldContainer[int]
    def __init__(self, top_k: _Optional[_Iterable[int]] = ..., slices: _Optional[_Iterable[str]] = ..., thresholds: _Optional[_Iterable[_Union[Threshold, _Mapping]]] = ..., exclude_seen: bool = ..., measured: _Optional[_Union[Evaluation.Measured, str]] = ..., bootstrap_replicates: _Optional[int] = ..., bootstrap_seed: _Optional[int] = ..., cold_item_events: _Optional[int] = ...) -> None: ...

class Filters(_message.Message):
    __slots__ = ["keep_duplicates", "max_timeline", "min_item_count", "min_rating", "min_timeline", "rating"]
    KEEP_DUPLICATES_FIELD_NUMBER: _ClassVar[int]
    MAX_TIMELINE_FIELD_NUMBER: _ClassVar[int]
    MIN_ITEM_COUNT_FIELD_NUMBER: _ClassVar[int]
    MIN_RATING_FIELD_NUMBER: _ClassVar[int]
    MIN_TIMELINE_FIELD_NUMBER: _ClassVar[int]
    RATING_FIELD_NUMBER: _ClassVar[int]
    keep_duplicates: bool
    max_timeline: int
    min_item_count: int
    min_rating: float
    min_timeline: int
    rating: str
    def __init__(self, rating: _Optional[str] = ..., min_rating: _Optional[float] = ..., min_item_count: _Optional[int] = ..., min_timeline: _Optional[int] = ..., max_timeline: _Optional[int] = ..., keep_duplicates: bool = ...) -> None: ...

class HParams(_message.Message):
    __slots__ = ["conv_kernel_size", "conv_num_filter_ratios", "exclude_seen", "gru_num_units", "hidden_layer_dims", "lstm_num_units", "num_predictions", "projection_activation", "state_space_conv_kernel_size", "state_space_feed_forward_ratio", "state_space_num_blocks", "state_space_num_heads", "tie_embeddings", "transformer_feed_forward_ratio", "transformer_num_blocks", "transformer_num_heads"]
    CONV_KERNEL_SIZE_FIELD_NUMBER: _ClassVar[int]
    CONV_NUM_FILTER_RATIOS_FIELD_NUMBER: _ClassVar[int]
    EXCLUDE_SEEN_FIELD_NUMBER: _ClassVar[int]
    GRU_NUM_UNITS_FIELD_NUMBER: _ClassVar[int]
    HIDDEN_LAYER_DIMS_FIELD_NUMBER: _ClassVar[int]
    LSTM_NUM_UNITS_FIELD_NUMBER: _ClassVar[int]
    NUM_PREDICTIONS_FIELD_NUMBER: _ClassVar[int]
    PROJECTION_ACTIVATION_FIELD_NUMBER: _ClassVar[int]
    STATE_SPACE_CONV_KERNEL_SIZE_FIELD_NUMBER: _ClassVar[int]
    STATE_SPACE_FEED_FORWARD_RATIO_FIELD_NUMBER: _ClassVar[int]
    STATE_SPACE_NUM_BLOCKS_FIELD_NUMBER: _ClassVar[int]
    STATE_SPACE_NUM_HEADS_FIELD_NUMBER: _ClassVar[int]
    TIE_EMBEDDINGS_FIELD_NUMBER: _ClassVar[int]
    TRANSFORMER_FEED_FORWARD_RATIO_FIELD_NUMBER: _ClassVar[int]
    TRANSFORMER_NUM_BLOCKS_FIELD_NUMBER: _ClassVar[int]
    TRANSFORMER_NUM_HEADS_FIELD_NUMBER: _ClassVar[int]
    conv_kernel_size: int
    conv_num_filter_ratios: _containers.RepeatedScalarFieldContainer[int]
    exclude_seen: bool
    gru_num_units: int
    hidden_layer_dims: _containers.RepeatedScalarFieldContainer[int]
    lstm_num_units: int
    num_predictions: int
    projection_activation: Activation
    state_space_conv_kernel_size: int
    state_space_feed_forward_ratio: int
    state_space_num_blocks: int
    state_space_num_heads: int
    tie_embeddings: bool
    transformer_feed_forward_ratio: int
    transformer_num_blocks: int
    transformer_num_heads: int
    def __init__(self, hidden_layer_dims: _Optional[_Iterable[int]] = ..., conv_num_filter_ratios: _Optional[_Iterable[int]] = ..., conv_kernel_size: _Optional[int] = ..., lstm_num_units: _Optional[int] = ..., num_predictions: _Optional[int] = ..., projection_activation: _Optional[_Union[Activation, str]] = ..., gru_num_units: _Optional[int] = ..., transformer_num_blocks: _Optional[int] = ..., transformer_num_heads: _Optional[int] = ..., transformer_feed_forward_ratio: _Optional[int] = ..., tie_embeddings: bool = ..., exclude_seen: bool = ..., state_space_num_blocks: _Optional[int] = ..., state_space_num_heads: _Optional[int] = ..., state_space_conv_kernel_size: _Optional[int] = ..., state_space_feed_forward_ratio: _Optional[int] = ...) -> None: ...

class PipelineConfig(_message.Message):
    __slots__ = ["catalogue", "evaluation", "filters", "hparams", "input_spec", "log", "min_vocab_count", "pipeline_name", "schema", "serving", "split", "training", "tuning"]
    CATALOGUE_FIELD_NUMBER: _ClassVar[int]
    EVALUATION_FIELD_NUMBER: _ClassVar[int]
    FILTERS_FIELD_NUMBER: _ClassVar[int]
    HPARAMS_FIELD_NUMBER: _ClassVar[int]
    INPUT_SPEC_FIELD_NUMBER: _ClassVar[int]
    LOG_FIELD_NUMBER: _ClassVar[int]
    MIN_VOCAB_COUNT_FIELD_NUMBER: _ClassVar[int]
    PIPELINE_NAME_FIELD_NUMBER: _ClassVar[int]
    SCHEMA_FIELD_NUMBER: _ClassVar[int]
    SERVING_FIELD_NUMBER: _ClassVar[int]
    SPLIT_FIELD_NUMBER: _ClassVar[int]
    TRAINING_FIELD_NUMBER: _ClassVar[int]
    TUNING_FIELD_NUMBER: _ClassVar[int]
    catalogue: Catalogue
    evaluation: Evaluation
    filters: Filters
    hparams: HParams
    input_spec: _input_spec_pb2.InputSpec
    log: ActivityLog
    min_vocab_count: int
    pipeline_name: str
    schema: str
    serving: Serving
    split: Split
    training: Training
    tuning: Tuning
    def __init__(self, pipeline_name: _Optional[str] = ..., log: _Optional[_Union[ActivityLog, _Mapping]] = ..., catalogue: _Optional[_Union[Catalogue, _Mapping]] = ..., filters: _Optional[_Union[Filters, _Mapping]] = ..., split: _Optional[_Union[Split, _Mapping]] = ..., schema: _Optional[str] = ..., input_spec: _Optional[_Union[_input_spec_pb2.InputSpec, _Mapping]] = ..., min_vocab_count: _Optional[int] = ..., hparams: _Optional[_Union[HParams, _Mapping]] = ..., training: _Optional[_Union[Training, _Mapping]] = ..., evaluation: _Optional[_Union[Evaluation, _Mapping]] = ..., serving: _Optional[_Union[Serving, _Mapping]] = ..., tuning: _Optional[_Union[Tuning, _Mapping]] = ...) -> None: ...

class Serving(_message.Message):
    __slots__ = ["keep_versions", "min_agreement", "push_dir", "variants", "verification_timelines"]
    KEEP_VERSIONS_FIELD_NUMBER: _ClassVar[int]
    MIN_AGREEMENT_FIELD_NUMBER: _ClassVar[int]
    PUSH_DIR_FIELD_NUMBER: _ClassVar[int]
    VARIANTS_FIELD_NUMBER: _ClassVar[int]
    VERIFICATION_TIMELINES_FIELD_NUMBER: _ClassVar[int]
    keep_versions: int
    min_agreement: float
    push_dir: str
    variants: _containers.RepeatedCompositeFieldContainer[Variant]
    verification_timelines: int
    def __init__(self, push_dir: _Optional[str] = ..., verification_timelines: _Optional[int] = ..., min_agreement: _Optional[float] = ..., variants: _Optional[_Iterable[_Union[Variant, _Mapping]]] = ..., keep_versions: _Optional[int] = ...) -> None: ...

class SourceColumn(_message.Message):
    __slots__ = ["column", "separator", "type"]
    COLUMN_FIELD_NUMBER: _ClassVar[int]
    SEPARATOR_FIELD_NUMBER: _ClassVar[int]
    TYPE_FIELD_NUMBER: _ClassVar[int]
    column: str
    separator: str
    type: _input_spec_pb2.FeatureType
    def __init__(self, column: _Optional[str] = ..., type: _Optional[_Union[_input_spec_pb2.FeatureType, str]] = ..., separator: _Optional[str] = ...) -> None: ...

class Split(_message.Message):
    __slots__ = ["baskets", "seed", "strategy", "test_fraction", "test_from", "validation_fraction", "validation_from"]
    class Strategy(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
        __slots__ = []
    BASKETS_FIELD_NUMBER: _ClassVar[int]
    GLOBAL_TIME: Split.Strategy
    LEAVE_LAST_OUT: Split.Strategy
    RANDOM: Split.Strategy
    SEED_FIELD_NUMBER: _ClassVar[int]
    STRATEGY_FIELD_NUMBER: _ClassVar[int]
    TEST_FRACTION_FIELD_NUMBER: _ClassVar[int]
    TEST_FROM_FIELD_NUMBER: _ClassVar[int]
    UNSEEN_USERS: Split.Strategy
    VALIDATION_FRACTION_FIELD_NUMBER: _ClassVar[int]
    VALIDATION_FROM_FIELD_NUMBER: _ClassVar[int]
    baskets: bool
    seed: int
    strategy: Split.Strategy
    test_fraction: float
    test_from: str
    validation_fraction: float
    validation_from: str
    def __init__(self, strategy: _Optional[_Union[Split.Strategy, str]] = ..., validation_from: _Optional[str] = ..., test_from: _Optional[str] = ..., validation_fraction: _Optional[float] = ..., test_fraction: _Optional[float] = ..., seed: _Optional[int] = ..., baskets: bool = ...) -> None: ...

class Threshold(_message.Message):
    __slots__ = ["baseline", "confident", "max", "metric", "min", "min_difference", "min_ratio", "slice"]
    class Baseline(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
        __slots__ = []
    BASELINE_FIELD_NUMBER: _ClassVar[int]
    BLESSED: Threshold.Baseline
    CONFIDENT_FIELD_NUMBER: _ClassVar[int]
    MARKOV: Threshold.Baseline
    MAX_FIELD_NUMBER: _ClassVar[int]
    METRIC_FIELD_NUMBER: _ClassVar[int]
    MIN_DIFFERENCE_FIELD_NUMBER: _ClassVar[int]
    MIN_FIELD_NUMBER: _ClassVar[int]
    MIN_RATIO_FIELD_NUMBER: _ClassVar[int]
    POPULARITY: Threshold.Baseline
    SLICE_FIELD_NUMBER: _ClassVar[int]
    baseline: Threshold.Baseline
    confident: bool
    max: float
    metric: str
    min: float
    min_difference: float
    min_ratio: float
    slice: str
    def __init__(self, metric: _Optional[str] = ..., slice: _Optional[str] = ..., min: _Optional[float] = ..., max: _Optional[float] = ..., baseline: _Optional[_Union[Threshold.Baseline, str]] = ..., min_ratio: _Optional[float] = ..., min_difference: _Optional[float] = ..., confident: bool = ...) -> None: ...

class Training(_message.Message):
    __slots__ = ["batch_size", "dropout", "early_stopping_patience", "epochs", "gbce_calibration", "gradient_clip_norm", "learning_rate", "loss", "num_sampled", "optimizer", "schedule", "seed", "warm_start", "warm_start_epochs", "warmup_fraction", "weight_decay"]
    BATCH_SIZE_FIELD_NUMBER: _ClassVar[int]
    DROPOUT_FIELD_NUMBER: _ClassVar[int]
    EARLY_STOPPING_PATIENCE_FIELD_NUMBER: _ClassVar[int]
    EPOCHS_FIELD_NUMBER: _ClassVar[int]
    GBCE_CALIBRATION_FIELD_NUMBER: _ClassVar[int]
    GRADIENT_CLIP_NORM_FIELD_NUMBER: _ClassVar[int]
    LEARNING_RATE_FIELD_NUMBER: _ClassVar[int]
    LOSS_FIELD_NUMBER: _ClassVar[int]
    NUM_SAMPLED_FIELD_NUMBER: _ClassVar[int]
    OPTIMIZER_FIELD_NUMBER: _ClassVar[int]
    SCHEDULE_FIELD_NUMBER: _ClassVar[int]
    SEED_FIELD_NUMBER: _ClassVar[int]
    WARMUP_FRACTION_FIELD_NUMBER: _ClassVar[int]
    WARM_START_EPOCHS_FIELD_NUMBER: _ClassVar[int]
    WARM_START_FIELD_NUMBER: _ClassVar[int]
    WEIGHT_DECAY_FIELD_NUMBER: _ClassVar[int]
    batch_size: int
    dropout: float
    early_stopping_patience: int
    epochs: int
    gbce_calibration: float
    gradient_clip_norm: float
    learning_rate: float
    loss: Loss
    num_sampled: int
    optimizer: Optimizer
    schedule: Schedule
    seed: int
    warm_start: WarmStart
    warm_start_epochs: int
    warmup_fraction: float
    weight_decay: float
    def __init__(self, epochs: _Optional[int] = ..., batch_size: _Optional[int] = ..., optimizer: _Optional[_Union[Optimizer, str]] = ..., learning_rate: _Optional[float] = ..., gradient_clip_norm: _Optional[float] = ..., early_stopping_patience: _Optional[int] = ..., dropout: _Optional[float] = ..., seed: _Optional[int] = ..., loss: _Optional[_Union[Loss, str]] = ..., num_sampled: _Optional[int] = ..., gbce_calibration: _Optional[float] = ..., schedule: _Optional[_Union[Schedule, str]] = ..., warmup_fraction: _Optional[float] = ..., weight_decay: _Optional[float] = ..., warm_start: _Optional[_Union[WarmStart, str]] = ..., warm_start_epochs: _Optional[int] = ...) -> None: ...

class Tuning(_message.Message):
    __slots__ = ["choices", "max_trials", "minutes", "seed"]
    CHOICES_FIELD_NUMBER: _ClassVar[int]
    MAX_TRIALS_FIELD_NUMBER: _ClassVar[int]
    MINUTES_FIELD_NUMBER: _ClassVar[int]
    SEED_FIELD_NUMBER: _ClassVar[int]
    choices: _containers.RepeatedCompositeFieldContainer[Choice]
    max_trials: int
    minutes: float
    seed: int
    def __init__(self, minutes: _Optional[float] = ..., max_trials: _Optional[int] = ..., choices: _Optional[_Iterable[_Union[Choice, _Mapping]]] = ..., seed: _Optional[int] = ...) -> None: ...

class Variant(_message.Message):
    __slots__ = ["max_latency_p50_us", "max_ndcg_loss", "max_size_bytes", "precision"]
    class Precision(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
        __slots__ = []
    FLOAT16: Variant.Precision
    FLOAT32: Variant.Precision
    INT8: Variant.Precision
    INT8_WEIGHTS: Variant.Precision
    MAX_LATENCY_P50_US_FIELD_NUMBER: _ClassVar[int]
    MAX_NDCG_LOSS_FIELD_NUMBER: _ClassVar[int]
    MAX_SIZE_BYTES_FIELD_NUMBER: _ClassVar[int]
    PRECISION_FIELD_NUMBER: _ClassVar[int]
    max_latency_p50_us: int
    max_ndcg_loss: float
    max_size_bytes: int
    precision: Variant.Precision
    def __init__(self, precision: _Optional[_Union[Variant.Precision, str]] = ..., max_size_bytes: _Optional[int] = ..., max_latency_p50_us: _Optional[int] = ..., max_ndcg_loss: _Optional[float] = ...) -> None: ...

class Window(_message.Message):
    __slots__ = ["exclude", "spans", "success_file"]
    EXCLUDE_FIELD_NUMBER: _ClassVar[int]
    SPANS_FIELD_NUMBER: _ClassVar[int]
    SUCCESS_FILE_FIELD_NUMBER: _ClassVar[int]
    exclude: _containers.RepeatedScalarFieldContainer[int]
    spans: int
    success_file: bool
    def __init__(self, spans: _Optional[int] = ..., exclude: _Optional[_Iterable[int]] = ..., success_file: bool = ...) -> None: ...

class LogFormat(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = []

class Activation(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = []

class Optimizer(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = []

class Schedule(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = []

class Loss(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = []

class WarmStart(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = []

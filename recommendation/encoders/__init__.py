"""Context encoders, by the input spec's `encoder_type`."""

from __future__ import annotations

from ondevice_rec.recommendation.encoders.bow import BowEncoder
from ondevice_rec.recommendation.encoders.cnn import CnnEncoder
from ondevice_rec.recommendation.encoders.encoder import Encoder
from ondevice_rec.recommendation.encoders.gru import GruEncoder
from ondevice_rec.recommendation.encoders.lstm import LstmEncoder
from ondevice_rec.recommendation.encoders.state_space import StateSpaceEncoder
from ondevice_rec.recommendation.encoders.transformer import TransformerEncoder
from ondevice_rec.recommendation.spec import EncoderType

ENCODERS: dict[int, type[Encoder]] = {
    EncoderType.Value("BOW"): BowEncoder,
    EncoderType.Value("CNN"): CnnEncoder,
    EncoderType.Value("LSTM"): LstmEncoder,
    EncoderType.Value("TRANSFORMER"): TransformerEncoder,
    EncoderType.Value("GRU"): GruEncoder,
    EncoderType.Value("STATE_SPACE"): StateSpaceEncoder,
}

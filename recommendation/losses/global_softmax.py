"""Cross-entropy with every other item as a negative, in bounded memory."""

from __future__ import annotations

from keras import ops

from ondevice_rec.recommendation.losses.loss import Loss, Tensor, weights
from ondevice_rec.schemas import pipeline_config_pb2

# Similarities that are held at a time, at least for this many contexts: what stays in
# a processor's cache is quicker than all of them at once.
_SIMILARITIES = 1 << 19
_LEAST_CONTEXTS = 64


class GlobalSoftmax(Loss):
    """Model Maker's `GlobalSoftmax` (`losses.py`): every id competes, id 0 included.

    The similarities are worked out for a chunk of contexts at a time, and the gradient
    with them, so that memory does not grow with contexts times vocabulary. The idea is
    that of the fused linear cross-entropy of Liger Kernel (Hsu et al., 2024,
    arXiv:2410.10989).
    """

    @classmethod
    def create(cls, training: pipeline_config_pb2.Training) -> GlobalSoftmax:
        return cls()

    def call(self, vectors: Tensor, labels: Tensor, table: Tensor) -> Tensor:
        count, each = _chunks(ops.shape(vectors)[0], table.shape[0])
        padding = [[0, count * each - ops.shape(vectors)[0]]]
        labels_ = ops.pad(labels, padding)
        weights_ = ops.pad(weights(labels), padding)

        @ops.custom_gradient
        def fused(vectors: Tensor, table: Tensor) -> tuple[Tensor, object]:
            loss, to_vectors, to_table = _loss_and_gradients(
                vectors, table, labels_, weights_, count, each
            )

            def gradients(*args: Tensor, upstream: Tensor = None) -> tuple:
                # TensorFlow names it, JAX passes it by place.
                (upstream,) = args or (upstream,)
                return upstream * to_vectors, upstream * to_table

            return loss, gradients

        return fused(ops.pad(vectors, [*padding, [0, 0]]), table)


def _chunks(contexts: int | Tensor, vocab_size: int) -> tuple:
    """Number of chunks and contexts in each; tensors where `contexts` is one."""
    most = max(_LEAST_CONTEXTS, _SIMILARITIES // vocab_size)
    count = -(-contexts // most)
    if isinstance(contexts, int):
        count = max(count, 1)
    else:
        count = ops.maximum(count, 1)
    return count, -(-contexts // count)


def _loss_and_gradients(
    vectors: Tensor,
    table: Tensor,
    labels: Tensor,
    label_weights: Tensor,
    count: int | Tensor,
    each: int | Tensor,
) -> tuple[Tensor, Tensor, Tensor]:
    """The loss, its gradient with regard to the vectors, and to the table.

    `vectors`, `labels` and `label_weights` have `count` chunks of `each` contexts.
    """
    dim = table.shape[1]
    transposed = ops.transpose(table)
    own = ops.take(table, labels, axis=0)
    weight = ops.expand_dims(label_weights, 1)

    def add_chunk(
        i: Tensor, loss: Tensor, to_vectors: Tensor, to_table: Tensor
    ) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        start = i * each
        chunk = ops.slice(vectors, (start, 0), (each, dim))
        share = ops.slice(weight, (start, 0), (each, 1))
        similarities = ops.matmul(chunk, transposed)
        highest = ops.max(similarities, axis=1, keepdims=True)
        exponentials = ops.exp(similarities - highest)
        total = ops.sum(exponentials, axis=1, keepdims=True)
        likelihood = exponentials * (share / total)
        places = ops.expand_dims(start + ops.arange(each), 1)
        return (
            i + 1,
            loss + ops.sum(share * (ops.log(total) + highest)),
            ops.scatter_update(to_vectors, places, ops.matmul(likelihood, table)),
            to_table + ops.matmul(ops.transpose(likelihood), chunk),
        )

    _, loss, to_vectors, to_table = ops.while_loop(
        lambda i, *_: i < count,
        add_chunk,
        (0, 0.0, ops.zeros_like(vectors), ops.zeros_like(table)),
    )
    return (
        loss - ops.sum(weight * own * vectors),
        to_vectors - weight * own,
        to_table - ops.segment_sum(weight * vectors, labels, table.shape[0]),
    )

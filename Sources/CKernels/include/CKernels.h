#ifndef RESIFT_CKERNELS_H
#define RESIFT_CKERNELS_H

// Inner loops of Resift. This target knows pointers and sizes, nothing else.
//
// Letters: M rows of activations, N output features, K inner width, T tokens, D head width.
// Every matrix is row-major; `ld*` is the distance between the starts of two rows, in elements.
//
// Order of summation. An element of a result depends only on its own row of A (or its own row of a softmax or
// layer norm) and on the other operand, never on how many rows the call has or where the row stands in it. The
// sum over K runs from 0 upwards in one accumulator per element. So a score does not depend on batch, block
// size or thread count.

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/// The largest dimension of `dot_i8`. An intermediate sum is at most 255 * 128 * 65536 < 2^31 in magnitude.
#define RESIFT_DOT_I8_MAX_DIMENSION 65536

/// One set of kernels, for one kind of CPU.
typedef struct resift_kernels {
    /// "scalar", "avx2", "avx512" or "neon".
    const char *name;

    /// Columns in one panel of a packed matrix.
    size_t panel_width;

    /// Packs B for `matmul` from its transpose: `b_transposed` is [N, K], as PyTorch stores a linear layer.
    /// `packed` holds resift_packed_count(kernels, n, k) floats, 64-byte aligned: ceil(N / panel_width) panels, each
    /// K rows of panel_width columns; columns beyond N are zero.
    void (*pack_transposed)(const float *b_transposed, size_t ldb, size_t n, size_t k, float *packed);

    /// Packs B for `matmul` from [K, N].
    void (*pack)(const float *b, size_t ldb, size_t k, size_t n, float *packed);

    /// C = A B + bias. A is [M, K], B is packed [K, N], bias is [N] or NULL, C is [M, N]. C does not overlap A.
    void (*matmul)(const float *a, size_t lda, const float *packed_b, const float *bias, float *c, size_t ldc,
                   size_t m, size_t n, size_t k);

    /// x += y, elementwise.
    void (*add)(float *x, const float *y, size_t count);

    /// x = x/2 (1 + erf(x / sqrt 2)), in place. Absolute error at most 1e-6 * max(1, |x|).
    void (*gelu)(float *x, size_t count);

    /// x = x/2 (1 + tanh(sqrt(2/pi) (x + 0.044715 x^3))), in place. Absolute error at most 1e-6 * max(1, |x|).
    void (*gelu_tanh)(float *x, size_t count);

    /// Each row of x becomes softmax(scale * row), in place. x is [rows, columns], columns >= 1.
    void (*softmax)(float *x, size_t ldx, size_t rows, size_t columns, float scale);

    /// out = (y - mean(y)) / sqrt(variance(y) + epsilon) * gamma + beta, y = x + residual (residual may be NULL),
    /// row by row, with the population variance taken about the mean (two passes). `out` may be x or residual.
    void (*layer_norm)(const float *x, size_t ldx, const float *residual, size_t ldr, const float *gamma,
                       const float *beta, float epsilon, float *out, size_t ldo, size_t rows, size_t columns);

    /// Half-precision to single, exact (NaN stays NaN).
    void (*convert_f16)(const uint16_t *source, float *destination, size_t count);

    /// out[row] = sum over i of rows[row][i] * query[i], for a row-major [count, dimension] matrix without gaps and
    /// a query of `dimension` bytes. Exact for every byte value, so that all variants give the same integer: nothing
    /// saturates, and a sum stays below 2^31 for dimensions up to RESIFT_DOT_I8_MAX_DIMENSION.
    void (*dot_i8)(const int8_t *rows, size_t count, size_t dimension, const int8_t *query, int32_t *out);
} resift_kernels;

/// The best variant that this CPU has.
const resift_kernels *resift_kernels_best(void);

/// The variant of that name, or NULL where this build or this CPU does not have it.
const resift_kernels *resift_kernels_named(const char *name);

/// Number of variants this CPU has; the variant at an index, best first, "scalar" last.
size_t resift_kernels_count(void);
const resift_kernels *resift_kernels_at(size_t index);

/// Floats in the packed form of a [K, N] matrix.
size_t resift_packed_count(const resift_kernels *kernels, size_t n, size_t k);

/// Floats of scratch (64-byte aligned) that `resift_attention` needs.
size_t resift_attention_scratch_count(const resift_kernels *kernels, size_t tokens, size_t head_width);

/// One head of scaled dot-product attention over one sequence: out = softmax(scale Q K^T) V.
/// Q is [queries, D], K and V are [tokens, D], out is [queries, D].
void resift_attention(const resift_kernels *kernels, const float *q, size_t ldq, const float *k, size_t ldk,
                      const float *v, size_t ldv, float *out, size_t ldo, size_t queries, size_t tokens,
                      size_t head_width, float scale, float *scratch);

/// bfloat16 to single, exact.
void resift_convert_bf16(const uint16_t *source, float *destination, size_t count);

/// destination = source * scale.
void resift_convert_i8(const int8_t *source, float scale, float *destination, size_t count);

/// True if no value is infinite or NaN.
bool resift_all_finite(const float *values, size_t count);

#ifdef __cplusplus
}
#endif

#endif

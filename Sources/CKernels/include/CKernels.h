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

/// The widest row of bytes that a product takes: 255 * 128 * 65536 < 2^31, so no sum leaves 32 bits.
#define RESIFT_INT8_MAX_WIDTH 65536

/// Inner widths are filled up to a multiple of this in the operands of the byte and bfloat16 products.
#define RESIFT_OPERAND_STEP 4

/// What the bytes of one row stand for: value = scale * (byte - zero).
typedef struct resift_row_scale {
    float scale;
    int32_t zero;
} resift_row_scale;

/// Of the GELU before a rounding to bytes or bfloat16, for |x| <= 1; proportional to |x| beyond.
#define RESIFT_QUICK_GELU_ERROR 5e-5

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

    /// maxima[i] = the largest of rows[r] . q_i over `count` rows, for N queries of K numbers, packed as by
    /// `pack_transposed`; -infinity without rows. No row holds a NaN.
    void (*max_dot)(const float *rows, size_t ldr, size_t count, const float *packed_queries, size_t n, size_t k,
                    float *maxima);

    /// x += y, elementwise.
    void (*add)(float *x, const float *y, size_t count);

    /// x = x/2 (1 + erf(x / sqrt 2)), in place. Absolute error at most 1e-6 * max(1, |x|).
    void (*gelu)(float *x, size_t count);

    /// x = x/2 (1 + tanh(sqrt(2/pi) (x + 0.044715 x^3))), in place. Absolute error at most 1e-6 * max(1, |x|).
    void (*gelu_tanh)(float *x, size_t count);

    /// x = x / (1 + e^-x), in place. Absolute error at most 1e-6 * max(1, |x|).
    void (*silu)(float *x, size_t count);

    /// x *= y, elementwise.
    void (*multiply)(float *x, const float *y, size_t count);

    /// Each row of x becomes softmax(scale * row), in place. x is [rows, columns], columns >= 1.
    void (*softmax)(float *x, size_t ldx, size_t rows, size_t columns, float scale);

    /// out = (y - mean(y)) / sqrt(variance(y) + epsilon) * gamma + beta, y = x + residual (residual may be NULL),
    /// row by row, with the population variance taken about the mean (two passes). `out` may be x or residual.
    void (*layer_norm)(const float *x, size_t ldx, const float *residual, size_t ldr, const float *gamma,
                       const float *beta, float epsilon, float *out, size_t ldo, size_t rows, size_t columns);

    /// out = x / sqrt(mean(x^2) + epsilon) * gamma, row by row. `out` may be x.
    void (*rms_norm)(const float *x, size_t ldx, const float *gamma, float epsilon, float *out, size_t ldo, size_t rows,
                     size_t columns);

    /// Turns the pairs (x[i], x[i + half]) of each of `heads` stretches of 2 * half numbers by the angle whose cosine and
    /// sine stand at i, in place.
    void (*rotate)(float *x, size_t heads, size_t half, const float *cosines, const float *sines);

    /// Rows to bytes, each with a scale and a zero of its own that cover the row's range and 0: a number is off by at
    /// most half a scale. Every variant gives the same bytes. `columns` is filled up to RESIFT_OPERAND_STEP with zero
    /// bytes. A row with a NaN or an infinity gets the scale NaN, and so do all products of it.
    void (*quantize)(const float *x, size_t ldx, uint8_t *out, size_t ldo, resift_row_scale *scales, size_t rows,
                     size_t columns);

    /// `quantize` of gelu(x), or of gelu_tanh(x) where `tanh_form`. GELU itself has an absolute error of at most
    /// RESIFT_QUICK_GELU_ERROR * max(1, |x|) here. x is overwritten.
    void (*gelu_quantize)(float *x, size_t ldx, bool tanh_form, uint8_t *out, size_t ldo, resift_row_scale *scales,
                          size_t rows, size_t columns);

    /// Rows to bfloat16, rounded to nearest, ties to even; NaN stays NaN. Filled up as by `quantize`.
    void (*round_bf16)(const float *x, size_t ldx, uint16_t *out, size_t ldo, size_t rows, size_t columns);

    /// `round_bf16` of GELU, which is the one of `gelu_quantize`. x is overwritten.
    void (*gelu_bf16)(float *x, size_t ldx, bool tanh_form, uint16_t *out, size_t ldo, size_t rows, size_t columns);

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

/// Keys and values of consecutive tokens, [tokens, D] each.
typedef struct resift_keys_values {
    const float *k, *v;
    size_t ldk, ldv, tokens;
} resift_keys_values;

/// Which keys a query sees: those up to `before` places before its own and up to `after` places behind it. The place of
/// the first query among the keys is `first`. A query may stand behind the last key, if `before` reaches a key from there.
typedef struct resift_reach {
    size_t first, before, after;
} resift_reach;

/// Scores that depend on how far apart a query and a key are: with t = buckets[place of query - place of key], query i
/// and key j get (position_keys[t] . q_i + position_queries[t] . k_j) on top of q_i . k_j.
typedef struct resift_relative_positions {
    /// [count, D] each, packed by `pack_transposed`.
    const float *packed_keys, *packed_queries;
    size_t count;
    /// Points at the bucket of distance 0; distances run from 1 - tokens to tokens - 1.
    const int32_t *buckets;
} resift_relative_positions;

/// Attention of query heads that share their keys and values: out = softmax(scale Q K^T) V for each head.
/// Q and out are [queries, heads * D]; out may be Q. Keys and values are those of `before` (no tokens where it is NULL) followed by
/// those of `own`. `reach` is NULL where every query sees every key, `relative` where scores have no such terms.
typedef struct resift_attention_task {
    const float *q;
    float *out;
    size_t ldq, ldo, heads, queries, head_width;
    float scale;
    const resift_keys_values *before;
    resift_keys_values own;
    const resift_reach *reach;
    const resift_relative_positions *relative;
} resift_attention_task;

/// Floats of scratch (64-byte aligned) that `resift_attention` needs for so many keys (`before` and `own` together) and
/// relative positions.
size_t resift_attention_scratch_count(const resift_kernels *kernels, size_t tokens, size_t head_width,
                                      size_t relative_positions);

/// A query's result depends on the keys it sees alone, not on the other queries of the call.
void resift_attention(const resift_kernels *kernels, const resift_attention_task *task, float *scratch);

/// A weight [N, K] of signed bytes: value = integer * scale of its output n. Arrays by output go on with zeros to the
/// end of the last panel.
typedef struct resift_int8_matrix {
    size_t n, k;
    /// resift_int8_panel_bytes(...) bytes, 64-byte aligned: panels of panel_width outputs, each ceil(K / 4) steps of
    /// panel_width times 4 bytes. Outputs beyond N and steps beyond K are zero.
    const int8_t *panels;
    /// The sum of each output's integers.
    const int32_t *sums;
    const float *scales;
    const float *bias;
} resift_int8_matrix;

/// One way to multiply bytes.
typedef struct resift_int8_product {
    /// "avx512-vnni", "avx-vnni", "avx2", "neon-dotprod", "neon" or "scalar".
    const char *name;
    /// Several times as fast as single precision on the same CPU.
    bool is_fast;
    size_t panel_width;

    /// C = A B^T + bias in single precision, where A is [M, K] as `quantize` writes it. The sums are 32-bit integers
    /// and exact, so that all variants differ only by the rounding of their last two steps.
    void (*matmul)(const uint8_t *a, size_t lda, const resift_row_scale *a_scales, const resift_int8_matrix *b,
                   float *c, size_t ldc, size_t m);

    /// maxima[i] = the largest of rows[r] . b_i over `count` rows as `quantize` writes them, -infinity without rows. B's
    /// bias is not read.
    void (*max_dot)(const uint8_t *rows, size_t ldr, const resift_row_scale *scales, const resift_int8_matrix *b,
                    float *maxima, size_t count);
} resift_int8_product;

/// The fastest way of this CPU that belongs to these kernels.
const resift_int8_product *resift_int8_for(const resift_kernels *kernels);

/// All ways of this CPU, and the kernels that each goes with.
size_t resift_int8_count(void);
const resift_int8_product *resift_int8_at(size_t index, const resift_kernels **kernels);

size_t resift_int8_panel_bytes(const resift_int8_product *product, size_t n, size_t k);

/// Puts the K integers of one output into its place in `panels`, which are zero at first, and returns their sum.
int32_t resift_int8_pack(const resift_int8_product *product, const int8_t *integers, size_t k, size_t output,
                         int8_t *panels);

/// One output's weights as integers from -127 to 127; returns their scale. Of 17 scales, from the largest magnitude
/// divided by 127 down to about half of that, which cuts large weights, it is the one with the least sum of squared errors.
float resift_quantize_weights(const float *weights, size_t k, int8_t *integers);

/// One way to multiply bfloat16 with sums in single precision.
typedef struct resift_bf16_product {
    /// "avx512-bf16" or "scalar".
    const char *name;
    size_t panel_width;

    /// C = A B^T + bias. A is [M, K] as `round_bf16` writes it. B is in panels of panel_width outputs, each ceil(K / 2)
    /// steps of panel_width times 2; bias goes on to the end of the last panel.
    void (*matmul)(const uint16_t *a, size_t lda, const uint16_t *panels, const float *bias, float *c, size_t ldc,
                   size_t m, size_t n, size_t k);

    /// maxima[i] = the largest of rows[r] . b_i over `count` rows, -infinity without rows. B is as for `matmul`.
    void (*max_dot)(const uint16_t *rows, size_t ldr, const uint16_t *panels, float *maxima, size_t count, size_t n,
                    size_t k);

    /// `resift_attention_bf16` by these instructions, or NULL. head_width is even.
    void (*attention)(const uint16_t *q, size_t ldq, const uint16_t *k, size_t ldk, const uint16_t *v, size_t ldv,
                      float *out, size_t ldo, size_t queries, size_t tokens, size_t head_width, float scale,
                      float *scratch);
    size_t (*attention_scratch_count)(size_t tokens, size_t head_width);
} resift_bf16_product;

/// The way that belongs to these kernels, or NULL where this CPU has no instructions for it.
const resift_bf16_product *resift_bf16_for(const resift_kernels *kernels);

size_t resift_bf16_panel_count(const resift_bf16_product *product, size_t n, size_t k);

/// Puts the K weights of one output into its place in `panels`, which are zero at first.
void resift_bf16_pack(const resift_bf16_product *product, const uint16_t *weights, size_t k, size_t output,
                      uint16_t *panels);

/// Attention as `resift_attention` on bfloat16 operands, with the result in single precision. Where the CPU multiplies
/// bfloat16, the weights of the softmax are rounded to it too (their exponential has a relative error of 8e-5 before
/// that, far below the rounding's 2e-3); elsewhere the operands are widened and the arithmetic is in single precision.
/// scale > 0. `scratch` is 64-byte aligned.
size_t resift_attention_bf16_scratch_count(const resift_kernels *kernels, size_t tokens, size_t head_width);
void resift_attention_bf16(const resift_kernels *kernels, const uint16_t *q, size_t ldq, const uint16_t *k, size_t ldk,
                           const uint16_t *v, size_t ldv, float *out, size_t ldo, size_t queries, size_t tokens,
                           size_t head_width, float scale, float *scratch);

/// out[d] = the sum over the N vectors of a query of the largest product with a vector of document d (MaxSim), for
/// `documents` documents whose vectors lie end to end: document d has the rows starts[d] ..< starts[d + 1]. A document
/// without vectors gets -infinity. The maxima are summed in order and in double precision. A document's result depends
/// on its own rows and the query alone, so that documents can be shared out in any way. `maxima` is scratch of N floats.
void resift_max_sim(const resift_kernels *kernels, const float *vectors, const size_t *starts, size_t documents,
                    const float *packed_query, size_t n, size_t k, float *maxima, float *out);

/// The same for vectors as `quantize` writes them, and a query as a weight.
void resift_max_sim_int8(const resift_int8_product *product, const uint8_t *vectors, size_t ldv,
                         const resift_row_scale *scales, const size_t *starts, size_t documents,
                         const resift_int8_matrix *query, float *maxima, float *out);

/// The same for vectors as `round_bf16` writes them, and a query in panels.
void resift_max_sim_bf16(const resift_bf16_product *product, const uint16_t *vectors, size_t ldv, const size_t *starts,
                         size_t documents, const uint16_t *panels, size_t n, size_t k, float *maxima, float *out);

/// Singles to IEEE half precision, rounded to nearest, ties to even; what is too large becomes an infinity, and NaN stays
/// NaN. `convert_f16` is the way back.
uint16_t resift_float_to_half(float value);
void resift_narrow_f16(const float *source, uint16_t *destination, size_t count);

/// The difference of a vector from a centroid, each component as the number of `bounds` (2^bits - 1 of them, ascending)
/// that it is above. `bits` is 2 or 4; `codes` has k * bits / 8 bytes, rounded up, the first component in the lowest bits.
///
/// Source of the form: Santhanam et al., ColBERTv2, NAACL 2022, <https://arxiv.org/abs/2112.01488>.
void resift_residual_encode(const float *vector, const float *centroid, const float *bounds, unsigned bits,
                            uint8_t *codes, size_t k);

/// Vectors from rows of a centroid's number (2 bytes, little-endian) and codes: the centroid plus the level of each code,
/// brought to unit length. Every machine gives the same bits. False where a row names a centroid that there is not.
bool resift_residual_decode(const uint8_t *rows, size_t count, const float *centroids, size_t centroid_count,
                            const float *levels, unsigned bits, float *out, size_t k);

/// For each row of products, its largest one joins the row's best so far: best[row] and places[row], where column 0 is
/// the place `first`. Of equal products the one with the lowest place counts.
void resift_best_columns(const float *products, size_t ld, size_t rows, size_t columns, uint32_t first, float *best,
                         uint32_t *places);

/// How many similarities of one centroid are compared at a time: `width` below is a multiple of it.
#define RESIFT_CENTROID_LANES 32

/// MaxSim with each token's vector replaced by its centroid, in whole numbers: out[i] = the sum over `width` columns of
/// the largest similarities[centroids[t]][column] of the tokens t in starts[p] ..< starts[p + 1] of passage p =
/// passages[i]; 0 without tokens. `similarities` is [centroids, width].
void resift_centroid_max_sim(const uint16_t *centroids, const uint32_t *starts, const uint16_t *passages, size_t count,
                             const uint8_t *similarities, size_t width, uint32_t *out);

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

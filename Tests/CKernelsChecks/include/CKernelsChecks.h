#ifndef RESIFT_CKERNELSCHECKS_H
#define RESIFT_CKERNELSCHECKS_H

// Checks of CKernels, shared by the Swift tests and by Tools/kernel-checks, which also runs them under sanitizers and
// on an emulated ARM CPU.
//
// Every matrix that a check hands to a kernel starts off alignment, has gaps between its rows, and is surrounded by
// guard zones. Gaps and zones hold a NaN of one bit pattern: reading them shows in the result, and writing them is
// found afterwards. A check that measures an error returns infinity if that happened; a check that answers yes or no
// returns false. `variant` is a name that resift_kernels_named knows. References are computed here in double
// precision with libm, so that the scalar variant is checked as well.

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/// Largest |C - reference| / (|A||B| + |bias|), with and without bias.
double check_matmul(const char *variant, size_t m, size_t n, size_t k, uint64_t seed);
/// What check_matmul may return: each of k + 1 additions rounds once.
double check_matmul_limit(size_t k);
/// Each row alone, and each run of rows up to the last, equals the same rows of the whole product bit for bit.
bool check_matmul_row_identity(const char *variant, size_t m, size_t n, size_t k, uint64_t seed);
/// Both ways of packing put every number of B where the header says, and zeros beyond N.
bool check_packing(const char *variant, size_t n, size_t k, uint64_t seed);

/// Largest |gelu - reference| / max(1, |x|) over `count` numbers spread evenly from low to high.
double check_gelu(const char *variant, double low, double high, size_t count);
double check_gelu_tanh(const char *variant, double low, double high, size_t count);
double check_silu(const char *variant, double low, double high, size_t count);
/// Both GELUs and silu at NaN, the infinities, zeros, and the largest, smallest and denormal numbers.
bool check_gelu_extremes(const char *variant);
/// gelu, gelu_tanh and silu give each number the same result alone as inside an array; add and multiply are exact.
bool check_elementwise_identity(const char *variant, size_t count, uint64_t seed);

/// Largest error of the exponential behind softmax, in units of the last place, from e^-103 to e^-18.
double check_exp(const char *variant);
/// Largest relative error of softmax, for logits within 8 of each other.
double check_softmax(const char *variant, size_t rows, size_t columns, float scale, uint64_t seed);
/// -infinity has weight 0 and changes no other weight's meaning; NaN makes its row NaN and no other row; a row without
/// any finite logit is NaN; logits far below 0 have weights all the same.
bool check_softmax_special(const char *variant, size_t columns);
bool check_softmax_row_identity(const char *variant, size_t rows, size_t columns, uint64_t seed);

/// Where layer_norm finds its residual and leaves its result.
enum check_layer_norm_form {
    check_layer_norm_plain,
    check_layer_norm_residual,
    check_layer_norm_into_x,
    check_layer_norm_into_residual,
    check_layer_norm_form_count,
};
/// Largest |out - reference| / (|gamma| max(1, |normal|) + |beta|).
double check_layer_norm(const char *variant, int form, size_t rows, size_t columns, uint64_t seed);
bool check_layer_norm_row_identity(const char *variant, size_t rows, size_t columns, uint64_t seed);

/// Largest |out - reference| / (|gamma| max(1, |normal|)), where out is another matrix than x and where it is x.
double check_rms_norm(const char *variant, size_t rows, size_t columns, uint64_t seed);
bool check_rms_norm_row_identity(const char *variant, size_t rows, size_t columns, uint64_t seed);
/// Largest |out - reference| for numbers within -1 ... 1.
double check_rotate(const char *variant, size_t heads, size_t half, uint64_t seed);

/// What a query sees, and what adds to its scores.
enum check_attention_form {
    /// One head, every key.
    check_attention_plain,
    /// Three heads that share keys and values, and so on; queries are not more than tokens.
    check_attention_relative,
    /// The keys up to its own place, of which the first come from elsewhere.
    check_attention_causal,
    /// A window around its own place.
    check_attention_local,
    check_attention_form_count,
};
/// Largest |out - reference| for V within -1 ... 1.
double check_attention(const char *variant, int form, size_t queries, size_t tokens, size_t head_width, uint64_t seed);
bool check_attention_row_identity(const char *variant, int form, size_t queries, size_t tokens, size_t head_width,
                                  uint64_t seed);

/// dot_i8 of `count` rows equals the sum in 64 bits, for all byte values or, with `extreme`, for -128 and 127 alone. The
/// rows end where the allocation does, and the sums stand between guard zones.
bool check_dot_i8(const char *variant, size_t count, size_t dimension, bool extreme, uint64_t seed);
/// Each row alone has the sum that it has among the others.
bool check_dot_i8_row_identity(const char *variant, size_t count, size_t dimension, uint64_t seed);

// `way` is an index of resift_int8_at.

/// Largest |C - exact| / (|C - bias| + |bias|); with `extreme`, for bytes of 255 and weights of -128 alone.
double check_int8_product(size_t way, size_t m, size_t n, size_t k, bool extreme, uint64_t seed);
bool check_int8_row_identity(size_t way, size_t m, size_t n, size_t k, uint64_t seed);
/// Bytes and scales are the scalar variant's, stand for their numbers to a step, and end in zeros; a row with NaN or
/// infinity has the scale NaN.
bool check_quantize(const char *variant, size_t rows, size_t columns, float amplitude, uint64_t seed);
/// Largest |gelu - reference| / max(1, |x|) before the rounding to bytes, which is checked too.
double check_gelu_quantize(const char *variant, bool tanh_form, size_t rows, size_t columns, float amplitude,
                           uint64_t seed);
/// Integers are the nearest, reach 127, and are 0 where all weights are.
bool check_quantize_weights(size_t k, uint64_t seed);

/// False if this machine has no bfloat16 product for these kernels; then the next two must not be called.
bool check_has_bf16(const char *variant);
/// Largest |C - reference| / (|A||B| + |bias|).
double check_bf16_product(const char *variant, size_t m, size_t n, size_t k, uint64_t seed);
bool check_bf16_row_identity(const char *variant, size_t m, size_t n, size_t k, uint64_t seed);
/// Each number becomes the nearest bfloat16, and a tie the even one.
bool check_round_bf16(const char *variant, size_t columns, uint64_t seed);
/// Largest |out - reference| for V within -1 ... 1.
double check_attention_bf16(const char *variant, size_t queries, size_t tokens, size_t head_width, uint64_t seed);
bool check_attention_bf16_row_identity(const char *variant, size_t queries, size_t tokens, size_t head_width,
                                       uint64_t seed);

/// Largest error of MaxSim over six documents of 0 to 40 vectors, one of them without any, as a part of the sum of the
/// largest |q||d|. With `negative` all products are negative, and so are the scores.
double check_max_sim(const char *variant, size_t n, size_t k, bool negative, uint64_t seed);
/// The same for documents and query in bytes, by an index of resift_int8_at.
double check_max_sim_int8(size_t way, size_t n, size_t k, bool negative, uint64_t seed);
/// The same in bfloat16; only if check_has_bf16.
double check_max_sim_bf16(const char *variant, size_t n, size_t k, bool negative, uint64_t seed);
/// Each document has the same bits alone, in the whole block, and in each run up to the last.
bool check_max_sim_identity(const char *variant, size_t n, size_t k, uint64_t seed);
bool check_max_sim_int8_identity(size_t way, size_t n, size_t k, uint64_t seed);
bool check_max_sim_bf16_identity(const char *variant, size_t n, size_t k, uint64_t seed);

/// All 65,536 halves have their exact value.
bool check_half_conversion(const char *variant);
/// The first `count` of them stay within their buffers.
bool check_half_conversion_bounds(const char *variant, size_t count);
/// All 65,536 bfloat16 numbers have their exact value.
bool check_bf16_conversion(void);
/// All 256 bytes, in an array of `count`.
bool check_i8_conversion(size_t count);
/// Infinity or NaN is found at each of `count` places, and nothing is found where all are finite.
bool check_all_finite(size_t count);

/// Every half comes back from its value; what lies between two goes to the nearer one, and from the middle to the even one.
bool check_half_narrowing(void);
/// Codes and decoded vectors of k numbers are what their definition says, and a centroid that is not there is refused.
bool check_residuals(size_t k, unsigned bits, uint64_t seed);
/// The best of so many columns, and of equal ones the first, beside what was best before.
bool check_best_columns(size_t columns, uint64_t seed);
/// MaxSim over centroids for a query of `width` tokens, a multiple of RESIFT_CENTROID_LANES.
bool check_centroid_max_sim(size_t width, uint64_t seed);

// What the checks above may return at most.
#define CHECK_GELU_LIMIT 2.5e-7
#define CHECK_SILU_LIMIT 2.5e-7
#define CHECK_EXP_LIMIT 1.5
#define CHECK_SOFTMAX_LIMIT 2e-6
#define CHECK_LAYER_NORM_LIMIT 2e-6
#define CHECK_RMS_NORM_LIMIT 2e-6
#define CHECK_ROTATE_LIMIT 2e-7
#define CHECK_ATTENTION_LIMIT 2e-6
// The sums are exact; the conversion, two products and the addition of the bias round.
#define CHECK_INT8_LIMIT 3e-7
#define CHECK_BF16_LIMIT 4e-6
// Up to 385 additions that round once each, from the smallest products up.
#define CHECK_MAX_SIM_LIMIT 4e-6
// Half a unit of a bfloat16 weight, 2^-9, for numbers up to 1.
#define CHECK_ATTENTION_BF16_LIMIT 2.1e-3

#ifdef __cplusplus
}
#endif

#endif

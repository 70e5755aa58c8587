// The AVX-512 variant.

#if defined(__x86_64__)

#include <immintrin.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#define TARGET __attribute__((target("avx512f,avx512bw,avx512dq,avx512vl,avx2,fma,f16c")))
#define VECTOR_OPERATION static inline __attribute__((always_inline)) TARGET

typedef __m512 vec;
enum { LANES = 16 };

VECTOR_OPERATION __mmask16 first_lanes(size_t count) {
    return count >= LANES ? (__mmask16)0xffff : (__mmask16)((1u << count) - 1);
}

VECTOR_OPERATION vec v_set(float value) { return _mm512_set1_ps(value); }
VECTOR_OPERATION vec v_load(const float *p) { return _mm512_loadu_ps(p); }
VECTOR_OPERATION void v_store(float *p, vec v) { _mm512_storeu_ps(p, v); }
VECTOR_OPERATION vec v_load_first(const float *p, size_t count) {
    return _mm512_maskz_loadu_ps(first_lanes(count), p);
}
VECTOR_OPERATION void v_store_first(float *p, vec v, size_t count) {
    _mm512_mask_storeu_ps(p, first_lanes(count), v);
}
VECTOR_OPERATION vec v_add(vec a, vec b) { return _mm512_add_ps(a, b); }
VECTOR_OPERATION vec v_sub(vec a, vec b) { return _mm512_sub_ps(a, b); }
VECTOR_OPERATION vec v_mul(vec a, vec b) { return _mm512_mul_ps(a, b); }
VECTOR_OPERATION vec v_div(vec a, vec b) { return _mm512_div_ps(a, b); }
VECTOR_OPERATION vec v_fma(vec a, vec b, vec c) { return _mm512_fmadd_ps(a, b, c); }
VECTOR_OPERATION vec v_min(vec a, vec b) { return _mm512_min_ps(a, b); }
VECTOR_OPERATION vec v_max(vec a, vec b) { return _mm512_max_ps(a, b); }
VECTOR_OPERATION vec v_abs(vec a) { return _mm512_abs_ps(a); }
VECTOR_OPERATION vec v_round(vec a) {
    return _mm512_roundscale_ps(a, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC);
}
VECTOR_OPERATION vec v_keep_first(vec v, size_t count, vec otherwise) {
    return _mm512_mask_mov_ps(otherwise, first_lanes(count), v);
}
VECTOR_OPERATION vec v_scale(vec v, vec n) { return _mm512_scalef_ps(v, n); }
VECTOR_OPERATION void v_store_bytes(uint8_t *p, vec v) {
    _mm_storeu_si128((__m128i *)p, _mm512_cvtepi32_epi8(_mm512_cvtps_epi32(v)));
}

/// Halves are folded onto each other until one lane is left.
#define FOLD_LANES(v, operation)                                                                                       \
    __m256 eight = operation##256(_mm512_castps512_ps256(v), _mm512_extractf32x8_ps(v, 1));                            \
    __m128 four = operation##128(_mm256_castps256_ps128(eight), _mm256_extractf128_ps(eight, 1));                      \
    __m128 two = operation##128(four, _mm_movehl_ps(four, four));                                                      \
    return _mm_cvtss_f32(operation##128(two, _mm_movehdup_ps(two)));

#define add256 _mm256_add_ps
#define add128 _mm_add_ps
#define max256 _mm256_max_ps
#define max128 _mm_max_ps
VECTOR_OPERATION float v_sum(vec v) { FOLD_LANES(v, add) }
VECTOR_OPERATION float v_largest(vec v) { FOLD_LANES(v, max) }

#include "vector_math.h"

// 28 accumulators, 2 vectors of B and 1 number of A take 31 of the 32 registers.
#define PANEL_VECTORS 2
#define TILE_ROWS 14
#define TILE_DEPTH 384

#include "vector_matmul.h"
#include "vector_maxsim.h"

TARGET static void convert_f16(const uint16_t *source, float *destination, size_t count) {
    for (size_t i = 0; i < count; i += LANES) {
        __mmask16 lanes = first_lanes(count - i);
        _mm512_mask_storeu_ps(destination + i, lanes, _mm512_cvtph_ps(_mm256_maskz_loadu_epi16(lanes, source + i)));
    }
}

#define VNNI_TARGET __attribute__((target("avx512f,avx512bw,avx512dq,avx512vl,avx512vnni,avx2,fma,f16c")))
#define VNNI_OPERATION static inline __attribute__((always_inline)) VNNI_TARGET

enum { DOT_STEP = 64, DOT_ROWS = 4 };

VNNI_OPERATION __mmask64 first_bytes(size_t count) {
    return count >= DOT_STEP ? ~(__mmask64)0 : ((__mmask64)1 << count) - 1;
}

/// vpdpbusd multiplies unsigned by signed bytes: a row's bytes get 128 added (by flipping the sign bit), and the
/// query's sum times 128 is taken off at the end. It adds without saturation.
VNNI_OPERATION void dot_i8_rows(size_t count, const int8_t *rows, size_t dimension, const int8_t *query,
                                int32_t correction, int32_t *out) {
    __m512i sign = _mm512_set1_epi8(-128);
    __m512i sums[DOT_ROWS];
    for (size_t r = 0; r < count; r++) sums[r] = _mm512_setzero_si512();
    size_t i = 0;
    for (; i + DOT_STEP <= dimension; i += DOT_STEP) {
        __m512i q = _mm512_loadu_si512(query + i);
        for (size_t r = 0; r < count; r++) {
            const int8_t *p = rows + r * dimension + i;
            _mm_prefetch(resift_prefetch_address(p), _MM_HINT_T0);
            sums[r] = _mm512_dpbusd_epi32(sums[r], _mm512_xor_si512(_mm512_loadu_si512(p), sign), q);
        }
    }
    if (i < dimension) {
        __mmask64 bytes = first_bytes(dimension - i);
        // The query is 0 beyond its end, so what stands there in a row does not count.
        __m512i q = _mm512_maskz_loadu_epi8(bytes, query + i);
        for (size_t r = 0; r < count; r++) {
            __m512i row = _mm512_maskz_loadu_epi8(bytes, rows + r * dimension + i);
            sums[r] = _mm512_dpbusd_epi32(sums[r], _mm512_xor_si512(row, sign), q);
        }
    }
    for (size_t r = 0; r < count; r++) out[r] = _mm512_reduce_add_epi32(sums[r]) - correction;
}

VNNI_TARGET static void dot_i8_vnni(const int8_t *rows, size_t count, size_t dimension, const int8_t *query,
                                    int32_t *out) {
    int32_t correction = 0;
    for (size_t i = 0; i < dimension; i++) correction += 128 * (int32_t)query[i];
    size_t row = 0;
    for (; row + DOT_ROWS <= count; row += DOT_ROWS)
        dot_i8_rows(DOT_ROWS, rows + row * dimension, dimension, query, correction, out + row);
    for (; row < count; row++) dot_i8_rows(1, rows + row * dimension, dimension, query, correction, out + row);
}

// 24 sums, 4 vectors of B and the bytes of A take 29 of the 32 registers.
#define INT8_NAME(x) x##_vnni
#define INT8_TARGET VNNI_TARGET
#define INT8_VECTORS 4
#define INT8_ROWS 6
#define INT8_OFFSET 0
#define INT8_PREFETCHES
#define sums_t __m512i
#define a_t __m512i
#define b_t __m512i
VNNI_OPERATION __m512i four_bytes(const uint8_t *p) {
    int32_t four;
    memcpy(&four, p, sizeof four);
    return _mm512_set1_epi32(four);
}
#define int8_start(factor, p) _mm512_mullo_epi32(_mm512_set1_epi32(factor), _mm512_loadu_si512(p))
#define int8_a(p) four_bytes(p)
#define int8_b(p) _mm512_loadu_si512(p)
#define int8_add(s, a, b) _mm512_dpbusd_epi32(s, a, b)
#define int8_float(s) _mm512_cvtepi32_ps(s)
#include "int8_product.h"

const resift_int8_product resift_int8_avx512_vnni = {
    .name = "avx512-vnni", .is_fast = true, .panel_width = int8_width_vnni, .matmul = int8_matmul_vnni, .max_dot = int8_max_dot_vnni};

static void dot_i8(const int8_t *rows, size_t count, size_t dimension, const int8_t *query, int32_t *out) {
    // Asked once a call, that is, once for thousands of rows; the answer is a bit in memory.
    if (__builtin_cpu_supports("avx512vnni"))
        dot_i8_vnni(rows, count, dimension, query, out);
    else
        resift_dot_i8_avx2(rows, count, dimension, query, out);
}

const resift_kernels resift_kernels_avx512 = {
    .name = "avx512",
    .panel_width = panel_width,
    .pack_transposed = pack_transposed,
    .pack = pack,
    .matmul = matmul,
    .max_dot = max_dot,
    .add = add,
    .gelu = gelu,
    .gelu_tanh = gelu_tanh,
    .silu = silu,
    .multiply = multiply,
    .softmax = softmax,
    .layer_norm = layer_norm,
    .rms_norm = rms_norm,
    .rotate = rotate,
    .quantize = quantize,
    .gelu_quantize = gelu_quantize,
    .round_bf16 = round_bf16,
    .gelu_bf16 = gelu_bf16,
    .convert_f16 = convert_f16,
    .dot_i8 = dot_i8,
};

#endif

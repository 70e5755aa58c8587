// The AVX2 variant; every CPU of it also multiplies and adds in one step (FMA) and converts halves (F16C).

#if defined(__x86_64__)

#include <immintrin.h>
#include <stddef.h>
#include <string.h>

#define TARGET __attribute__((target("avx2,fma,f16c")))
#define VECTOR_OPERATION static inline __attribute__((always_inline)) TARGET

typedef __m256 vec;
enum { LANES = 8 };

/// All bits set in the lanes below `count`: a window into eight ones and eight zeros.
VECTOR_OPERATION __m256i first_lanes(size_t count) {
    static const int window[2 * LANES] = {-1, -1, -1, -1, -1, -1, -1, -1};
    return _mm256_loadu_si256((const __m256i *)(window + (count < LANES ? LANES - count : 0)));
}

VECTOR_OPERATION vec v_set(float value) { return _mm256_set1_ps(value); }
VECTOR_OPERATION vec v_load(const float *p) { return _mm256_loadu_ps(p); }
VECTOR_OPERATION void v_store(float *p, vec v) { _mm256_storeu_ps(p, v); }
// Masked moves are slow on some CPUs, and nearly every vector is a full one.
VECTOR_OPERATION vec v_load_first(const float *p, size_t count) {
    return count >= LANES ? v_load(p) : _mm256_maskload_ps(p, first_lanes(count));
}
VECTOR_OPERATION void v_store_first(float *p, vec v, size_t count) {
    if (count >= LANES)
        v_store(p, v);
    else
        _mm256_maskstore_ps(p, first_lanes(count), v);
}
VECTOR_OPERATION vec v_add(vec a, vec b) { return _mm256_add_ps(a, b); }
VECTOR_OPERATION vec v_sub(vec a, vec b) { return _mm256_sub_ps(a, b); }
VECTOR_OPERATION vec v_mul(vec a, vec b) { return _mm256_mul_ps(a, b); }
VECTOR_OPERATION vec v_div(vec a, vec b) { return _mm256_div_ps(a, b); }
VECTOR_OPERATION vec v_fma(vec a, vec b, vec c) { return _mm256_fmadd_ps(a, b, c); }
VECTOR_OPERATION vec v_min(vec a, vec b) { return _mm256_min_ps(a, b); }
VECTOR_OPERATION vec v_max(vec a, vec b) { return _mm256_max_ps(a, b); }
VECTOR_OPERATION vec v_abs(vec a) { return _mm256_andnot_ps(_mm256_set1_ps(-0.0f), a); }
VECTOR_OPERATION vec v_round(vec a) { return _mm256_round_ps(a, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC); }
VECTOR_OPERATION vec v_keep_first(vec v, size_t count, vec otherwise) {
    return _mm256_blendv_ps(otherwise, v, _mm256_castsi256_ps(first_lanes(count)));
}

VECTOR_OPERATION vec power_of_two(__m256i n) {
    return _mm256_castsi256_ps(_mm256_slli_epi32(_mm256_add_epi32(n, _mm256_set1_epi32(127)), 23));
}
// In two factors, because 2^n alone may be beyond the range of a float where v * 2^n is not.
VECTOR_OPERATION vec v_scale(vec v, vec n) {
    __m256i whole = _mm256_cvtps_epi32(n);
    __m256i half = _mm256_srai_epi32(whole, 1);
    return v_mul(v_mul(v, power_of_two(half)), power_of_two(_mm256_sub_epi32(whole, half)));
}

/// Halves are folded onto each other until one lane is left.
#define FOLD_LANES(v, operation)                                                                                       \
    __m128 four = operation(_mm256_castps256_ps128(v), _mm256_extractf128_ps(v, 1));                                   \
    __m128 two = operation(four, _mm_movehl_ps(four, four));                                                           \
    return _mm_cvtss_f32(operation(two, _mm_movehdup_ps(two)));

VECTOR_OPERATION float v_sum(vec v) { FOLD_LANES(v, _mm_add_ps) }
VECTOR_OPERATION float v_largest(vec v) { FOLD_LANES(v, _mm_max_ps) }

#include "vector_math.h"

// 12 accumulators, 2 vectors of B and 1 number of A take 15 of the 16 registers.
#define PANEL_VECTORS 2
#define TILE_ROWS 6
#define TILE_DEPTH 384

#include "vector_matmul.h"

TARGET static void convert_f16(const uint16_t *source, float *destination, size_t count) {
    for (size_t i = 0; i < count; i += LANES) {
        uint16_t halves[LANES] = {0};
        memcpy(halves, source + i, resift_min(LANES, count - i) * sizeof *halves);
        v_store_first(destination + i, _mm256_cvtph_ps(_mm_loadu_si128((const __m128i *)halves)), count - i);
    }
}

const resift_kernels resift_kernels_avx2 = {
    .name = "avx2",
    .panel_width = panel_width,
    .pack_transposed = pack_transposed,
    .pack = pack,
    .matmul = matmul,
    .add = add,
    .gelu = gelu,
    .gelu_tanh = gelu_tanh,
    .softmax = softmax,
    .layer_norm = layer_norm,
    .convert_f16 = convert_f16,
};

#endif

// The AVX2 variant; every CPU of it also multiplies and adds in one step (FMA) and converts halves (F16C).

#if defined(__x86_64__)

#include <immintrin.h>
#include <stddef.h>
#include <stdint.h>
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
VECTOR_OPERATION void v_store_bytes(uint8_t *p, vec v) {
    __m256i whole = _mm256_cvtps_epi32(v);
    __m128i words = _mm_packs_epi32(_mm256_castsi256_si128(whole), _mm256_extracti128_si256(whole, 1));
    _mm_storel_epi64((__m128i *)p, _mm_packus_epi16(words, words));
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
#include "vector_maxsim.h"

TARGET static void convert_f16(const uint16_t *source, float *destination, size_t count) {
    for (size_t i = 0; i < count; i += LANES) {
        uint16_t halves[LANES] = {0};
        memcpy(halves, source + i, resift_min(LANES, count - i) * sizeof *halves);
        v_store_first(destination + i, _mm256_cvtph_ps(_mm_loadu_si128((const __m128i *)halves)), count - i);
    }
}

// Bytes are widened to 16 bits first: the products of bytes that vpmaddubsw adds in pairs could saturate.
VECTOR_OPERATION __m256i sixteen_bytes(const int8_t *p) {
    return _mm256_cvtepi8_epi16(_mm_loadu_si128((const __m128i *)p));
}

enum { DOT_STEP = 16, DOT_ROWS = 4 };

TARGET static int32_t dot_i8_tail(const int8_t *row, const int8_t *query, size_t first, size_t dimension) {
    int32_t sum = 0;
    for (size_t i = first; i < dimension; i++) sum += (int32_t)row[i] * query[i];
    return sum;
}

/// Four rows at once: they share the widened query, and their additions do not wait for each other.
VECTOR_OPERATION void dot_i8_four_rows(const int8_t *rows, size_t dimension, const int8_t *query, int32_t *out) {
    __m256i sums[DOT_ROWS] = {_mm256_setzero_si256(), _mm256_setzero_si256(), _mm256_setzero_si256(),
                              _mm256_setzero_si256()};
    size_t i = 0;
    for (; i + DOT_STEP <= dimension; i += DOT_STEP) {
        __m256i q = sixteen_bytes(query + i);
        for (size_t r = 0; r < DOT_ROWS; r++) {
            const int8_t *p = rows + r * dimension + i;
            _mm_prefetch(resift_prefetch_address(p), _MM_HINT_T0);
            sums[r] = _mm256_add_epi32(sums[r], _mm256_madd_epi16(sixteen_bytes(p), q));
        }
    }
    __m256i pairs =
        _mm256_hadd_epi32(_mm256_hadd_epi32(sums[0], sums[1]), _mm256_hadd_epi32(sums[2], sums[3]));
    _mm_storeu_si128((__m128i *)out,
                     _mm_add_epi32(_mm256_castsi256_si128(pairs), _mm256_extracti128_si256(pairs, 1)));
    if (i == dimension) return;
    for (size_t r = 0; r < DOT_ROWS; r++) out[r] += dot_i8_tail(rows + r * dimension, query, i, dimension);
}

TARGET static int32_t dot_i8_row(const int8_t *row, size_t dimension, const int8_t *query) {
    __m256i sums = _mm256_setzero_si256();
    size_t i = 0;
    for (; i + DOT_STEP <= dimension; i += DOT_STEP)
        sums = _mm256_add_epi32(sums, _mm256_madd_epi16(sixteen_bytes(row + i), sixteen_bytes(query + i)));
    __m128i four = _mm_add_epi32(_mm256_castsi256_si128(sums), _mm256_extracti128_si256(sums, 1));
    __m128i two = _mm_add_epi32(four, _mm_shuffle_epi32(four, 0x4e));
    return _mm_cvtsi128_si32(_mm_add_epi32(two, _mm_shuffle_epi32(two, 0xb1))) +
           dot_i8_tail(row, query, i, dimension);
}

TARGET void resift_dot_i8_avx2(const int8_t *rows, size_t count, size_t dimension, const int8_t *query,
                               int32_t *out) {
    size_t row = 0;
    for (; row + DOT_ROWS <= count; row += DOT_ROWS)
        dot_i8_four_rows(rows + row * dimension, dimension, query, out + row);
    for (; row < count; row++) out[row] = dot_i8_row(rows + row * dimension, dimension, query);
}

VECTOR_OPERATION __m256i four_bytes(const uint8_t *p) {
    int32_t four;
    memcpy(&four, p, sizeof four);
    return _mm256_set1_epi32(four);
}
VECTOR_OPERATION __m256i times(int32_t factor, const int32_t *p) {
    return _mm256_mullo_epi32(_mm256_set1_epi32(factor), _mm256_loadu_si256((const __m256i *)p));
}

// 12 sums, 2 vectors of B and the bytes of A take 15 of the 16 registers.
#define INT8_NAME(x) x##_vnni
#define INT8_TARGET __attribute__((target("avxvnni,avx2,fma,f16c")))
#define INT8_VECTORS 2
#define INT8_ROWS 6
#define INT8_OFFSET 0
#define INT8_PREFETCHES
#define sums_t __m256i
#define a_t __m256i
#define b_t __m256i
#define int8_start(factor, p) times(factor, p)
#define int8_a(p) four_bytes(p)
#define int8_b(p) _mm256_loadu_si256((const __m256i *)(p))
#define int8_add(s, a, b) _mm256_dpbusd_avx_epi32(s, a, b)
#define int8_float(s) _mm256_cvtepi32_ps(s)
#include "int8_product.h"

const resift_int8_product resift_int8_avx_vnni = {
    .name = "avx-vnni", .is_fast = true, .panel_width = int8_width_vnni, .matmul = int8_matmul_vnni,
    .max_dot = int8_max_dot_vnni};

// Without VNNI, bytes are widened to 16 bits, and vpmaddwd adds their products in pairs: vpmaddubsw would saturate. It
// takes neighbours, so the first and third byte of each four go apart from the second and fourth.
typedef struct byte_pairs {
    __m256i even, odd;
} byte_pairs;
VECTOR_OPERATION byte_pairs unsigned_pairs(__m256i bytes) {
    return (byte_pairs){_mm256_and_si256(bytes, _mm256_set1_epi16(0xff)), _mm256_srli_epi16(bytes, 8)};
}
VECTOR_OPERATION byte_pairs signed_pairs(__m256i bytes) {
    return (byte_pairs){_mm256_srai_epi16(_mm256_slli_epi16(bytes, 8), 8), _mm256_srai_epi16(bytes, 8)};
}
VECTOR_OPERATION __m256i add_pairs(__m256i sums, byte_pairs a, byte_pairs b) {
    __m256i products = _mm256_add_epi32(_mm256_madd_epi16(a.even, b.even), _mm256_madd_epi16(a.odd, b.odd));
    return _mm256_add_epi32(sums, products);
}

#define INT8_NAME(x) x##_plain
#define INT8_TARGET TARGET
#define INT8_VECTORS 2
#define INT8_ROWS 4
#define INT8_OFFSET 0
#define sums_t __m256i
#define a_t byte_pairs
#define b_t byte_pairs
#define int8_start(factor, p) times(factor, p)
#define int8_a(p) unsigned_pairs(four_bytes(p))
#define int8_b(p) signed_pairs(_mm256_loadu_si256((const __m256i *)(p)))
#define int8_add(s, a, b) add_pairs(s, a, b)
#define int8_float(s) _mm256_cvtepi32_ps(s)
#include "int8_product.h"

const resift_int8_product resift_int8_avx2 = {
    .name = "avx2", .panel_width = int8_width_plain, .matmul = int8_matmul_plain,
    .max_dot = int8_max_dot_plain};

const resift_kernels resift_kernels_avx2 = {
    .name = "avx2",
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
    .dot_i8 = resift_dot_i8_avx2,
};

#endif

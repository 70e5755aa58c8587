// The NEON variant, which every 64-bit ARM CPU has.

#if defined(__aarch64__)

#include <arm_neon.h>
#include <stddef.h>
#include <string.h>

#if defined(__linux__)
#include <sys/auxv.h>
#endif

#define TARGET
#define VECTOR_OPERATION static inline __attribute__((always_inline)) TARGET

typedef float32x4_t vec;
enum { LANES = 4 };

VECTOR_OPERATION vec v_set(float value) { return vdupq_n_f32(value); }
VECTOR_OPERATION vec v_load(const float *p) { return vld1q_f32(p); }
VECTOR_OPERATION void v_store(float *p, vec v) { vst1q_f32(p, v); }
// NEON has no masked moves: a partial vector takes the way over a buffer.
VECTOR_OPERATION vec v_load_first(const float *p, size_t count) {
    if (count >= LANES) return v_load(p);
    float lanes[LANES] = {0};
    memcpy(lanes, p, count * sizeof *lanes);
    return v_load(lanes);
}
VECTOR_OPERATION void v_store_first(float *p, vec v, size_t count) {
    if (count >= LANES) {
        v_store(p, v);
        return;
    }
    float lanes[LANES];
    v_store(lanes, v);
    memcpy(p, lanes, count * sizeof *lanes);
}
VECTOR_OPERATION vec v_add(vec a, vec b) { return vaddq_f32(a, b); }
VECTOR_OPERATION vec v_sub(vec a, vec b) { return vsubq_f32(a, b); }
VECTOR_OPERATION vec v_mul(vec a, vec b) { return vmulq_f32(a, b); }
VECTOR_OPERATION vec v_div(vec a, vec b) { return vdivq_f32(a, b); }
VECTOR_OPERATION vec v_fma(vec a, vec b, vec c) { return vfmaq_f32(c, a, b); }
VECTOR_OPERATION vec v_min(vec a, vec b) { return vminq_f32(a, b); }
VECTOR_OPERATION vec v_max(vec a, vec b) { return vmaxq_f32(a, b); }
VECTOR_OPERATION vec v_abs(vec a) { return vabsq_f32(a); }
VECTOR_OPERATION vec v_round(vec a) { return vrndnq_f32(a); }
VECTOR_OPERATION vec v_keep_first(vec v, size_t count, vec otherwise) {
    static const uint32_t indices[LANES] = {0, 1, 2, 3};
    uint32x4_t limit = vdupq_n_u32(count < LANES ? (uint32_t)count : LANES);
    return vbslq_f32(vcltq_u32(vld1q_u32(indices), limit), v, otherwise);
}

VECTOR_OPERATION vec power_of_two(int32x4_t n) {
    return vreinterpretq_f32_s32(vshlq_n_s32(vaddq_s32(n, vdupq_n_s32(127)), 23));
}
// In two factors, because 2^n alone may be beyond the range of a float where v * 2^n is not.
VECTOR_OPERATION vec v_scale(vec v, vec n) {
    int32x4_t whole = vcvtq_s32_f32(n);
    int32x4_t half = vshrq_n_s32(whole, 1);
    return v_mul(v_mul(v, power_of_two(half)), power_of_two(vsubq_s32(whole, half)));
}

VECTOR_OPERATION void v_store_bytes(uint8_t *p, vec v) {
    uint16x4_t words = vmovn_u32(vcvtnq_u32_f32(v));
    uint32_t four = vget_lane_u32(vreinterpret_u32_u8(vmovn_u16(vcombine_u16(words, words))), 0);
    memcpy(p, &four, sizeof four);
}

VECTOR_OPERATION float v_sum(vec v) { return vaddvq_f32(v); }
VECTOR_OPERATION float v_largest(vec v) { return vmaxvq_f32(v); }

#include "vector_math.h"

// 24 accumulators, 4 vectors of B and the numbers of A fill the 32 registers.
#define PANEL_VECTORS 4
#define TILE_ROWS 6
#define TILE_DEPTH 384

#include "vector_matmul.h"
#include "vector_maxsim.h"

TARGET static void convert_f16(const uint16_t *source, float *destination, size_t count) {
    for (size_t i = 0; i < count; i += LANES) {
        uint16_t halves[LANES] = {0};
        memcpy(halves, source + i, resift_min(LANES, count - i) * sizeof *halves);
        v_store_first(destination + i, vcvt_f32_f16(vreinterpret_f16_u16(vld1_u16(halves))), count - i);
    }
}

// Two ways to add the products of sixteen bytes to four sums. Without the dot product instructions, products of
// 16 bits are added in pairs straight into 32 bits: no sum of two of them (at most 2 * 16384) is kept in 16.
#define ADD_PRODUCTS_PLAIN(sum, a, b)                                                                                  \
    vpadalq_s16(vpadalq_s16(sum, vmull_s8(vget_low_s8(a), vget_low_s8(b))), vmull_high_s8(a, b))
#define ADD_PRODUCTS_DOTPROD(sum, a, b) vdotq_s32(sum, a, b)

enum { DOT_STEP = 16, DOT_ROWS = 4 };

#define DEFINE_DOT_I8(name, attribute, ADD_PRODUCTS)                                                                   \
    attribute static inline __attribute__((always_inline)) void name##_rows(                                           \
        size_t count, const int8_t *rows, size_t dimension, const int8_t *query, int32_t *out) {                       \
        int32x4_t sums[DOT_ROWS];                                                                                      \
        for (size_t r = 0; r < count; r++) sums[r] = vdupq_n_s32(0);                                                   \
        size_t i = 0;                                                                                                  \
        for (; i + DOT_STEP <= dimension; i += DOT_STEP) {                                                             \
            int8x16_t q = vld1q_s8(query + i);                                                                         \
            for (size_t r = 0; r < count; r++) {                                                                       \
                const int8_t *p = rows + r * dimension + i;                                                            \
                __builtin_prefetch(resift_prefetch_address(p));                                                        \
                int8x16_t row = vld1q_s8(p);                                                                           \
                sums[r] = ADD_PRODUCTS(sums[r], row, q);                                                               \
            }                                                                                                          \
        }                                                                                                              \
        for (size_t r = 0; r < count; r++) {                                                                           \
            int32_t sum = vaddvq_s32(sums[r]);                                                                         \
            for (size_t j = i; j < dimension; j++) sum += (int32_t)rows[r * dimension + j] * query[j];                 \
            out[r] = sum;                                                                                              \
        }                                                                                                              \
    }                                                                                                                  \
    attribute static void name(const int8_t *rows, size_t count, size_t dimension, const int8_t *query,                \
                               int32_t *out) {                                                                         \
        size_t row = 0;                                                                                                \
        for (; row + DOT_ROWS <= count; row += DOT_ROWS)                                                               \
            name##_rows(DOT_ROWS, rows + row * dimension, dimension, query, out + row);                                \
        for (; row < count; row++) name##_rows(1, rows + row * dimension, dimension, query, out + row);                \
    }

DEFINE_DOT_I8(dot_i8_plain, , ADD_PRODUCTS_PLAIN)
DEFINE_DOT_I8(dot_i8_dotprod, __attribute__((target("+dotprod"))), ADD_PRODUCTS_DOTPROD)

bool resift_has_dotprod(void) {
#if defined(__APPLE__)
    return true; // every 64-bit ARM CPU that runs macOS
#elif defined(__linux__)
    enum { asimddp = 1 << 20 }; // HWCAP_ASIMDDP, which older headers do not name
    return getauxval(AT_HWCAP) & asimddp;
#else
    return false;
#endif
}

static void dot_i8(const int8_t *rows, size_t count, size_t dimension, const int8_t *query, int32_t *out) {
    if (resift_has_dotprod())
        dot_i8_dotprod(rows, count, dimension, query, out);
    else
        dot_i8_plain(rows, count, dimension, query, out);
}

// Both ways multiply signed bytes: 128 is taken off the bytes of A by flipping their highest bit.
VECTOR_OPERATION int8x16_t four_bytes(const uint8_t *p) {
    uint32_t four;
    memcpy(&four, p, sizeof four);
    return vreinterpretq_s8_u32(vdupq_n_u32(four ^ 0x80808080u));
}

// 24 sums, 4 vectors of B and the bytes of A take 29 of the 32 registers.
#define INT8_NAME(x) x##_dotprod
#define INT8_TARGET __attribute__((target("+dotprod")))
#define INT8_VECTORS 4
#define INT8_ROWS 6
#define INT8_OFFSET 128
#define sums_t int32x4_t
#define a_t int8x16_t
#define b_t int8x16_t
#define int8_start(factor, p) vmulq_n_s32(vld1q_s32(p), factor)
#define int8_a(p) four_bytes(p)
#define int8_b(p) vld1q_s8(p)
#define int8_add(s, a, b) vdotq_s32(s, a, b)
#define int8_float(s) vcvtq_f32_s32(s)
#include "int8_product.h"

const resift_int8_product resift_int8_neon_dotprod = {
    .name = "neon-dotprod", .is_fast = true, .panel_width = int8_width_dotprod, .matmul = int8_matmul_dotprod,
    .max_dot = int8_max_dot_dotprod};

VECTOR_OPERATION int32x4_t add_products_plain(int32x4_t sums, int8x16_t a, int8x16_t b) {
    int32x4_t low = vpaddlq_s16(vmull_s8(vget_low_s8(a), vget_low_s8(b)));
    int32x4_t high = vpaddlq_s16(vmull_high_s8(a, b));
    return vaddq_s32(sums, vpaddq_s32(low, high));
}

#define INT8_NAME(x) x##_plain
#define INT8_TARGET TARGET
#define INT8_VECTORS 4
#define INT8_ROWS 4
#define INT8_OFFSET 128
#define sums_t int32x4_t
#define a_t int8x16_t
#define b_t int8x16_t
#define int8_start(factor, p) vmulq_n_s32(vld1q_s32(p), factor)
#define int8_a(p) four_bytes(p)
#define int8_b(p) vld1q_s8(p)
#define int8_add(s, a, b) add_products_plain(s, a, b)
#define int8_float(s) vcvtq_f32_s32(s)
#include "int8_product.h"

const resift_int8_product resift_int8_neon = {
    .name = "neon", .panel_width = int8_width_plain, .matmul = int8_matmul_plain,
    .max_dot = int8_max_dot_plain};

const resift_kernels resift_kernels_neon = {
    .name = "neon",
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

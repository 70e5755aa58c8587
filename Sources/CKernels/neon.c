// The NEON variant, which every 64-bit ARM CPU has.

#if defined(__aarch64__)

#include <arm_neon.h>
#include <stddef.h>
#include <string.h>

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

VECTOR_OPERATION float v_sum(vec v) { return vaddvq_f32(v); }
VECTOR_OPERATION float v_largest(vec v) { return vmaxvq_f32(v); }

#include "vector_math.h"

// 24 accumulators, 4 vectors of B and the numbers of A fill the 32 registers.
#define PANEL_VECTORS 4
#define TILE_ROWS 6
#define TILE_DEPTH 384

#include "vector_matmul.h"

TARGET static void convert_f16(const uint16_t *source, float *destination, size_t count) {
    for (size_t i = 0; i < count; i += LANES) {
        uint16_t halves[LANES] = {0};
        memcpy(halves, source + i, resift_min(LANES, count - i) * sizeof *halves);
        v_store_first(destination + i, vcvt_f32_f16(vreinterpret_f16_u16(vld1_u16(halves))), count - i);
    }
}

const resift_kernels resift_kernels_neon = {
    .name = "neon",
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

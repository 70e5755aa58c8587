// The element-wise and row-wise kernels, written once for every vector width. A variant's file (avx2.c, avx512.c,
// neon.c) defines the operations below and then includes this file; it is no ordinary header.
//
//   TARGET                           function attribute that allows the instructions
//   vec, LANES                       a register of floats, and how many it holds
//   v_set(f)                         f in all lanes
//   v_load(p), v_store(p, v)         any alignment
//   v_load_first(p, n)               lanes below n from memory, the rest 0; memory beyond n is not touched
//   v_store_first(p, v, n)           the same for a store; both accept n above LANES
//   v_add v_sub v_mul v_div v_fma    v_fma(a, b, c) = a * b + c, rounded once
//   v_min v_max                      the second operand if one of them is NaN (or NaN either way)
//   v_abs v_round                    v_round: to the nearest integer
//   v_keep_first(v, n, w)            lanes below n from v, the rest from w
//   v_scale(v, n)                    v * 2^n for integral n in -300 ... 300, denormal results included
//   v_sum(v), v_largest(v)           over the lanes, always in the same order
//
// A partial vector at the end of a row goes through the same arithmetic as a full one, so that a value does not
// depend on its distance from the end.

#include <math.h>

#include "internal.h"

#define INLINE static inline __attribute__((always_inline)) TARGET

/// A polynomial, coefficients from the highest power to the lowest.
INLINE vec polynomial(vec x, const float *coefficients, size_t count) {
    vec value = v_set(coefficients[0]);
#pragma clang loop unroll(full)
    for (size_t i = 1; i < count; i++) value = v_fma(value, x, v_set(coefficients[i]));
    return value;
}

/// e^x = 2^n e^r with |r| <= ln(2)/2, and e^r = 1 + r + r^2 q(r). Fitted for the least relative error of e^r:
/// 3.1e-9, so that rounding dominates. Within one unit in the last place of the true value (0.93 measured), denormal results included.
INLINE vec v_exp(vec x) {
    static const float q[] = {0x1.6a23d0p-10f, 0x1.123a20p-7f, 0x1.5558f2p-5f, 0x1.555492p-3f, 0x1.fffffcp-2f};
    // Beyond these limits the result is 0 or infinite all the same. NaN, the second operand, passes through.
    x = v_min(v_set(150), v_max(v_set(-150), x));
    vec n = v_round(v_mul(x, v_set(0x1.715476p0f)));
    // ln 2 in two parts: the first has so few bits that n times it is exact.
    vec r = v_fma(n, v_set(-0x1.62e4p-1f), x);
    r = v_fma(n, v_set(-0x1.7f7d1cp-20f), r);
    vec power = v_fma(v_mul(r, r), polynomial(r, q, 5), r);
    return v_scale(v_add(power, v_set(1)), n);
}

TARGET static void add(float *x, const float *y, size_t count) {
    for (size_t i = 0; i < count; i += LANES) {
        size_t left = count - i;
        v_store_first(x + i, v_add(v_load_first(x + i, left), v_load_first(y + i, left)), left);
    }
}

// Both GELUs are x Phi(x) with a Phi of their own, and Phi(x) = 1 - Phi(-x). With t = |x| and the tail
// h(t) = Phi(-t), which falls from 1/2 to 0, they are max(x, 0) - t h(t): no cancellation on either side.
// At t = 15 the tail is 0 in single precision; stopping there keeps infinity away from it.
enum { tail_end = 15 };

INLINE vec gelu_vector(vec x) {
    // ln h(t), fitted for the least absolute error of t h(t): 6.9e-9. Beyond t = 6 it falls faster than the true
    // tail, where t h(t) < 1e-8.
    static const float log_tail[] = {-1.171701e-06f, 1.7386483e-05f,  -7.933983e-05f, -0.00022412268f, 0.005083113f,
                                     -0.036538698f,  -0.31823456f,    -0.7978978f,    -0.6931464f};
    vec t = v_min(v_set(tail_end), v_abs(x));
    vec tail = v_exp(polynomial(t, log_tail, 9));
    return v_sub(v_max(v_set(0), x), v_mul(t, tail));
}

INLINE vec gelu_tanh_vector(vec x) {
    // (1 - tanh u) / 2 = e / (1 + e), e = exp(-2u).
    const float slope = -1.5957691216057308f;             // -2 sqrt(2/pi)
    const float cubic = -1.5957691216057308f * 0.044715f; // and the same of x^3
    vec t = v_min(v_set(tail_end), v_abs(x));
    vec e = v_exp(v_mul(t, v_fma(v_mul(t, t), v_set(cubic), v_set(slope))));
    vec tail = v_div(e, v_add(v_set(1), e));
    return v_sub(v_max(v_set(0), x), v_mul(t, tail));
}

TARGET static void gelu(float *x, size_t count) {
    for (size_t i = 0; i < count; i += LANES)
        v_store_first(x + i, gelu_vector(v_load_first(x + i, count - i)), count - i);
}

TARGET static void gelu_tanh(float *x, size_t count) {
    for (size_t i = 0; i < count; i += LANES)
        v_store_first(x + i, gelu_tanh_vector(v_load_first(x + i, count - i)), count - i);
}

INLINE void softmax_row(float *x, size_t columns, vec scale) {
    const vec nothing = v_set(-INFINITY);
    vec largest_lanes = nothing;
    for (size_t i = 0; i < columns; i += LANES) {
        vec y = v_mul(v_load_first(x + i, columns - i), scale);
        largest_lanes = v_max(largest_lanes, v_keep_first(y, columns - i, nothing));
    }
    // A NaN may be missed here. It stays in its row, becomes exp(NaN) below, and the sum takes it to every column.
    vec largest = v_set(v_largest(largest_lanes));

    vec sum_lanes = v_set(0);
    for (size_t i = 0; i < columns; i += LANES) {
        vec y = v_mul(v_load_first(x + i, columns - i), scale);
        vec weight = v_exp(v_sub(v_keep_first(y, columns - i, nothing), largest));
        v_store_first(x + i, weight, columns - i);
        // Lanes beyond the end hold exp(-infinity) = 0, or NaN where the whole row is NaN.
        sum_lanes = v_add(sum_lanes, weight);
    }

    vec factor = v_set(1 / v_sum(sum_lanes));
    for (size_t i = 0; i < columns; i += LANES)
        v_store_first(x + i, v_mul(v_load_first(x + i, columns - i), factor), columns - i);
}

TARGET static void softmax(float *x, size_t ldx, size_t rows, size_t columns, float scale) {
    for (size_t row = 0; row < rows; row++) softmax_row(x + row * ldx, columns, v_set(scale));
}

INLINE void layer_norm_row(const float *x, const float *residual, const float *gamma, const float *beta,
                           float epsilon, float *out, size_t columns) {
    // y is kept in `out`: it may be x or the residual, and then each y overwrites a number just read.
    vec sum = v_set(0);
    for (size_t i = 0; i < columns; i += LANES) {
        vec y = v_load_first(x + i, columns - i);
        if (residual) y = v_add(y, v_load_first(residual + i, columns - i));
        v_store_first(out + i, y, columns - i);
        sum = v_add(sum, y);
    }
    vec mean = v_set(v_sum(sum) / (float)columns);

    vec squares = v_set(0);
    for (size_t i = 0; i < columns; i += LANES) {
        vec centred = v_sub(v_load_first(out + i, columns - i), mean);
        centred = v_keep_first(centred, columns - i, v_set(0));
        squares = v_fma(centred, centred, squares);
    }
    vec factor = v_set(1 / sqrtf(v_sum(squares) / (float)columns + epsilon));

    for (size_t i = 0; i < columns; i += LANES) {
        vec normal = v_mul(v_sub(v_load_first(out + i, columns - i), mean), factor);
        vec weight = v_load_first(gamma + i, columns - i);
        v_store_first(out + i, v_fma(normal, weight, v_load_first(beta + i, columns - i)), columns - i);
    }
}

TARGET static void layer_norm(const float *x, size_t ldx, const float *residual, size_t ldr, const float *gamma,
                              const float *beta, float epsilon, float *out, size_t ldo, size_t rows,
                              size_t columns) {
    for (size_t row = 0; row < rows; row++)
        layer_norm_row(x + row * ldx, residual ? residual + row * ldr : NULL, gamma, beta, epsilon,
                       out + row * ldo, columns);
}

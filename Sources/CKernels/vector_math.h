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
//   v_store_bytes(p, v)              whole numbers of 0 ... 255 as LANES bytes
//
// A partial vector at the end of a row goes through the same arithmetic as a full one, so that a value does not
// depend on its distance from the end.

#include <math.h>

#include "internal.h"

/// Runs the statements for each vector of `count` numbers: i is its first index, left the number of its lanes. For all
/// but the last, `left` is a constant, and the masks of partial vectors vanish.
#define EACH_VECTOR(count, ...)                                                                                        \
    do {                                                                                                               \
        size_t i = 0;                                                                                                  \
        for (const size_t left = LANES; (count) - i >= LANES; i += LANES) { __VA_ARGS__ }                              \
        if (i < (count)) {                                                                                             \
            const size_t left = (count) - i;                                                                           \
            __VA_ARGS__                                                                                                \
        }                                                                                                              \
    } while (0)

#define INLINE static inline __attribute__((always_inline)) TARGET

/// A polynomial, coefficients from the highest power to the lowest. Even and odd powers are summed apart: two chains of
/// half the length keep the multipliers busier than one.
INLINE vec polynomial(vec x, const float *coefficients, size_t count) {
    vec square = v_mul(x, x);
    vec sums[2] = {v_set(coefficients[0]), v_set(coefficients[1])};
#pragma clang loop unroll(full)
    for (size_t i = 2; i < count; i++) sums[i % 2] = v_fma(sums[i % 2], square, v_set(coefficients[i]));
    return v_fma(sums[count % 2], x, sums[(count + 1) % 2]);
}

/// e^x for x <= 1: 2^n e^r with |r| <= ln(2)/2 and e^r = 1 + r + r^2 q(r), q fitted for the least relative error of
/// e^r: 3.1e-9, so that rounding dominates. Measured: within 0.97 units of the last place, denormal results included.
INLINE vec v_exp(vec x) {
    static const float q[] = {0x1.6a23d0p-10f, 0x1.123a20p-7f, 0x1.5558f2p-5f, 0x1.555492p-3f, 0x1.fffffcp-2f};
    // Below the limit the result is 0 all the same. NaN, the second operand, passes through.
    x = v_max(v_set(-150), x);
    vec n = v_round(v_mul(x, v_set(0x1.715476p0f)));
    // ln 2 in two parts: the first has so few bits that n times it is exact.
    vec r = v_fma(n, v_set(-0x1.62e4p-1f), x);
    r = v_fma(n, v_set(-0x1.7f7d1cp-20f), r);
    vec power = v_fma(v_mul(r, r), polynomial(r, q, 5), r);
    return v_scale(v_add(power, v_set(1)), n);
}

TARGET static void add(float *x, const float *y, size_t count) {
    EACH_VECTOR(count, {
        vec sum = v_add(v_load_first(x + i, left), v_load_first(y + i, left));
        v_store_first(x + i, sum, left);
    });
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
    EACH_VECTOR(count, { v_store_first(x + i, gelu_vector(v_load_first(x + i, left)), left); });
}

TARGET static void gelu_tanh(float *x, size_t count) {
    EACH_VECTOR(count, { v_store_first(x + i, gelu_tanh_vector(v_load_first(x + i, left)), left); });
}

/// x / (1 + e^-x) = max(x, 0) - t e / (1 + e) with t = |x| and e = e^-t. At t = 110 e is 0 in single precision; stopping
/// there keeps infinity away from it.
INLINE vec silu_vector(vec x) {
    vec t = v_min(v_set(110), v_abs(x));
    vec e = v_exp(v_sub(v_set(0), t));
    return v_sub(v_max(v_set(0), x), v_mul(t, v_div(e, v_add(v_set(1), e))));
}

TARGET static void silu(float *x, size_t count) {
    EACH_VECTOR(count, { v_store_first(x + i, silu_vector(v_load_first(x + i, left)), left); });
}

TARGET static void multiply(float *x, const float *y, size_t count) {
    EACH_VECTOR(count, {
        vec product = v_mul(v_load_first(x + i, left), v_load_first(y + i, left));
        v_store_first(x + i, product, left);
    });
}

TARGET static void rotate(float *x, size_t heads, size_t half, const float *cosines, const float *sines) {
    for (size_t head = 0; head < heads; head++) {
        float *first = x + 2 * half * head;
        float *second = first + half;
        EACH_VECTOR(half, {
            vec a = v_load_first(first + i, left);
            vec b = v_load_first(second + i, left);
            vec cosine = v_load_first(cosines + i, left);
            vec sine = v_load_first(sines + i, left);
            v_store_first(first + i, v_sub(v_mul(a, cosine), v_mul(b, sine)), left);
            v_store_first(second + i, v_fma(a, sine, v_mul(b, cosine)), left);
        });
    }
}

/// x Phi(x) for what is rounded to 8 bits afterwards: Phi(x) = 1/2 + t P(t^2) with t = x clamped to -4 ... 4, P fitted
/// for the least error of x Phi(x) there. 4.7e-5 in both forms, and Phi is constant beyond.
INLINE vec quick_gelu_vector(vec x, bool tanh_form) {
    static const float erf_form[] = {-0x1.65a994p-30f, 0x1.bf7cb6p-24f, -0x1.ead43ep-19f, 0x1.39f4c6p-14f,
                                     -0x1.07d784p-10f, 0x1.3778a8p-7f,  -0x1.0de054p-4f,  0x1.983dd4p-2f};
    static const float tanh_coefficients[] = {-0x1.90eb20p-30f, 0x1.ee4820p-24f, -0x1.0a2510p-18f, 0x1.4d202ep-14f,
                                              -0x1.117f30p-10f, 0x1.3c59e8p-7f,  -0x1.0ebd1ap-4f,  0x1.982f0ap-2f};
    vec t = v_min(v_max(x, v_set(-4)), v_set(4));
    vec square = v_mul(t, t);
    vec slope = tanh_form ? polynomial(square, tanh_coefficients, 8) : polynomial(square, erf_form, 8);
    return v_mul(x, v_fma(t, slope, v_set(0.5f)));
}

/// What a row holds: its smallest and largest number, and NaN where one is not finite.
typedef struct row_range {
    vec low, high, poison;
} row_range;

INLINE row_range empty_range(void) { return (row_range){v_set(0), v_set(0), v_set(0)}; }

INLINE void extend(row_range *range, vec x) {
    range->low = v_min(range->low, x);
    range->high = v_max(range->high, x);
    range->poison = v_fma(x, v_set(0), range->poison);
}

INLINE void quantize_row(const float *x, uint8_t *out, resift_row_scale *scale, row_range range, size_t columns) {
    size_t width = resift_operand_width(columns);
    float poison = v_sum(range.poison);
    if (poison != 0) {
        memset(out, 0, width);
        *scale = (resift_row_scale){poison, 0};
        return;
    }
    float low = -v_largest(v_sub(v_set(0), range.low));
    // A row of zeros, or nearly so, has no range to divide by.
    float span = fmaxf(v_largest(range.high) - low, 1e-30f);
    float inverse = 255 / span;
    float zero = rintf(-low * inverse);
    *scale = (resift_row_scale){span / 255, (int32_t)zero};
    vec factor = v_set(inverse), offset = v_set(zero);
    EACH_VECTOR(columns, {
        vec byte = v_add(v_round(v_mul(v_load_first(x + i, left), factor)), offset);
        // The number and the zero are rounded apart, so that their sum can be 256.
        byte = v_min(byte, v_set(255));
        if (left == LANES) {
            v_store_bytes(out + i, byte);
        } else {
            uint8_t bytes[LANES];
            v_store_bytes(bytes, byte);
            memcpy(out + i, bytes, left);
        }
    });
    memset(out + columns, 0, width - columns);
}

TARGET static void quantize(const float *x, size_t ldx, uint8_t *out, size_t ldo, resift_row_scale *scales,
                            size_t rows, size_t columns) {
    for (size_t row = 0; row < rows; row++) {
        row_range range = empty_range();
        EACH_VECTOR(columns, { extend(&range, v_load_first(x + row * ldx + i, left)); });
        quantize_row(x + row * ldx, out + row * ldo, scales + row, range, columns);
    }
}

INLINE row_range quick_gelu_row(float *x, size_t columns, bool tanh_form) {
    row_range range = empty_range();
    EACH_VECTOR(columns, {
        vec y = quick_gelu_vector(v_load_first(x + i, left), tanh_form);
        v_store_first(x + i, y, left);
        extend(&range, y);
    });
    return range;
}

TARGET static void gelu_quantize(float *x, size_t ldx, bool tanh_form, uint8_t *out, size_t ldo,
                                 resift_row_scale *scales, size_t rows, size_t columns) {
    for (size_t row = 0; row < rows; row++) {
        float *values = x + row * ldx;
        // Two loops, so that the form is no question inside them.
        row_range range = tanh_form ? quick_gelu_row(values, columns, true) : quick_gelu_row(values, columns, false);
        quantize_row(values, out + row * ldo, scales + row, range, columns);
    }
}

/// A plain loop, which the compiler turns into this variant's instructions.
INLINE void round_row_bf16(const float *x, uint16_t *out, size_t columns) {
    for (size_t i = 0; i < columns; i++) out[i] = resift_bf16_of(x[i]);
    size_t width = resift_operand_width(columns);
    for (size_t i = columns; i < width; i++) out[i] = 0;
}

TARGET static void round_bf16(const float *x, size_t ldx, uint16_t *out, size_t ldo, size_t rows, size_t columns) {
    for (size_t row = 0; row < rows; row++) round_row_bf16(x + row * ldx, out + row * ldo, columns);
}

TARGET static void gelu_bf16(float *x, size_t ldx, bool tanh_form, uint16_t *out, size_t ldo, size_t rows,
                             size_t columns) {
    for (size_t row = 0; row < rows; row++) {
        float *values = x + row * ldx;
        if (tanh_form)
            quick_gelu_row(values, columns, true);
        else
            quick_gelu_row(values, columns, false);
        round_row_bf16(values, out + row * ldo, columns);
    }
}

INLINE void softmax_row(float *x, size_t columns, vec scale) {
    const vec nothing = v_set(-INFINITY);
    vec largest_lanes = nothing;
    EACH_VECTOR(columns, {
        vec y = v_mul(v_load_first(x + i, left), scale);
        largest_lanes = v_max(largest_lanes, v_keep_first(y, left, nothing));
    });
    // A NaN may be missed here. It stays in its row, becomes exp(NaN) below, and the sum takes it to every column.
    vec shift = v_set(-v_largest(largest_lanes));

    vec sum_lanes = v_set(0);
    EACH_VECTOR(columns, {
        vec weight = v_exp(v_fma(v_load_first(x + i, left), scale, shift));
        v_store_first(x + i, weight, left);
        sum_lanes = v_add(sum_lanes, v_keep_first(weight, left, v_set(0)));
    });

    vec factor = v_set(1 / v_sum(sum_lanes));
    EACH_VECTOR(columns, { v_store_first(x + i, v_mul(v_load_first(x + i, left), factor), left); });
}

TARGET static void softmax(float *x, size_t ldx, size_t rows, size_t columns, float scale) {
    for (size_t row = 0; row < rows; row++) softmax_row(x + row * ldx, columns, v_set(scale));
}

/// Four sums that receive every fourth vector each, so that an addition need not wait for the one before it.
INLINE void take_turns(vec sums[4], vec new_first) {
    sums[0] = sums[1];
    sums[1] = sums[2];
    sums[2] = sums[3];
    sums[3] = new_first;
}

INLINE float sum_of_turns(const vec sums[4]) {
    return v_sum(v_add(v_add(sums[0], sums[1]), v_add(sums[2], sums[3])));
}

INLINE void layer_norm_row(const float *x, const float *residual, const float *gamma, const float *beta,
                           float epsilon, float *out, size_t columns) {
    // y is kept in `out`: it may be x or the residual, and then each y overwrites a number just read.
    vec sums[4] = {v_set(0), v_set(0), v_set(0), v_set(0)};
    EACH_VECTOR(columns, {
        vec y = v_load_first(x + i, left);
        if (residual) y = v_add(y, v_load_first(residual + i, left));
        v_store_first(out + i, y, left);
        take_turns(sums, v_add(sums[0], y));
    });
    vec mean = v_set(sum_of_turns(sums) / (float)columns);

    vec squares[4] = {v_set(0), v_set(0), v_set(0), v_set(0)};
    EACH_VECTOR(columns, {
        vec centred = v_keep_first(v_sub(v_load_first(out + i, left), mean), left, v_set(0));
        take_turns(squares, v_fma(centred, centred, squares[0]));
    });
    vec factor = v_set(1 / sqrtf(sum_of_turns(squares) / (float)columns + epsilon));

    EACH_VECTOR(columns, {
        vec normal = v_mul(v_sub(v_load_first(out + i, left), mean), factor);
        vec weighted = v_fma(normal, v_load_first(gamma + i, left), v_load_first(beta + i, left));
        v_store_first(out + i, weighted, left);
    });
}

TARGET static void layer_norm(const float *x, size_t ldx, const float *residual, size_t ldr, const float *gamma,
                              const float *beta, float epsilon, float *out, size_t ldo, size_t rows,
                              size_t columns) {
    for (size_t row = 0; row < rows; row++)
        layer_norm_row(x + row * ldx, residual ? residual + row * ldr : NULL, gamma, beta, epsilon,
                       out + row * ldo, columns);
}

INLINE void rms_norm_row(const float *x, const float *gamma, float epsilon, float *out, size_t columns) {
    vec squares[4] = {v_set(0), v_set(0), v_set(0), v_set(0)};
    EACH_VECTOR(columns, {
        vec y = v_load_first(x + i, left);
        take_turns(squares, v_fma(y, y, squares[0]));
    });
    vec factor = v_set(1 / sqrtf(sum_of_turns(squares) / (float)columns + epsilon));
    EACH_VECTOR(columns, {
        vec normal = v_mul(v_load_first(x + i, left), factor);
        v_store_first(out + i, v_mul(normal, v_load_first(gamma + i, left)), left);
    });
}

TARGET static void rms_norm(const float *x, size_t ldx, const float *gamma, float epsilon, float *out, size_t ldo,
                            size_t rows, size_t columns) {
    for (size_t row = 0; row < rows; row++) rms_norm_row(x + row * ldx, gamma, epsilon, out + row * ldo, columns);
}

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "CKernelsChecks.h"
#include "guarded.h"

enum { all_halves = 65536 };

/// A number of `exponent_bits` and `fraction_bits` below its sign, read as its format's definition says.
static double value_of(unsigned bits, int exponent_bits, int fraction_bits) {
    int fraction = (int)(bits & ((1u << fraction_bits) - 1));
    int largest_exponent = (1 << exponent_bits) - 1, bias = largest_exponent / 2;
    int exponent = (int)(bits >> fraction_bits) & largest_exponent;
    double sign = bits >> (exponent_bits + fraction_bits) ? -1 : 1;
    if (exponent == largest_exponent) return fraction ? NAN : sign * INFINITY;
    if (exponent == 0) return sign * ldexp(fraction, 1 - bias - fraction_bits);
    return sign * ldexp((1 << fraction_bits) + fraction, exponent - bias - fraction_bits);
}

static bool is_same(float value, double expected) {
    if (isnan(expected)) return isnan(value);
    return value == expected && !signbit(value) == !signbit(expected);
}

static uint16_t *patterns(size_t count) {
    uint16_t *bits = malloc((count ? count : 1) * sizeof *bits); // no spare room: a sanitizer sees reads beyond it
    if (!bits) abort();
    for (size_t i = 0; i < count; i++) bits[i] = (uint16_t)i;
    return bits;
}

bool check_half_conversion_bounds(const char *variant, size_t count) {
    uint16_t *source = patterns(count);
    matrix out = matrix_make(1, count, 1);
    kernels_of(variant)->convert_f16(source, out.values, count);
    bool right = true;
    for (size_t i = 0; i < count; i++) right &= is_same(out.values[i], value_of((unsigned)i, 5, 10));
    right &= matrix_is_intact(&out);
    matrix_free(&out), free(source);
    return right;
}

bool check_half_conversion(const char *variant) { return check_half_conversion_bounds(variant, all_halves); }

bool check_bf16_conversion(void) {
    uint16_t *source = patterns(all_halves);
    matrix out = matrix_make(1, all_halves, 1);
    resift_convert_bf16(source, out.values, all_halves);
    bool right = true;
    for (size_t i = 0; i < all_halves; i++) right &= is_same(out.values[i], value_of((unsigned)i, 8, 7));
    right &= matrix_is_intact(&out);
    matrix_free(&out), free(source);
    return right;
}

bool check_i8_conversion(size_t count) {
    int8_t *source = malloc(count ? count : 1);
    if (!source) abort();
    for (size_t i = 0; i < count; i++) source[i] = (int8_t)((int)(i % 256) - 128);
    matrix out = matrix_make(1, count, 1);
    resift_convert_i8(source, 0.1f, out.values, count);
    bool right = true;
    for (size_t i = 0; i < count; i++) right &= out.values[i] == (float)source[i] * 0.1f;
    right &= matrix_is_intact(&out);
    matrix_free(&out), free(source);
    return right;
}

bool check_all_finite(size_t count) {
    uint64_t seed = 1;
    matrix x = matrix_random(1, count, 1, 3e38f, &seed);
    bool right = resift_all_finite(x.values, count);
    const float bad[] = {NAN, INFINITY, -INFINITY};
    for (size_t place = 0; place < count; place++) {
        float kept = x.values[place];
        for (size_t i = 0; i < 3; i++) {
            x.values[place] = bad[i];
            right &= !resift_all_finite(x.values, count);
        }
        x.values[place] = kept;
    }
    matrix_free(&x);
    return right;
}

// Number formats of weight files, and the check that a result is finite. Plain loops: the compiler vectorizes them
// for the baseline CPU, and memory is the limit.

#include <string.h>

#include "internal.h"

static float float_of_bits(uint32_t bits) {
    float value;
    memcpy(&value, &bits, sizeof value);
    return value;
}

float resift_half_to_float(uint16_t half) {
    uint32_t sign = (uint32_t)(half & 0x8000u) << 16;
    uint32_t exponent = (half >> 10) & 0x1fu;
    uint32_t fraction = half & 0x3ffu;
    if (exponent == 0) {
        // Zero and subnormals: fraction * 2^-24 is exact in single precision.
        float magnitude = (float)fraction * 0x1p-24f;
        return sign ? -magnitude : magnitude;
    }
    // An exponent of 31 means infinity or NaN in half precision; single precision says it with 255.
    uint32_t wide_exponent = exponent == 31 ? 255 : exponent + (127 - 15);
    return float_of_bits(sign | wide_exponent << 23 | fraction << 13);
}

void resift_convert_bf16(const uint16_t *source, float *destination, size_t count) {
    // A bfloat16 is the upper half of a single.
    for (size_t i = 0; i < count; i++) destination[i] = float_of_bits((uint32_t)source[i] << 16);
}

void resift_convert_i8(const int8_t *source, float scale, float *destination, size_t count) {
    for (size_t i = 0; i < count; i++) destination[i] = (float)source[i] * scale;
}

bool resift_all_finite(const float *values, size_t count) {
    const uint32_t exponent_mask = 0x7f800000u;
    // Whole blocks without a branch inside keep the loop vectorizable; a bad value still ends the search early.
    const size_t block = 1024;
    for (size_t first = 0; first < count; first += block) {
        size_t end = first + resift_min(block, count - first);
        uint32_t bad = 0;
        for (size_t i = first; i < end; i++) {
            uint32_t bits;
            memcpy(&bits, values + i, sizeof bits);
            bad |= (bits & exponent_mask) == exponent_mask;
        }
        if (bad) return false;
    }
    return true;
}

// Token vectors as an index stores them, and the first look at many of them. Plain loops over fixed blocks: the compiler
// vectorizes them for the baseline CPU, and memory is the limit.

#include <math.h>

#include "internal.h"

// A fused product would give other bits on CPUs that have it.
#pragma STDC FP_CONTRACT OFF

uint16_t resift_float_to_half(float value) {
    uint32_t bits;
    memcpy(&bits, &value, sizeof bits);
    uint32_t sign = bits >> 16 & 0x8000u;
    uint32_t magnitude = bits & 0x7fffffffu;
    if (magnitude > 0x7f800000u) return (uint16_t)(sign | 0x7e00u);
    // 65,520 and above round to infinity.
    if (magnitude >= 0x477ff000u) return (uint16_t)(sign | 0x7c00u);
    if (magnitude < 0x38800000u) {
        // A subnormal half is a multiple of 2^-24: the addition rounds to it, ties to even.
        float shifted;
        memcpy(&shifted, &magnitude, sizeof shifted);
        shifted += 0.5f;
        memcpy(&bits, &shifted, sizeof bits);
        return (uint16_t)(sign | (bits - 0x3f000000u));
    }
    // The exponent's bias goes from 127 to 15; a carry out of the fraction is the next exponent.
    uint32_t odd = magnitude >> 13 & 1u;
    return (uint16_t)(sign | (magnitude - ((127u - 15u) << 23) + 0xfffu + odd) >> 13);
}

void resift_narrow_f16(const float *source, uint16_t *destination, size_t count) {
    for (size_t i = 0; i < count; i++) destination[i] = resift_float_to_half(source[i]);
}

void resift_residual_encode(const float *vector, const float *centroid, const float *bounds, unsigned bits,
                            uint8_t *codes, size_t k) {
    unsigned levels = 1u << bits, per_byte = 8 / bits;
    memset(codes, 0, (k + per_byte - 1) / per_byte);
    for (size_t i = 0; i < k; i++) {
        float residual = vector[i] - centroid[i];
        unsigned code = 0;
        for (unsigned level = 0; level + 1 < levels; level++) code += residual > bounds[level];
        codes[i / per_byte] |= (uint8_t)(code << i % per_byte * bits);
    }
}

/// Sums of squares go over eight lanes, whatever the CPU: every machine gives the same bits.
static void normalize(float *vector, size_t k) {
    double lanes[8] = {0};
    size_t i = 0;
    for (; i + 8 <= k; i += 8) {
        for (size_t j = 0; j < 8; j++) lanes[j] += (double)vector[i + j] * vector[i + j];
    }
    for (size_t j = 0; i < k; i++, j++) lanes[j] += (double)vector[i] * vector[i];
    double sum = 0;
    for (size_t j = 0; j < 8; j++) sum += lanes[j];
    if (sum == 0) return;
    float factor = (float)(1 / sqrt(sum));
    for (i = 0; i < k; i++) vector[i] *= factor;
}

bool resift_residual_decode(const uint8_t *rows, size_t count, const float *centroids, size_t centroid_count,
                            const float *levels, unsigned bits, float *out, size_t k) {
    size_t per_byte = 8 / bits, stride = 2 + (k + per_byte - 1) / per_byte;
    unsigned mask = (1u << bits) - 1;
    // What each byte stands for, once for all.
    float table[256][4];
    for (unsigned byte = 0; byte < 256; byte++) {
        for (size_t j = 0; j < per_byte; j++) table[byte][j] = levels[byte >> j * bits & mask];
    }
    for (size_t row = 0; row < count; row++) {
        const uint8_t *bytes = rows + row * stride;
        size_t number = (size_t)bytes[0] | (size_t)bytes[1] << 8;
        if (number >= centroid_count) return false;
        const float *centroid = centroids + number * k;
        float *vector = out + row * k;
        bytes += 2;
        size_t i = 0;
        if (bits == 4) {
            for (; i + 2 <= k; i += 2) {
                const float *values = table[bytes[i / 2]];
                for (size_t j = 0; j < 2; j++) vector[i + j] = centroid[i + j] + values[j];
            }
        } else if (bits == 2) {
            for (; i + 4 <= k; i += 4) {
                const float *values = table[bytes[i / 4]];
                for (size_t j = 0; j < 4; j++) vector[i + j] = centroid[i + j] + values[j];
            }
        }
        for (; i < k; i++) vector[i] = centroid[i] + table[bytes[i / per_byte]][i % per_byte];
        normalize(vector, k);
    }
    return true;
}

void resift_best_columns(const float *products, size_t ld, size_t rows, size_t columns, uint32_t first, float *best,
                         uint32_t *places) {
    for (size_t row = 0; row < rows; row++) {
        const float *values = products + row * ld;
        float largest[16];
        uint32_t where[16];
        for (size_t j = 0; j < 16; j++) {
            largest[j] = -INFINITY;
            where[j] = 0;
        }
        size_t i = 0;
        for (; i + 16 <= columns; i += 16) {
            for (size_t j = 0; j < 16; j++) {
                bool above = values[i + j] > largest[j];
                where[j] = above ? (uint32_t)i : where[j];
                largest[j] = above ? values[i + j] : largest[j];
            }
        }
        for (size_t j = 0; i + j < columns; j++) {
            if (values[i + j] > largest[j]) {
                where[j] = (uint32_t)i;
                largest[j] = values[i + j];
            }
        }
        for (uint32_t j = 0; j < 16; j++) {
            uint32_t place = first + where[j] + j;
            if (largest[j] > best[row] || (largest[j] == best[row] && place < places[row])) {
                best[row] = largest[j];
                places[row] = place;
            }
        }
    }
}

void resift_centroid_max_sim(const uint16_t *centroids, const uint32_t *starts, const uint16_t *passages, size_t count,
                             const uint8_t *similarities, size_t width, uint32_t *out) {
    for (size_t place = 0; place < count; place++) {
        uint32_t from = starts[passages[place]], to = starts[passages[place] + 1];
        uint32_t sum = 0;
        for (size_t block = 0; block < width; block += RESIFT_CENTROID_LANES) {
            uint8_t best[RESIFT_CENTROID_LANES] = {0};
            for (uint32_t token = from; token < to; token++) {
                const uint8_t *row = similarities + centroids[token] * width + block;
                for (size_t j = 0; j < RESIFT_CENTROID_LANES; j++) best[j] = row[j] > best[j] ? row[j] : best[j];
            }
            for (size_t j = 0; j < RESIFT_CENTROID_LANES; j++) sum += best[j];
        }
        out[place] = sum;
    }
}

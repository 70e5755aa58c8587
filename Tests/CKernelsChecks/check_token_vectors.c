#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "CKernelsChecks.h"
#include "guarded.h"

/// Without spare room: a sanitizer sees what is read or written beyond it.
static void *exactly(size_t bytes) {
    void *memory = malloc(bytes ? bytes : 1);
    if (!memory) abort();
    return memory;
}

static float random_float(uint64_t *seed) { return (float)((double)(random_bits(seed) >> 11) * 0x1p-52 - 1); }

static double value_of_half(unsigned half) {
    int fraction = (int)(half & 0x3ff), exponent = (int)(half >> 10 & 0x1f);
    return exponent ? ldexp(1024 + fraction, exponent - 25) : ldexp(fraction, -24);
}

bool check_half_narrowing(void) {
    bool right = true;
    // Each finite half, the middle between it and the next one, and what lies beside the middle.
    for (unsigned half = 0; half < 0x7c00; half++) {
        double value = value_of_half(half), next = half == 0x7bff ? 65536 : value_of_half(half + 1);
        float middle = (float)((value + next) / 2);
        unsigned even = half & 1 ? half + 1 : half;
        right &= resift_float_to_half((float)value) == half;
        right &= resift_float_to_half(-(float)value) == (half | 0x8000);
        right &= resift_float_to_half(middle) == even;
        right &= resift_float_to_half(nextafterf(middle, INFINITY)) == half + 1;
        right &= resift_float_to_half(nextafterf(middle, 0)) == half;
    }
    right &= resift_float_to_half(INFINITY) == 0x7c00 && resift_float_to_half(-1e30f) == 0xfc00;
    uint16_t nan = resift_float_to_half(NAN);
    return right && (nan & 0x7c00) == 0x7c00 && (nan & 0x3ff) != 0;
}

bool check_residuals(size_t k, unsigned bits, uint64_t seed) {
    enum { count = 5, centroid_count = 3 };
    size_t levels = (size_t)1 << bits, per_byte = 8 / bits, stride = 2 + (k + per_byte - 1) / per_byte;
    float *level = exactly(levels * sizeof *level), *bound = exactly((levels - 1) * sizeof *bound);
    float *centroids = exactly(centroid_count * k * sizeof *centroids), *out = exactly(count * k * sizeof *out);
    float *vector = exactly(k * sizeof *vector);
    uint8_t *rows = exactly(count * stride);
    for (size_t i = 0; i < levels; i++) level[i] = ((float)i + 0.5f) / (float)levels - 0.5f;
    for (size_t i = 0; i + 1 < levels; i++) bound[i] = (level[i] + level[i + 1]) / 2;
    for (size_t i = 0; i < centroid_count * k; i++) centroids[i] = random_float(&seed);
    bool right = true;
    double *expected = exactly(count * k * sizeof *expected);
    for (size_t row = 0; row < count; row++) {
        size_t number = random_bits(&seed) % centroid_count;
        const float *centroid = centroids + number * k;
        for (size_t i = 0; i < k; i++) vector[i] = centroid[i] + random_float(&seed);
        uint8_t *place = rows + row * stride;
        place[0] = (uint8_t)number, place[1] = 0;
        resift_residual_encode(vector, centroid, bound, bits, place + 2, k);
        for (size_t i = 0; i < k; i++) {
            unsigned code = 0;
            while (code + 1 < levels && vector[i] - centroid[i] > bound[code]) code++;
            unsigned stored = place[2 + i / per_byte] >> i % per_byte * bits & ((1u << bits) - 1);
            right &= stored == code;
            expected[row * k + i] = (double)centroid[i] + level[code];
        }
    }
    right &= resift_residual_decode(rows, count, centroids, centroid_count, level, bits, out, k);
    for (size_t row = 0; row < count; row++) {
        double square = 0;
        for (size_t i = 0; i < k; i++) square += expected[row * k + i] * expected[row * k + i];
        for (size_t i = 0; i < k; i++) right &= fabs(out[row * k + i] - expected[row * k + i] / sqrt(square)) < 1e-6;
    }
    rows[(count - 1) * stride] = centroid_count;
    right &= !resift_residual_decode(rows, count, centroids, centroid_count, level, bits, out, k);
    free(level), free(bound), free(centroids), free(out), free(vector), free(rows), free(expected);
    return right;
}

bool check_best_columns(size_t columns, uint64_t seed) {
    enum { rows = 3 };
    float *products = exactly(rows * columns * sizeof *products);
    // Few different numbers, so that many are equal.
    for (size_t i = 0; i < rows * columns; i++) products[i] = (float)(random_bits(&seed) % 5);
    float best[rows] = {-INFINITY, 4, 2};
    uint32_t places[rows] = {0, 7, 9};
    float expected[rows] = {-INFINITY, 4, 2};
    uint32_t where[rows] = {0, 7, 9};
    const uint32_t first = 8;
    for (size_t row = 0; row < rows; row++) {
        for (uint32_t i = 0; i < columns; i++) {
            float value = products[row * columns + i];
            if (value > expected[row] || (value == expected[row] && first + i < where[row])) {
                expected[row] = value;
                where[row] = first + i;
            }
        }
    }
    resift_best_columns(products, columns, rows, columns, first, best, places);
    bool right = memcmp(best, expected, sizeof best) == 0 && memcmp(places, where, sizeof places) == 0;
    free(products);
    return right;
}

bool check_centroid_max_sim(size_t width, uint64_t seed) {
    enum { passages = 6, centroid_count = 11, most = 9 };
    uint32_t starts[passages + 1] = {0};
    for (size_t p = 0; p < passages; p++) starts[p + 1] = starts[p] + (uint32_t)(random_bits(&seed) % most);
    uint16_t *centroids = exactly(starts[passages] * sizeof *centroids);
    uint8_t *similarities = exactly(centroid_count * width);
    for (uint32_t i = 0; i < starts[passages]; i++) centroids[i] = (uint16_t)(random_bits(&seed) % centroid_count);
    for (size_t i = 0; i < centroid_count * width; i++) similarities[i] = (uint8_t)random_bits(&seed);
    const uint16_t asked[4] = {5, 0, 3, 3};
    uint32_t out[4];
    resift_centroid_max_sim(centroids, starts, asked, 4, similarities, width, out);
    bool right = true;
    for (size_t i = 0; i < 4; i++) {
        uint32_t sum = 0;
        for (size_t column = 0; column < width; column++) {
            uint8_t largest = 0;
            for (uint32_t token = starts[asked[i]]; token < starts[asked[i] + 1]; token++) {
                uint8_t value = similarities[centroids[token] * width + column];
                if (value > largest) largest = value;
            }
            sum += largest;
        }
        right &= out[i] == sum;
    }
    free(centroids), free(similarities);
    return right;
}

#include <stdlib.h>
#include <string.h>

#include "CKernelsChecks.h"
#include "guarded.h"

/// Bytes without spare room behind them: a sanitizer sees reads beyond their end.
static int8_t *random_bytes(size_t count, bool extreme, uint64_t *seed) {
    int8_t *bytes = malloc(count ? count : 1);
    if (!bytes) abort();
    for (size_t i = 0; i < count; i++) {
        uint64_t bits = random_bits(seed);
        bytes[i] = extreme ? (bits & 7 ? -128 : 127) : (int8_t)((int)(bits & 255) - 128);
    }
    return bytes;
}

bool check_dot_i8(const char *variant, size_t count, size_t dimension, bool extreme, uint64_t seed) {
    int8_t *rows = random_bytes(count * dimension, extreme, &seed);
    int8_t *query = random_bytes(dimension, extreme, &seed);
    // Sums are as wide as the floats of a matrix, whose guard zones are what matters here.
    _Static_assert(sizeof(int32_t) == sizeof(float), "a sum takes the place of a float");
    matrix out = matrix_make(1, count, 1);
    kernels_of(variant)->dot_i8(rows, count, dimension, query, (int32_t *)(void *)out.values);
    bool right = true;
    for (size_t row = 0; row < count; row++) {
        int64_t expected = 0;
        for (size_t i = 0; i < dimension; i++) expected += (int64_t)rows[row * dimension + i] * query[i];
        int32_t sum;
        memcpy(&sum, out.values + row, sizeof sum);
        right &= sum == expected;
    }
    right &= matrix_is_intact(&out);
    matrix_free(&out), free(rows), free(query);
    return right;
}

bool check_dot_i8_row_identity(const char *variant, size_t count, size_t dimension, uint64_t seed) {
    const resift_kernels *kernels = kernels_of(variant);
    int8_t *rows = random_bytes(count * dimension, false, &seed), *query = random_bytes(dimension, false, &seed);
    int32_t *whole = malloc((count ? count : 1) * sizeof *whole);
    if (!whole) abort();
    kernels->dot_i8(rows, count, dimension, query, whole);
    bool identical = true;
    for (size_t row = 0; row < count; row++) {
        int32_t alone;
        kernels->dot_i8(rows + row * dimension, 1, dimension, query, &alone);
        identical &= alone == whole[row];
    }
    free(whole), free(rows), free(query);
    return identical;
}

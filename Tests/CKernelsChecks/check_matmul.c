#include <math.h>
#include <string.h>

#include "CKernelsChecks.h"
#include "guarded.h"

static matrix pack_transposed(const resift_kernels *kernels, const matrix *b_transposed, size_t n, size_t k) {
    matrix packed = matrix_make(1, resift_packed_count(kernels, n, k), 0);
    kernels->pack_transposed(b_transposed->values, b_transposed->stride, n, k, packed.values);
    return packed;
}

static double worst_error(const matrix *a, const matrix *b_transposed, const float *bias, const matrix *c, size_t k) {
    double worst = 0;
    for (size_t row = 0; row < c->rows; row++) {
        for (size_t column = 0; column < c->columns; column++) {
            double sum = bias ? bias[column] : 0, scale = fabs(sum);
            for (size_t i = 0; i < k; i++) {
                double product = (double)matrix_row(a, row)[i] * matrix_row(b_transposed, column)[i];
                sum += product;
                scale += fabs(product);
            }
            double error = fabs(matrix_row(c, row)[column] - sum);
            worst = larger(scale > 0 ? error / scale : error, worst);
        }
    }
    return worst;
}

double check_matmul(const char *variant, size_t m, size_t n, size_t k, uint64_t seed) {
    const resift_kernels *kernels = kernels_of(variant);
    matrix a = matrix_random(m, k, 3, 1, &seed), b = matrix_random(n, k, 2, 1, &seed);
    matrix bias = matrix_random(1, n, 1, 1, &seed), packed = pack_transposed(kernels, &b, n, k);
    double worst = 0;
    bool intact = true;
    for (int with_bias = 0; with_bias < 2; with_bias++) {
        matrix c = matrix_make(m, n, 5);
        const float *bias_values = with_bias ? bias.values : NULL;
        kernels->matmul(a.values, a.stride, packed.values, bias_values, c.values, c.stride, m, n, k);
        intact &= matrix_is_intact(&c);
        worst = larger(worst_error(&a, &b, bias_values, &c, k), worst);
        matrix_free(&c);
    }
    intact &= matrix_is_intact(&packed);
    matrix_free(&a), matrix_free(&b), matrix_free(&bias), matrix_free(&packed);
    return intact ? worst : INFINITY;
}

double check_matmul_limit(size_t k) { return (double)(k + 1) * 0x1p-24; }

bool check_matmul_row_identity(const char *variant, size_t m, size_t n, size_t k, uint64_t seed) {
    const resift_kernels *kernels = kernels_of(variant);
    matrix a = matrix_random(m, k, 1, 1, &seed), b = matrix_random(n, k, 2, 1, &seed);
    matrix bias = matrix_random(1, n, 1, 1, &seed), packed = pack_transposed(kernels, &b, n, k);
    matrix whole = matrix_make(m, n, 5);
    kernels->matmul(a.values, a.stride, packed.values, bias.values, whole.values, whole.stride, m, n, k);
    bool identical = true;
    for (size_t row = 0; row < m; row++) {
        const size_t counts[] = {1, m - row};
        for (size_t i = 0; i < 2; i++) {
            matrix part = matrix_make(counts[i], n, 3);
            kernels->matmul(matrix_row(&a, row), a.stride, packed.values, bias.values, part.values, part.stride,
                            counts[i], n, k);
            identical &= matrix_rows_equal(&whole, row, &part);
            matrix_free(&part);
        }
    }
    matrix_free(&a), matrix_free(&b), matrix_free(&bias), matrix_free(&packed), matrix_free(&whole);
    return identical;
}

bool check_packing(const char *variant, size_t n, size_t k, uint64_t seed) {
    const resift_kernels *kernels = kernels_of(variant);
    size_t width = kernels->panel_width, count = resift_packed_count(kernels, n, k);
    matrix transposed = matrix_random(n, k, 2, 1, &seed), plain = matrix_make(k, n, 3);
    for (size_t row = 0; row < k; row++) {
        for (size_t column = 0; column < n; column++)
            matrix_row(&plain, row)[column] = matrix_row(&transposed, column)[row];
    }
    matrix from_transposed = pack_transposed(kernels, &transposed, n, k), from_plain = matrix_make(1, count, 0);
    kernels->pack(plain.values, plain.stride, k, n, from_plain.values);

    bool right = count == (n + width - 1) / width * width * k;
    for (size_t i = 0; i < count; i++) {
        size_t column = i / (width * k) * width + i % width, row = i / width % k;
        float expected = column < n ? matrix_row(&plain, row)[column] : 0;
        right &= from_plain.values[i] == expected && from_transposed.values[i] == expected;
    }
    right &= matrix_is_intact(&from_plain) && matrix_is_intact(&from_transposed);
    matrix_free(&transposed), matrix_free(&plain), matrix_free(&from_transposed), matrix_free(&from_plain);
    return right;
}

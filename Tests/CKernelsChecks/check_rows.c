#include <float.h>
#include <math.h>
#include <string.h>

#include "CKernelsChecks.h"
#include "guarded.h"

double check_exp(const char *variant) {
    const resift_kernels *kernels = kernels_of(variant);
    double worst = 0;
    for (double x = -103; x < -18; x += 0.00173) {
        // The weights are e^0 and e^x, and their sum rounds to 1: the second one is the exponential itself.
        float row[2] = {0, (float)x};
        double expected = exp(row[1]);
        kernels->softmax(row, 2, 1, 2, 1);
        double unit = expected < FLT_MIN ? FLT_TRUE_MIN : ldexp(1, ilogb(expected) - 23);
        worst = larger(fabs(row[1] - expected) / unit, worst);
    }
    return worst;
}

double check_softmax(const char *variant, size_t rows, size_t columns, float scale, uint64_t seed) {
    const resift_kernels *kernels = kernels_of(variant);
    matrix x = matrix_random(rows, columns, 3, 4 / fabsf(scale), &seed), y = matrix_make(rows, columns, 3);
    matrix_copy(&y, &x);
    kernels->softmax(y.values, y.stride, rows, columns, scale);
    double worst = 0;
    for (size_t row = 0; row < rows; row++) {
        double sum = 0;
        for (size_t i = 0; i < columns; i++) sum += exp((double)scale * matrix_row(&x, row)[i]);
        for (size_t i = 0; i < columns; i++) {
            double expected = exp((double)scale * matrix_row(&x, row)[i]) / sum;
            worst = larger(fabs(matrix_row(&y, row)[i] - expected) / expected, worst);
        }
    }
    if (!matrix_is_intact(&y)) worst = INFINITY;
    matrix_free(&x), matrix_free(&y);
    return worst;
}

static bool all_nan(const float *values, size_t count) {
    for (size_t i = 0; i < count; i++) {
        if (!isnan(values[i])) return false;
    }
    return true;
}

bool check_softmax_special(const char *variant, size_t columns) {
    const resift_kernels *kernels = kernels_of(variant);
    bool right = true;
    for (size_t place = 0; place < columns; place++) {
        matrix x = matrix_make(5, columns, 3);
        for (size_t i = 0; i < columns; i++) {
            matrix_row(&x, 0)[i] = i == place ? 2.5f : -INFINITY;
            matrix_row(&x, 1)[i] = i == place ? NAN : 0;
            matrix_row(&x, 2)[i] = i == place ? -INFINITY : 0;
            matrix_row(&x, 3)[i] = -INFINITY;
            matrix_row(&x, 4)[i] = -1000;
        }
        kernels->softmax(x.values, x.stride, 5, columns, 0.5f);
        right &= all_nan(matrix_row(&x, 1), columns) && all_nan(matrix_row(&x, 3), columns);
        for (size_t i = 0; i < columns; i++) {
            right &= matrix_row(&x, 0)[i] == (i == place ? 1.0f : 0.0f);
            right &= fabs(matrix_row(&x, 4)[i] * (double)columns - 1) <= 1e-6;
            if (columns == 1) continue; // row 2 has no finite logit then
            double expected = i == place ? 0 : 1.0 / (double)(columns - 1);
            right &= fabs(matrix_row(&x, 2)[i] - expected) <= 1e-6 * expected;
        }
        right &= matrix_is_intact(&x);
        matrix_free(&x);
    }
    return right;
}

bool check_softmax_row_identity(const char *variant, size_t rows, size_t columns, uint64_t seed) {
    const resift_kernels *kernels = kernels_of(variant);
    matrix x = matrix_random(rows, columns, 3, 9, &seed), whole = matrix_make(rows, columns, 3);
    matrix_copy(&whole, &x);
    kernels->softmax(whole.values, whole.stride, rows, columns, 0.7f);
    bool identical = true;
    for (size_t row = 0; row < rows; row++) {
        matrix alone = matrix_make(1, columns, 2);
        memcpy(alone.values, matrix_row(&x, row), columns * sizeof(float));
        kernels->softmax(alone.values, alone.stride, 1, columns, 0.7f);
        identical &= matrix_rows_equal(&whole, row, &alone);
        matrix_free(&alone);
    }
    matrix_free(&x), matrix_free(&whole);
    return identical;
}

static double layer_norm_error(const float *x, const float *residual, const float *gamma, const float *beta,
                               double epsilon, const float *out, size_t columns) {
    double sum = 0, squares = 0, worst = 0;
    for (size_t i = 0; i < columns; i++) sum += (double)x[i] + (residual ? residual[i] : 0);
    double mean = sum / (double)columns;
    for (size_t i = 0; i < columns; i++) squares += pow((double)x[i] + (residual ? residual[i] : 0) - mean, 2);
    double deviation = sqrt(squares / (double)columns + epsilon);
    for (size_t i = 0; i < columns; i++) {
        double normal = ((double)x[i] + (residual ? residual[i] : 0) - mean) / deviation;
        double scale = fabs(gamma[i]) * fmax(1, fabs(normal)) + fabs(beta[i]);
        worst = larger(fabs(out[i] - (normal * gamma[i] + beta[i])) / scale, worst);
    }
    return worst;
}

double check_layer_norm(const char *variant, int form, size_t rows, size_t columns, uint64_t seed) {
    const resift_kernels *kernels = kernels_of(variant);
    // Large enough that a narrow row, whose numbers may lie close together, is not all rounding.
    const float epsilon = 1e-2f;
    matrix x = matrix_random(rows, columns, 3, 2, &seed), residual = matrix_random(rows, columns, 2, 2, &seed);
    matrix gamma = matrix_random(1, columns, 1, 1, &seed), beta = matrix_random(1, columns, 1, 1, &seed);
    matrix in = matrix_make(rows, columns, 3), added = matrix_make(rows, columns, 2);
    matrix out = matrix_make(rows, columns, 5);
    matrix_copy(&in, &x), matrix_copy(&added, &residual);
    bool has_residual = form != check_layer_norm_plain;
    matrix *target = form == check_layer_norm_into_x ? &in : form == check_layer_norm_into_residual ? &added : &out;
    kernels->layer_norm(in.values, in.stride, has_residual ? added.values : NULL, added.stride, gamma.values,
                        beta.values, epsilon, target->values, target->stride, rows, columns);
    double worst = 0;
    for (size_t row = 0; row < rows; row++)
        worst = larger(layer_norm_error(matrix_row(&x, row), has_residual ? matrix_row(&residual, row) : NULL,
                                        gamma.values, beta.values, epsilon, matrix_row(target, row), columns),
                       worst);
    if (!matrix_is_intact(target)) worst = INFINITY;
    matrix_free(&x), matrix_free(&residual), matrix_free(&gamma), matrix_free(&beta);
    matrix_free(&in), matrix_free(&added), matrix_free(&out);
    return worst;
}

bool check_layer_norm_row_identity(const char *variant, size_t rows, size_t columns, uint64_t seed) {
    const resift_kernels *kernels = kernels_of(variant);
    matrix x = matrix_random(rows, columns, 3, 2, &seed), residual = matrix_random(rows, columns, 2, 2, &seed);
    matrix gamma = matrix_random(1, columns, 1, 1, &seed), beta = matrix_random(1, columns, 1, 1, &seed);
    matrix whole = matrix_make(rows, columns, 1);
    kernels->layer_norm(x.values, x.stride, residual.values, residual.stride, gamma.values, beta.values, 1e-12f,
                        whole.values, whole.stride, rows, columns);
    bool identical = true;
    for (size_t row = 0; row < rows; row++) {
        matrix alone = matrix_make(1, columns, 2);
        kernels->layer_norm(matrix_row(&x, row), x.stride, matrix_row(&residual, row), residual.stride, gamma.values,
                            beta.values, 1e-12f, alone.values, alone.stride, 1, columns);
        identical &= matrix_rows_equal(&whole, row, &alone);
        matrix_free(&alone);
    }
    matrix_free(&x), matrix_free(&residual), matrix_free(&gamma), matrix_free(&beta), matrix_free(&whole);
    return identical;
}

static double rms_norm_error(const float *x, const float *gamma, double epsilon, const float *out, size_t columns) {
    double squares = 0, worst = 0;
    for (size_t i = 0; i < columns; i++) squares += (double)x[i] * x[i];
    double root = sqrt(squares / (double)columns + epsilon);
    for (size_t i = 0; i < columns; i++) {
        double normal = x[i] / root;
        worst = larger(fabs(out[i] - normal * gamma[i]) / (fabs(gamma[i]) * fmax(1, fabs(normal))), worst);
    }
    return worst;
}

double check_rms_norm(const char *variant, size_t rows, size_t columns, uint64_t seed) {
    const resift_kernels *kernels = kernels_of(variant);
    const float epsilon = 1e-3f;
    matrix x = matrix_random(rows, columns, 3, 2, &seed), gamma = matrix_random(1, columns, 1, 1, &seed);
    matrix out = matrix_make(rows, columns, 5), in_place = matrix_make(rows, columns, 2);
    matrix_copy(&in_place, &x);
    kernels->rms_norm(x.values, x.stride, gamma.values, epsilon, out.values, out.stride, rows, columns);
    kernels->rms_norm(in_place.values, in_place.stride, gamma.values, epsilon, in_place.values, in_place.stride, rows,
                      columns);
    double worst = 0;
    for (size_t row = 0; row < rows; row++) {
        const float *values = matrix_row(&x, row);
        worst = larger(rms_norm_error(values, gamma.values, epsilon, matrix_row(&out, row), columns), worst);
        worst = larger(rms_norm_error(values, gamma.values, epsilon, matrix_row(&in_place, row), columns), worst);
    }
    if (!matrix_is_intact(&out) || !matrix_is_intact(&in_place)) worst = INFINITY;
    matrix_free(&x), matrix_free(&gamma), matrix_free(&out), matrix_free(&in_place);
    return worst;
}

bool check_rms_norm_row_identity(const char *variant, size_t rows, size_t columns, uint64_t seed) {
    const resift_kernels *kernels = kernels_of(variant);
    matrix x = matrix_random(rows, columns, 3, 2, &seed), gamma = matrix_random(1, columns, 1, 1, &seed);
    matrix whole = matrix_make(rows, columns, 1);
    kernels->rms_norm(x.values, x.stride, gamma.values, 1e-6f, whole.values, whole.stride, rows, columns);
    bool identical = true;
    for (size_t row = 0; row < rows; row++) {
        matrix alone = matrix_make(1, columns, 2);
        kernels->rms_norm(matrix_row(&x, row), x.stride, gamma.values, 1e-6f, alone.values, alone.stride, 1, columns);
        identical &= matrix_rows_equal(&whole, row, &alone);
        matrix_free(&alone);
    }
    matrix_free(&x), matrix_free(&gamma), matrix_free(&whole);
    return identical;
}

double check_rotate(const char *variant, size_t heads, size_t half, uint64_t seed) {
    matrix x = matrix_random(1, heads * 2 * half, 3, 1, &seed), y = matrix_make(1, heads * 2 * half, 3);
    matrix angles = matrix_random(1, half, 1, 3, &seed);
    matrix cosines = matrix_make(1, half, 1), sines = matrix_make(1, half, 1);
    for (size_t i = 0; i < half; i++) {
        cosines.values[i] = cosf(angles.values[i]);
        sines.values[i] = sinf(angles.values[i]);
    }
    matrix_copy(&y, &x);
    kernels_of(variant)->rotate(y.values, heads, half, cosines.values, sines.values);
    double worst = 0;
    for (size_t head = 0; head < heads; head++) {
        const float *in = x.values + head * 2 * half, *out = y.values + head * 2 * half;
        for (size_t i = 0; i < half; i++) {
            double cosine = cosines.values[i], sine = sines.values[i];
            worst = larger(fabs(out[i] - (in[i] * cosine - in[half + i] * sine)), worst);
            worst = larger(fabs(out[half + i] - (in[half + i] * cosine + in[i] * sine)), worst);
        }
    }
    if (!matrix_is_intact(&y)) worst = INFINITY;
    matrix_free(&x), matrix_free(&y), matrix_free(&angles), matrix_free(&cosines), matrix_free(&sines);
    return worst;
}

#include <float.h>
#include <math.h>
#include <string.h>

#include "CKernelsChecks.h"
#include "guarded.h"

typedef void elementwise(float *x, size_t count);

static double gelu_reference(double x) { return 0.5 * x * (1 + erf(x / sqrt(2.0))); }

static double gelu_tanh_reference(double x) {
    return 0.5 * x * (1 + tanh(sqrt(2 / acos(-1.0)) * (x + 0.044715 * x * x * x)));
}

static double silu_reference(double x) { return x / (1 + exp(-x)); }

static double worst_error(elementwise *kernel, double (*reference)(double), double low, double high, size_t count) {
    matrix x = matrix_make(1, count, 1), y = matrix_make(1, count, 1);
    for (size_t i = 0; i < count; i++) x.values[i] = (float)(low + (high - low) * (double)i / (double)(count - 1));
    matrix_copy(&y, &x);
    kernel(y.values, count);
    double worst = 0;
    for (size_t i = 0; i < count; i++) {
        double argument = x.values[i];
        worst = larger(fabs(y.values[i] - reference(argument)) / fmax(1, fabs(argument)), worst);
    }
    if (!matrix_is_intact(&y)) worst = INFINITY;
    matrix_free(&x), matrix_free(&y);
    return worst;
}

double check_gelu(const char *variant, double low, double high, size_t count) {
    return worst_error(kernels_of(variant)->gelu, gelu_reference, low, high, count);
}

double check_gelu_tanh(const char *variant, double low, double high, size_t count) {
    return worst_error(kernels_of(variant)->gelu_tanh, gelu_tanh_reference, low, high, count);
}

double check_silu(const char *variant, double low, double high, size_t count) {
    return worst_error(kernels_of(variant)->silu, silu_reference, low, high, count);
}

static float at(elementwise *kernel, float x) {
    kernel(&x, 1);
    return x;
}

static bool extremes_are_right(elementwise *kernel) {
    bool right = isnan(at(kernel, NAN)) && at(kernel, INFINITY) == INFINITY && at(kernel, -INFINITY) == 0;
    right &= at(kernel, 0) == 0 && at(kernel, -0.0f) == 0;
    for (float x = 128; x < INFINITY; x *= 16) {
        right &= at(kernel, x) == x;
        right &= fabsf(at(kernel, -x)) < 1e-30f;
    }
    right &= at(kernel, FLT_MAX) == FLT_MAX && fabsf(at(kernel, -FLT_MAX)) < 1e-30f;
    // Near 0 each of them is x / 2; the smallest numbers may round either way.
    for (float x = 1e-6f; x > 0; x /= 16) {
        right &= fabsf(at(kernel, x) - x / 2) <= x * 1e-5f + FLT_TRUE_MIN;
        right &= fabsf(at(kernel, -x) + x / 2) <= x * 1e-5f + FLT_TRUE_MIN;
    }
    return right;
}

bool check_gelu_extremes(const char *variant) {
    const resift_kernels *kernels = kernels_of(variant);
    return extremes_are_right(kernels->gelu) && extremes_are_right(kernels->gelu_tanh) &&
           extremes_are_right(kernels->silu);
}

static bool is_identical_alone(elementwise *kernel, const matrix *x) {
    matrix together = matrix_make(1, x->columns, 1);
    matrix_copy(&together, x);
    kernel(together.values, x->columns);
    bool identical = matrix_is_intact(&together);
    for (size_t i = 0; i < x->columns; i++) {
        float alone = at(kernel, x->values[i]);
        identical &= memcmp(&alone, together.values + i, sizeof alone) == 0;
    }
    matrix_free(&together);
    return identical;
}

bool check_elementwise_identity(const char *variant, size_t count, uint64_t seed) {
    const resift_kernels *kernels = kernels_of(variant);
    matrix x = matrix_random(1, count, 1, 6, &seed), y = matrix_random(1, count, 1, 6, &seed);
    bool identical = is_identical_alone(kernels->gelu, &x) && is_identical_alone(kernels->gelu_tanh, &x) &&
                     is_identical_alone(kernels->silu, &x);
    matrix sum = matrix_make(1, count, 1), product = matrix_make(1, count, 1);
    matrix_copy(&sum, &x), matrix_copy(&product, &x);
    kernels->add(sum.values, y.values, count);
    kernels->multiply(product.values, y.values, count);
    for (size_t i = 0; i < count; i++) {
        identical &= sum.values[i] == x.values[i] + y.values[i];
        identical &= product.values[i] == x.values[i] * y.values[i];
    }
    identical &= matrix_is_intact(&sum) && matrix_is_intact(&product);
    matrix_free(&x), matrix_free(&y), matrix_free(&sum), matrix_free(&product);
    return identical;
}

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "CKernelsChecks.h"
#include "guarded.h"

/// Rows of bytes with their scales, and a weight packed for one way. Blocks end where their allocations do: a
/// sanitizer sees reads beyond.
typedef struct problem {
    const resift_int8_product *product;
    size_t m, stride;
    uint8_t *a;
    resift_row_scale *a_scales;
    int8_t *weights, *panels;
    int32_t *sums;
    float *scales, *bias;
    resift_int8_matrix b;
} problem;

static void *zeroed(size_t bytes) {
    size_t count = (bytes + 63) / 64 * 64 + 64;
    void *block = aligned_alloc(64, count);
    if (!block) abort();
    return memset(block, 0, count);
}

static float random_float(uint64_t *seed) { return (float)(random_bits(seed) % 2001) / 1000 - 1; }

static problem problem_make(size_t way, size_t m, size_t n, size_t k, bool extreme, uint64_t seed) {
    const resift_kernels *kernels;
    problem p = {.product = resift_int8_at(way, &kernels), .m = m};
    size_t width = p.product->panel_width, outputs = (n + width - 1) / width * width;
    p.stride = (k + RESIFT_OPERAND_STEP - 1) / RESIFT_OPERAND_STEP * RESIFT_OPERAND_STEP;
    p.a = malloc(m * p.stride + 1);
    p.a_scales = malloc((m + 1) * sizeof *p.a_scales);
    p.weights = malloc(n * k + 1);
    p.panels = zeroed(resift_int8_panel_bytes(p.product, n, k));
    p.sums = zeroed(outputs * sizeof *p.sums);
    p.scales = zeroed(outputs * sizeof *p.scales);
    p.bias = zeroed(outputs * sizeof *p.bias);
    if (!p.a || !p.a_scales || !p.weights) abort();
    // Bytes that fill a row up have weight 0: any value will do.
    for (size_t i = 0; i < m * p.stride; i++) p.a[i] = extreme ? 255 : (uint8_t)random_bits(&seed);
    for (size_t i = 0; i < m; i++) {
        int32_t zero = extreme ? (i % 2 ? 255 : 0) : (int32_t)(random_bits(&seed) % 256);
        p.a_scales[i] = (resift_row_scale){fabsf(random_float(&seed)) + 0.01f, zero};
    }
    for (size_t i = 0; i < n * k; i++) p.weights[i] = extreme ? -128 : (int8_t)((int)(random_bits(&seed) % 256) - 128);
    for (size_t i = 0; i < n; i++) {
        p.scales[i] = random_float(&seed);
        p.bias[i] = 100 * random_float(&seed);
        p.sums[i] = resift_int8_pack(p.product, p.weights + i * k, k, i, p.panels);
    }
    p.b = (resift_int8_matrix){.n = n, .k = k, .panels = p.panels, .sums = p.sums, .scales = p.scales, .bias = p.bias};
    return p;
}

static void problem_free(problem *p) {
    free(p->a), free(p->a_scales), free(p->weights), free(p->panels), free(p->sums), free(p->scales), free(p->bias);
}

static matrix multiply(const problem *p, size_t first, size_t rows) {
    matrix c = matrix_make(rows, p->b.n, 3);
    p->product->matmul(p->a + first * p->stride, p->stride, p->a_scales + first, &p->b, c.values, c.stride, rows);
    return c;
}

double check_int8_product(size_t way, size_t m, size_t n, size_t k, bool extreme, uint64_t seed) {
    problem p = problem_make(way, m, n, k, extreme, seed);
    matrix c = multiply(&p, 0, m);
    double worst = 0;
    for (size_t row = 0; row < m; row++) {
        for (size_t output = 0; output < n; output++) {
            int64_t sum = 0;
            for (size_t i = 0; i < k; i++)
                sum += ((int64_t)p.a[row * p.stride + i] - p.a_scales[row].zero) * p.weights[output * k + i];
            double product = (double)sum * p.a_scales[row].scale * p.scales[output];
            double error = fabs(matrix_row(&c, row)[output] - (product + p.bias[output]));
            worst = larger(error / (fabs(product) + fabs((double)p.bias[output]) + 1e-30), worst);
        }
    }
    if (!matrix_is_intact(&c)) worst = INFINITY;
    matrix_free(&c), problem_free(&p);
    return worst;
}

bool check_int8_row_identity(size_t way, size_t m, size_t n, size_t k, uint64_t seed) {
    problem p = problem_make(way, m, n, k, false, seed);
    matrix whole = multiply(&p, 0, m);
    bool identical = true;
    for (size_t row = 0; row < m; row++) {
        matrix alone = multiply(&p, row, 1), rest = multiply(&p, row, m - row);
        identical &= matrix_rows_equal(&whole, row, &alone) && matrix_rows_equal(&whole, row, &rest);
        matrix_free(&alone), matrix_free(&rest);
    }
    matrix_free(&whole), problem_free(&p);
    return identical;
}

typedef struct bytes {
    uint8_t *values;
    resift_row_scale *scales;
    size_t stride;
} bytes;

enum { guard_byte = 0x5a };

static bytes bytes_make(size_t rows, size_t columns) {
    size_t stride = (columns + RESIFT_OPERAND_STEP - 1) / RESIFT_OPERAND_STEP * RESIFT_OPERAND_STEP + 1;
    bytes b = {malloc(rows * stride + 1), malloc((rows + 1) * sizeof(resift_row_scale)), stride};
    if (!b.values || !b.scales) abort();
    memset(b.values, guard_byte, rows * stride + 1);
    return b;
}

static void bytes_free(bytes *b) { free(b->values), free(b->scales); }

/// One gap byte after each row, and zeros between its numbers and the gap.
static bool bytes_are_whole(const bytes *b, size_t rows, size_t columns) {
    for (size_t row = 0; row < rows; row++) {
        for (size_t i = columns; i + 1 < b->stride; i++) {
            if (b->values[row * b->stride + i] != 0) return false;
        }
        if (b->values[row * b->stride + b->stride - 1] != guard_byte) return false;
    }
    return true;
}

bool check_quantize(const char *variant, size_t rows, size_t columns, float amplitude, uint64_t seed) {
    matrix x = matrix_random(rows, columns, 1, amplitude, &seed);
    // One row each of zeros, of numbers without a negative, and with a NaN or an infinity in it.
    for (size_t i = 0; i < columns; i++) {
        if (rows > 1) matrix_row(&x, 1)[i] = 0;
        if (rows > 2) matrix_row(&x, 2)[i] = fabsf(matrix_row(&x, 2)[i]) + 1;
    }
    if (rows > 3) matrix_row(&x, 3)[columns / 2] = seed % 2 ? NAN : -INFINITY;
    bytes out = bytes_make(rows, columns), expected = bytes_make(rows, columns);
    kernels_of(variant)->quantize(x.values, x.stride, out.values, out.stride, out.scales, rows, columns);
    kernels_of("scalar")->quantize(x.values, x.stride, expected.values, out.stride, expected.scales, rows, columns);
    bool right = bytes_are_whole(&out, rows, columns);
    right &= memcmp(out.values, expected.values, rows * out.stride) == 0;
    for (size_t row = 0; row < rows; row++) {
        resift_row_scale scale = out.scales[row];
        if (row == 3) {
            right &= isnan(scale.scale) && scale.zero == 0;
            continue;
        }
        right &= memcmp(&scale, expected.scales + row, sizeof scale) == 0 && scale.zero >= 0 && scale.zero <= 255;
        for (size_t i = 0; i < columns; i++) {
            double value = (double)scale.scale * (out.values[row * out.stride + i] - scale.zero);
            // Both the number and the zero are rounded to a whole step.
            right &= fabs(value - matrix_row(&x, row)[i]) <= 1.001 * scale.scale;
        }
    }
    right &= matrix_is_intact(&x);
    bytes_free(&out), bytes_free(&expected), matrix_free(&x);
    return right;
}

static double exact_gelu(double x, bool tanh_form) {
    if (tanh_form) return x / 2 * (1 + tanh(0.79788456080286535588 * (x + 0.044715 * x * x * x)));
    return x / 2 * erfc(-x * 0.70710678118654752440);
}

double check_gelu_quantize(const char *variant, bool tanh_form, size_t rows, size_t columns, float amplitude,
                           uint64_t seed) {
    matrix x = matrix_random(rows, columns, 1, amplitude, &seed), original = matrix_make(rows, columns, 0);
    matrix_copy(&original, &x);
    bytes out = bytes_make(rows, columns);
    kernels_of(variant)->gelu_quantize(x.values, x.stride, tanh_form, out.values, out.stride, out.scales, rows,
                                       columns);
    double worst = 0;
    for (size_t row = 0; row < rows; row++) {
        for (size_t i = 0; i < columns; i++) {
            double value = matrix_row(&original, row)[i], gelu = exact_gelu(value, tanh_form);
            double approximate = matrix_row(&x, row)[i], scale = out.scales[row].scale;
            double byte = scale * (out.values[row * out.stride + i] - out.scales[row].zero);
            worst = larger(fabs(approximate - gelu) / fmax(1, fabs(value)), worst);
            if (!(fabs(byte - approximate) <= 1.001 * scale)) worst = INFINITY;
        }
    }
    if (!bytes_are_whole(&out, rows, columns) || !matrix_is_intact(&x)) worst = INFINITY;
    bytes_free(&out), matrix_free(&x), matrix_free(&original);
    return worst;
}

bool check_quantize_weights(size_t k, uint64_t seed) {
    matrix weights = matrix_random(1, k, 1, 0.3f, &seed);
    int8_t *integers = malloc(k + 1);
    if (!integers) abort();
    integers[k] = guard_byte;
    float scale = resift_quantize_weights(weights.values, k, integers);
    bool right = integers[k] == guard_byte, reaches_end = k == 0;
    double error = 0, error_without_cutting = 0;
    float largest = 0;
    for (size_t i = 0; i < k; i++) largest = fmaxf(largest, fabsf(weights.values[i]));
    for (size_t i = 0; i < k; i++) {
        double difference = fabs((double)scale * integers[i] - weights.values[i]);
        bool is_cut = fabs(weights.values[i]) > 127.5 * scale;
        right &= (is_cut ? abs(integers[i]) == 127 : difference <= 0.5001 * scale) && integers[i] >= -127;
        reaches_end |= abs(integers[i]) == 127;
        error += difference * difference;
        double step = largest / 127.0;
        double uncut = weights.values[i] - step * rint(weights.values[i] / step);
        error_without_cutting += k == 0 || largest == 0 ? 0 : uncut * uncut;
    }
    right &= error <= error_without_cutting * 1.0001 + 1e-9 * (double)scale * scale * (double)k;
    // Rounded again, they are the same.
    int8_t *again = malloc(k + 1);
    if (!again) abort();
    for (size_t i = 0; i < k; i++) weights.values[i] = scale * integers[i];
    float same = resift_quantize_weights(weights.values, k, again);
    right &= fabsf(same - scale) <= 1e-6f * scale;
    for (size_t i = 0; i < k; i++) right &= again[i] == integers[i];
    free(again);
    for (size_t i = 0; i < k; i++) weights.values[i] = 0;
    right &= resift_quantize_weights(weights.values, k, integers) == 0;
    for (size_t i = 0; i < k; i++) right &= integers[i] == 0;
    free(integers), matrix_free(&weights);
    return right && reaches_end;
}

// The reference, and the fallback for CPUs without a faster variant. Every sum is kept in double precision and every
// function is the one of libm, so that the tests can measure the other variants against it.

#include <math.h>

#include "internal.h"

enum { panel_width = 8 };

static void pack_transposed(const float *b_transposed, size_t ldb, size_t n, size_t k, float *packed) {
    resift_pack_panels_transposed(b_transposed, ldb, n, k, panel_width, packed);
}

static void pack(const float *b, size_t ldb, size_t k, size_t n, float *packed) {
    resift_pack_panels(b, ldb, k, n, panel_width, packed);
}

static void matmul(const float *a, size_t lda, const float *packed_b, const float *bias, float *c, size_t ldc,
                   size_t m, size_t n, size_t k) {
    for (size_t first = 0; first < n; first += panel_width) {
        const float *panel = packed_b + first * k;
        size_t columns = resift_min(panel_width, n - first);
        for (size_t row = 0; row < m; row++) {
            double sum[panel_width] = {0};
            for (size_t i = 0; i < k; i++) {
                double factor = a[row * lda + i];
                for (size_t j = 0; j < panel_width; j++) sum[j] += factor * panel[i * panel_width + j];
            }
            for (size_t j = 0; j < columns; j++)
                c[row * ldc + first + j] = (float)(sum[j] + (bias ? bias[first + j] : 0));
        }
    }
}

static void max_dot(const float *rows, size_t ldr, size_t count, const float *packed, size_t n, size_t k,
                    float *maxima) {
    for (size_t i = 0; i < n; i++) {
        const float *query = packed + i / panel_width * panel_width * k + i % panel_width;
        maxima[i] = -INFINITY;
        for (size_t row = 0; row < count; row++) {
            double sum = 0;
            for (size_t step = 0; step < k; step++) sum += (double)rows[row * ldr + step] * query[step * panel_width];
            maxima[i] = fmaxf(maxima[i], (float)sum);
        }
    }
}

static void add(float *x, const float *y, size_t count) {
    for (size_t i = 0; i < count; i++) x[i] += y[i];
}

static void gelu(float *x, size_t count) {
    const double sqrt_half = 0.70710678118654752440;
    for (size_t i = 0; i < count; i++) {
        double value = x[i];
        // 1 + erf(z) = erfc(-z), without cancellation where z is negative. The formula is -inf * 0 at -inf; its
        // limit is 0.
        x[i] = value == -INFINITY ? 0.0f : (float)(0.5 * value * erfc(-value * sqrt_half));
    }
}

static void gelu_tanh(float *x, size_t count) {
    const double sqrt_2_over_pi = 0.79788456080286535588;
    for (size_t i = 0; i < count; i++) {
        double value = x[i];
        double argument = sqrt_2_over_pi * (value + 0.044715 * value * value * value);
        // (1 + tanh u) / 2 = 1 / (1 + exp(-2u)), without cancellation where u is negative.
        x[i] = value == -INFINITY ? 0.0f : (float)(value / (1 + exp(-2 * argument)));
    }
}

static void silu(float *x, size_t count) {
    // The formula is -inf / inf at -inf; its limit is 0.
    for (size_t i = 0; i < count; i++) x[i] = x[i] == -INFINITY ? 0.0f : (float)(x[i] / (1 + exp(-(double)x[i])));
}

static void multiply(float *x, const float *y, size_t count) {
    for (size_t i = 0; i < count; i++) x[i] *= y[i];
}

static void rotate(float *x, size_t heads, size_t half, const float *cosines, const float *sines) {
    for (size_t head = 0; head < heads; head++) {
        float *first = x + 2 * half * head, *second = first + half;
        for (size_t i = 0; i < half; i++) {
            double a = first[i], b = second[i];
            first[i] = (float)(a * cosines[i] - b * sines[i]);
            second[i] = (float)(a * sines[i] + b * cosines[i]);
        }
    }
}

static void softmax(float *x, size_t ldx, size_t rows, size_t columns, float scale) {
    for (size_t row = 0; row < rows; row++) {
        float *values = x + row * ldx;
        double largest = -INFINITY;
        for (size_t i = 0; i < columns; i++) largest = fmax(largest, (double)scale * values[i]);
        double sum = 0;
        for (size_t i = 0; i < columns; i++) sum += exp((double)scale * values[i] - largest);
        for (size_t i = 0; i < columns; i++)
            values[i] = (float)(exp((double)scale * values[i] - largest) / sum);
    }
}

static void layer_norm(const float *x, size_t ldx, const float *residual, size_t ldr, const float *gamma,
                       const float *beta, float epsilon, float *out, size_t ldo, size_t rows, size_t columns) {
    for (size_t row = 0; row < rows; row++) {
        const float *xs = x + row * ldx;
        const float *residuals = residual ? residual + row * ldr : NULL;
        double sum = 0;
        for (size_t i = 0; i < columns; i++) sum += (double)xs[i] + (residuals ? residuals[i] : 0);
        double mean = sum / (double)columns;
        double squares = 0;
        for (size_t i = 0; i < columns; i++) {
            double centred = (double)xs[i] + (residuals ? residuals[i] : 0) - mean;
            squares += centred * centred;
        }
        double factor = 1 / sqrt(squares / (double)columns + epsilon);
        for (size_t i = 0; i < columns; i++) {
            double centred = (double)xs[i] + (residuals ? residuals[i] : 0) - mean;
            out[row * ldo + i] = (float)(centred * factor * gamma[i] + beta[i]);
        }
    }
}

static void rms_norm(const float *x, size_t ldx, const float *gamma, float epsilon, float *out, size_t ldo, size_t rows,
                     size_t columns) {
    for (size_t row = 0; row < rows; row++) {
        double squares = 0;
        for (size_t i = 0; i < columns; i++) squares += (double)x[row * ldx + i] * x[row * ldx + i];
        double factor = 1 / sqrt(squares / (double)columns + epsilon);
        for (size_t i = 0; i < columns; i++) out[row * ldo + i] = (float)(x[row * ldx + i] * factor * gamma[i]);
    }
}

static void quantize(const float *x, size_t ldx, uint8_t *out, size_t ldo, resift_row_scale *scales, size_t rows,
                     size_t columns) {
    for (size_t row = 0; row < rows; row++) {
        const float *values = x + row * ldx;
        uint8_t *bytes = out + row * ldo;
        memset(bytes, 0, resift_operand_width(columns));
        if (!resift_all_finite(values, columns)) {
            scales[row] = (resift_row_scale){NAN, 0};
            continue;
        }
        float low = 0, high = 0;
        for (size_t i = 0; i < columns; i++) {
            low = fminf(low, values[i]);
            high = fmaxf(high, values[i]);
        }
        // Single precision and these very steps, because all variants give the same bytes.
        float span = fmaxf(high - low, 1e-30f);
        float inverse = 255 / span;
        float zero = rintf(-low * inverse);
        scales[row] = (resift_row_scale){span / 255, (int32_t)zero};
        for (size_t i = 0; i < columns; i++) {
            float steps = values[i] * inverse;
            bytes[i] = (uint8_t)fminf(rintf(steps) + zero, 255);
        }
    }
}

static void gelu_rows(float *x, size_t ldx, bool tanh_form, size_t rows, size_t columns) {
    for (size_t row = 0; row < rows; row++) (tanh_form ? gelu_tanh : gelu)(x + row * ldx, columns);
}

static void gelu_quantize(float *x, size_t ldx, bool tanh_form, uint8_t *out, size_t ldo, resift_row_scale *scales,
                          size_t rows, size_t columns) {
    gelu_rows(x, ldx, tanh_form, rows, columns);
    quantize(x, ldx, out, ldo, scales, rows, columns);
}

static void round_bf16(const float *x, size_t ldx, uint16_t *out, size_t ldo, size_t rows, size_t columns) {
    for (size_t row = 0; row < rows; row++) {
        for (size_t i = 0; i < columns; i++) out[row * ldo + i] = resift_bf16_of(x[row * ldx + i]);
        for (size_t i = columns; i < resift_operand_width(columns); i++) out[row * ldo + i] = 0;
    }
}

static void gelu_bf16(float *x, size_t ldx, bool tanh_form, uint16_t *out, size_t ldo, size_t rows, size_t columns) {
    gelu_rows(x, ldx, tanh_form, rows, columns);
    round_bf16(x, ldx, out, ldo, rows, columns);
}

static void int8_matmul(const uint8_t *a, size_t lda, const resift_row_scale *a_scales, const resift_int8_matrix *b,
                        float *c, size_t ldc, size_t m) {
    size_t steps = (b->k + 3) / 4;
    for (size_t row = 0; row < m; row++) {
        for (size_t n = 0; n < b->n; n++) {
            const int8_t *panel = b->panels + n / panel_width * steps * panel_width * 4;
            int32_t sum = 0;
            for (size_t i = 0; i < b->k; i++) {
                int32_t weight = panel[(i / 4 * panel_width + n % panel_width) * 4 + i % 4];
                sum += (a[row * lda + i] - a_scales[row].zero) * weight;
            }
            c[row * ldc + n] = (float)((double)sum * a_scales[row].scale * b->scales[n] + b->bias[n]);
        }
    }
}

static void int8_max_dot(const uint8_t *rows, size_t ldr, const resift_row_scale *scales, const resift_int8_matrix *b,
                         float *maxima, size_t count) {
    size_t steps = (b->k + 3) / 4;
    for (size_t n = 0; n < b->n; n++) {
        const int8_t *panel = b->panels + n / panel_width * steps * panel_width * 4;
        double largest = -INFINITY;
        for (size_t row = 0; row < count; row++) {
            int32_t sum = 0;
            for (size_t i = 0; i < b->k; i++) {
                int32_t weight = panel[(i / 4 * panel_width + n % panel_width) * 4 + i % 4];
                sum += (rows[row * ldr + i] - scales[row].zero) * weight;
            }
            largest = fmax(largest, (double)sum * scales[row].scale);
        }
        maxima[n] = (float)(largest * b->scales[n]);
    }
}

const resift_int8_product resift_int8_scalar = {
    .name = "scalar", .panel_width = panel_width, .matmul = int8_matmul, .max_dot = int8_max_dot};

static void bf16_matmul(const uint16_t *a, size_t lda, const uint16_t *panels, const float *bias, float *c, size_t ldc,
                        size_t m, size_t n, size_t k) {
    size_t steps = (k + 1) / 2;
    for (size_t row = 0; row < m; row++) {
        for (size_t column = 0; column < n; column++) {
            const uint16_t *panel = panels + column / panel_width * steps * panel_width * 2;
            double sum = bias[column];
            for (size_t i = 0; i < k; i++) {
                float factors[2];
                resift_convert_bf16(a + row * lda + i, factors, 1);
                resift_convert_bf16(panel + (i / 2 * panel_width + column % panel_width) * 2 + i % 2, factors + 1, 1);
                sum += (double)factors[0] * factors[1];
            }
            c[row * ldc + column] = (float)sum;
        }
    }
}

static void bf16_max_dot(const uint16_t *rows, size_t ldr, const uint16_t *panels, float *maxima, size_t count, size_t n,
                         size_t k) {
    const float no_bias[panel_width] = {0};
    for (size_t first = 0; first < n; first += panel_width) {
        const uint16_t *panel = panels + first * ((k + 1) / 2) * 2;
        size_t columns = resift_min(panel_width, n - first);
        for (size_t j = 0; j < columns; j++) maxima[first + j] = -INFINITY;
        for (size_t row = 0; row < count; row++) {
            float products[panel_width];
            bf16_matmul(rows + row * ldr, ldr, panel, no_bias, products, panel_width, 1, columns, k);
            for (size_t j = 0; j < columns; j++) maxima[first + j] = fmaxf(maxima[first + j], products[j]);
        }
    }
}

const resift_bf16_product resift_bf16_scalar = {
    .name = "scalar", .panel_width = panel_width, .matmul = bf16_matmul, .max_dot = bf16_max_dot};

static void convert_f16(const uint16_t *source, float *destination, size_t count) {
    for (size_t i = 0; i < count; i++) destination[i] = resift_half_to_float(source[i]);
}

static void dot_i8(const int8_t *rows, size_t count, size_t dimension, const int8_t *query, int32_t *out) {
    for (size_t row = 0; row < count; row++) {
        int32_t sum = 0;
        for (size_t i = 0; i < dimension; i++) sum += (int32_t)rows[row * dimension + i] * query[i];
        out[row] = sum;
    }
}

const resift_kernels resift_kernels_scalar = {
    .name = "scalar",
    .panel_width = panel_width,
    .pack_transposed = pack_transposed,
    .pack = pack,
    .matmul = matmul,
    .max_dot = max_dot,
    .add = add,
    .gelu = gelu,
    .gelu_tanh = gelu_tanh,
    .silu = silu,
    .multiply = multiply,
    .softmax = softmax,
    .layer_norm = layer_norm,
    .rms_norm = rms_norm,
    .rotate = rotate,
    .quantize = quantize,
    .gelu_quantize = gelu_quantize,
    .round_bf16 = round_bf16,
    .gelu_bf16 = gelu_bf16,
    .convert_f16 = convert_f16,
    .dot_i8 = dot_i8,
};

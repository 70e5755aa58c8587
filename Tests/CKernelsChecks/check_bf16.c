#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "CKernelsChecks.h"
#include "guarded.h"

/// Rows of bfloat16, where row i starts at values + i * stride.
typedef struct halves {
    uint16_t *values;
    size_t rows, columns, stride;
} halves;

enum { guard_half = 0x7fa5 }; // a NaN: reading it shows in the result

static void *zeroed(size_t bytes) {
    size_t count = (bytes + 63) / 64 * 64 + 64;
    void *block = aligned_alloc(64, count);
    if (!block) abort();
    return memset(block, 0, count);
}

static halves halves_make(size_t rows, size_t columns, size_t gap) {
    size_t width = (columns + RESIFT_OPERAND_STEP - 1) / RESIFT_OPERAND_STEP * RESIFT_OPERAND_STEP;
    halves h = {NULL, rows, columns, width + gap};
    h.values = malloc((rows * h.stride + 1) * sizeof *h.values);
    if (!h.values) abort();
    for (size_t i = 0; i < rows * h.stride + 1; i++) h.values[i] = guard_half;
    return h;
}

static uint16_t *halves_row(const halves *h, size_t row) { return h->values + row * h->stride; }

static double value_of(uint16_t half) {
    float value;
    resift_convert_bf16(&half, &value, 1);
    return value;
}

/// Filled up with zeros as `round_bf16` does where `filled`, else with the guard.
static halves halves_random(size_t rows, size_t columns, size_t gap, bool filled, uint64_t *seed) {
    halves h = halves_make(rows, columns, gap);
    matrix x = matrix_random(rows, columns, 0, 1, seed);
    for (size_t row = 0; row < rows; row++) {
        uint16_t rounded[4096];
        kernels_of("scalar")->round_bf16(matrix_row(&x, row), 0, rounded, 0, 1, columns);
        size_t count = filled ? (columns + RESIFT_OPERAND_STEP - 1) / RESIFT_OPERAND_STEP * RESIFT_OPERAND_STEP : columns;
        memcpy(halves_row(&h, row), rounded, count * sizeof *rounded);
    }
    matrix_free(&x);
    return h;
}

bool check_round_bf16(const char *variant, size_t columns, uint64_t seed) {
    matrix x = matrix_random(2, columns, 1, 1, &seed);
    // Ties, NaNs with their mark in the lower half alone, infinities, the largest numbers, denormals.
    const uint32_t special[] = {0x3f808000, 0x3f818000, 0x3f818001, 0x7f800001, 0xff800000,
                                0x7f7fffff, 0x00000001, 0x80008000, 0x7fc00000, 0x3f80ffff};
    for (size_t i = 0; i < columns; i++) {
        uint64_t bits = random_bits(&seed);
        uint32_t pattern = bits & 1 ? special[(bits >> 1) % 10] : (uint32_t)(bits >> 32);
        memcpy(matrix_row(&x, 0) + i, &pattern, sizeof pattern);
    }
    halves out = halves_make(2, columns, 1);
    kernels_of(variant)->round_bf16(x.values, x.stride, out.values, out.stride, 2, columns);
    bool right = matrix_is_intact(&x);
    for (size_t row = 0; row < 2; row++) {
        for (size_t i = 0; i < columns; i++) {
            double value = matrix_row(&x, row)[i];
            uint16_t half = halves_row(&out, row)[i];
            if (isnan(value) || isinf(value)) {
                right &= isnan(value) ? isnan(value_of(half)) : value_of(half) == value;
                continue;
            }
            // No neighbour is nearer, and of two as near this is the even one. (Beyond the largest comes 2^128.)
            double error = fabs((isinf(value_of(half)) ? copysign(0x1p128, value) : value_of(half)) - value);
            for (int step = -1; step <= 1; step += 2) {
                if ((half & 0x7fff) == 0 && step < 0) continue;
                double neighbour = value_of((uint16_t)(half + step));
                if (isnan(neighbour)) continue;
                if (isinf(neighbour)) neighbour = copysign(0x1p128, value);
                double other = fabs(neighbour - value);
                right &= error < other || (error == other && half % 2 == 0);
            }
        }
        for (size_t i = columns; i + 1 < out.stride; i++) right &= halves_row(&out, row)[i] == 0;
        right &= halves_row(&out, row)[out.stride - 1] == guard_half;
    }
    free(out.values), matrix_free(&x);
    return right;
}

typedef struct product {
    const resift_bf16_product *way;
    halves a, b;
    uint16_t *panels;
    float *bias;
} product;

static product product_make(const char *variant, size_t m, size_t n, size_t k, uint64_t seed) {
    product p = {.way = resift_bf16_for(kernels_of(variant))};
    size_t width = p.way->panel_width;
    p.a = halves_random(m, k, 2, true, &seed);
    p.b = halves_random(n, k, 1, false, &seed);
    p.panels = zeroed(resift_bf16_panel_count(p.way, n, k) * sizeof *p.panels);
    p.bias = zeroed((n + width - 1) / width * width * sizeof *p.bias);
    for (size_t i = 0; i < n; i++) {
        p.bias[i] = (float)(random_bits(&seed) % 1000) / 100;
        resift_bf16_pack(p.way, halves_row(&p.b, i), k, i, p.panels);
    }
    return p;
}

static void product_free(product *p) { free(p->a.values), free(p->b.values), free(p->panels), free(p->bias); }

static matrix multiply(const product *p, size_t first, size_t rows) {
    matrix c = matrix_make(rows, p->b.rows, 1);
    p->way->matmul(halves_row(&p->a, first), p->a.stride, p->panels, p->bias, c.values, c.stride, rows, p->b.rows,
                   p->b.columns);
    return c;
}

bool check_has_bf16(const char *variant) { return resift_bf16_for(kernels_of(variant)) != NULL; }

double check_bf16_product(const char *variant, size_t m, size_t n, size_t k, uint64_t seed) {
    product p = product_make(variant, m, n, k, seed);
    matrix c = multiply(&p, 0, m);
    double worst = 0;
    for (size_t row = 0; row < m; row++) {
        for (size_t output = 0; output < n; output++) {
            double sum = p.bias[output], magnitude = fabs(sum);
            for (size_t i = 0; i < k; i++) {
                double term = value_of(halves_row(&p.a, row)[i]) * value_of(halves_row(&p.b, output)[i]);
                sum += term;
                magnitude += fabs(term);
            }
            worst = larger(fabs(matrix_row(&c, row)[output] - sum) / (magnitude + 1e-30), worst);
        }
    }
    if (!matrix_is_intact(&c)) worst = INFINITY;
    matrix_free(&c), product_free(&p);
    return worst;
}

bool check_bf16_row_identity(const char *variant, size_t m, size_t n, size_t k, uint64_t seed) {
    product p = product_make(variant, m, n, k, seed);
    matrix whole = multiply(&p, 0, m);
    bool identical = true;
    for (size_t row = 0; row < m; row++) {
        matrix alone = multiply(&p, row, 1), rest = multiply(&p, row, m - row);
        identical &= matrix_rows_equal(&whole, row, &alone) && matrix_rows_equal(&whole, row, &rest);
        matrix_free(&alone), matrix_free(&rest);
    }
    matrix_free(&whole), product_free(&p);
    return identical;
}

static const float scale = 0.25f;

typedef struct heads {
    halves q, k, v;
} heads;

static heads heads_make(size_t queries, size_t tokens, size_t head_width, uint64_t seed) {
    heads h;
    h.q = halves_random(queries, head_width, 3, false, &seed);
    h.k = halves_random(tokens, head_width, 2, false, &seed);
    h.v = halves_random(tokens, head_width, 5, false, &seed);
    return h;
}

static void heads_free(heads *h) { free(h->q.values), free(h->k.values), free(h->v.values); }

static bool attend(const resift_kernels *kernels, const heads *h, size_t first, size_t queries, matrix *out) {
    size_t tokens = h->k.rows, head_width = h->k.columns;
    matrix scratch = matrix_make(1, resift_attention_bf16_scratch_count(kernels, tokens, head_width), 0);
    *out = matrix_make(queries, head_width, 1);
    resift_attention_bf16(kernels, halves_row(&h->q, first), h->q.stride, h->k.values, h->k.stride, h->v.values,
                          h->v.stride, out->values, out->stride, queries, tokens, head_width, scale, scratch.values);
    bool intact = matrix_is_intact(out) && matrix_is_intact(&scratch);
    matrix_free(&scratch);
    return intact;
}

double check_attention_bf16(const char *variant, size_t queries, size_t tokens, size_t head_width, uint64_t seed) {
    heads h = heads_make(queries, tokens, head_width, seed);
    matrix out;
    bool intact = attend(kernels_of(variant), &h, 0, queries, &out);
    double worst = 0, *sum = malloc(head_width * sizeof *sum);
    if (!sum) abort();
    for (size_t query = 0; query < queries; query++) {
        double total = 0;
        for (size_t i = 0; i < head_width; i++) sum[i] = 0;
        for (size_t token = 0; token < tokens; token++) {
            double dot = 0;
            for (size_t i = 0; i < head_width; i++)
                dot += value_of(halves_row(&h.q, query)[i]) * value_of(halves_row(&h.k, token)[i]);
            double weight = exp(scale * dot);
            total += weight;
            for (size_t i = 0; i < head_width; i++) sum[i] += weight * value_of(halves_row(&h.v, token)[i]);
        }
        for (size_t i = 0; i < head_width; i++)
            worst = larger(fabs(matrix_row(&out, query)[i] - sum[i] / total), worst);
    }
    free(sum), matrix_free(&out), heads_free(&h);
    return intact ? worst : INFINITY;
}

bool check_attention_bf16_row_identity(const char *variant, size_t queries, size_t tokens, size_t head_width,
                                       uint64_t seed) {
    const resift_kernels *kernels = kernels_of(variant);
    heads h = heads_make(queries, tokens, head_width, seed);
    matrix whole;
    bool identical = attend(kernels, &h, 0, queries, &whole);
    for (size_t query = 0; query < queries; query++) {
        matrix alone, rest;
        identical &= attend(kernels, &h, query, 1, &alone) && attend(kernels, &h, query, queries - query, &rest);
        identical &= matrix_rows_equal(&whole, query, &alone) && matrix_rows_equal(&whole, query, &rest);
        matrix_free(&alone), matrix_free(&rest);
    }
    matrix_free(&whole), heads_free(&h);
    return identical;
}

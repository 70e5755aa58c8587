#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "CKernelsChecks.h"
#include "guarded.h"

enum { documents = 6 };

/// Documents of 0 to 40 vectors, and a query, in all forms that this variant compares. Blocks end where their
/// allocations do.
typedef struct problem {
    size_t n, k, stride, starts[documents + 1];
    /// What the operands stand for, [tokens, K] and [N, K].
    double *vectors, *query;
    // In single precision.
    const resift_kernels *kernels;
    float *single, *packed;
    // In bytes.
    const resift_int8_product *int8;
    uint8_t *bytes;
    resift_row_scale *scales;
    int8_t *panels;
    int32_t *sums;
    float *query_scales;
    resift_int8_matrix b;
    // In bfloat16.
    const resift_bf16_product *bf16;
    uint16_t *halves, *half_panels;
} problem;

static void *zeroed(size_t bytes) {
    size_t count = (bytes + 63) / 64 * 64 + 64;
    void *block = aligned_alloc(64, count);
    if (!block) abort();
    return memset(block, 0, count);
}

static void *exact(size_t bytes) {
    void *block = malloc(bytes ? bytes : 1);
    if (!block) abort();
    return block;
}

static size_t tokens_of(const problem *p) { return p->starts[documents]; }

/// With `negative` all products are below 0.
static problem problem_make(size_t n, size_t k, bool negative, uint64_t *seed) {
    problem p = {.n = n, .k = k, .stride = (k + RESIFT_OPERAND_STEP - 1) / RESIFT_OPERAND_STEP * RESIFT_OPERAND_STEP};
    for (size_t d = 0; d < documents; d++) p.starts[d + 1] = p.starts[d] + (d == 2 ? 0 : random_bits(seed) % 40 + 1);
    matrix vectors = matrix_random(tokens_of(&p), k, 0, 1, seed), query = matrix_random(n, k, 0, 1, seed);
    p.single = exact(tokens_of(&p) * k * sizeof *p.single);
    p.vectors = exact(tokens_of(&p) * k * sizeof *p.vectors);
    p.query = exact(n * k * sizeof *p.query);
    for (size_t i = 0; i < tokens_of(&p) * k; i++)
        p.vectors[i] = p.single[i] = negative ? -fabsf(vectors.values[i]) - 0.01f : vectors.values[i];
    for (size_t i = 0; i < n * k; i++) p.query[i] = negative ? fabsf(query.values[i]) + 0.01f : query.values[i];
    matrix_free(&vectors), matrix_free(&query);
    return p;
}

static void problem_free(problem *p) {
    free(p->vectors), free(p->query), free(p->single), free(p->packed), free(p->bytes), free(p->scales), free(p->panels);
    free(p->sums), free(p->query_scales), free(p->halves), free(p->half_panels);
}

static float *query_in_single(const problem *p) {
    float *query = exact(p->n * p->k * sizeof *query);
    for (size_t i = 0; i < p->n * p->k; i++) query[i] = (float)p->query[i];
    return query;
}

static problem single_make(const char *variant, size_t n, size_t k, bool negative, uint64_t seed) {
    problem p = problem_make(n, k, negative, &seed);
    p.kernels = kernels_of(variant);
    p.packed = zeroed(resift_packed_count(p.kernels, n, k) * sizeof *p.packed);
    float *query = query_in_single(&p);
    p.kernels->pack_transposed(query, k, n, k, p.packed);
    free(query);
    return p;
}

static problem int8_make(size_t way, size_t n, size_t k, bool negative, uint64_t seed) {
    problem p = problem_make(n, k, negative, &seed);
    p.int8 = resift_int8_at(way, &p.kernels);
    size_t outputs = (n + p.int8->panel_width - 1) / p.int8->panel_width * p.int8->panel_width;
    p.bytes = exact(tokens_of(&p) * p.stride);
    p.scales = exact(tokens_of(&p) * sizeof *p.scales);
    p.kernels->quantize(p.single, k, p.bytes, p.stride, p.scales, tokens_of(&p), k);
    for (size_t row = 0; row < tokens_of(&p); row++) {
        for (size_t i = 0; i < k; i++)
            p.vectors[row * k + i] = (double)p.scales[row].scale * (p.bytes[row * p.stride + i] - p.scales[row].zero);
    }
    p.panels = zeroed(resift_int8_panel_bytes(p.int8, n, k));
    p.sums = zeroed(outputs * sizeof *p.sums);
    p.query_scales = zeroed(outputs * sizeof *p.query_scales);
    float *query = query_in_single(&p);
    int8_t *integers = exact(k);
    for (size_t i = 0; i < n; i++) {
        p.query_scales[i] = resift_quantize_weights(query + i * k, k, integers);
        p.sums[i] = resift_int8_pack(p.int8, integers, k, i, p.panels);
        for (size_t j = 0; j < k; j++) p.query[i * k + j] = (double)p.query_scales[i] * integers[j];
    }
    free(query), free(integers);
    p.b = (resift_int8_matrix){.n = n, .k = k, .panels = p.panels, .sums = p.sums, .scales = p.query_scales};
    return p;
}

static double widened(uint16_t half) {
    float value;
    resift_convert_bf16(&half, &value, 1);
    return value;
}

static problem bf16_make(const char *variant, size_t n, size_t k, bool negative, uint64_t seed) {
    problem p = problem_make(n, k, negative, &seed);
    p.kernels = kernels_of(variant);
    p.bf16 = resift_bf16_for(p.kernels);
    p.halves = exact(tokens_of(&p) * p.stride * sizeof *p.halves);
    p.kernels->round_bf16(p.single, k, p.halves, p.stride, tokens_of(&p), k);
    for (size_t row = 0; row < tokens_of(&p); row++) {
        for (size_t i = 0; i < k; i++) p.vectors[row * k + i] = widened(p.halves[row * p.stride + i]);
    }
    p.half_panels = zeroed(resift_bf16_panel_count(p.bf16, n, k) * sizeof *p.half_panels);
    float *query = query_in_single(&p);
    uint16_t *row = exact(p.stride * sizeof *row);
    for (size_t i = 0; i < n; i++) {
        p.kernels->round_bf16(query + i * k, k, row, p.stride, 1, k);
        resift_bf16_pack(p.bf16, row, k, i, p.half_panels);
        for (size_t j = 0; j < k; j++) p.query[i * k + j] = widened(row[j]);
    }
    free(query), free(row);
    return p;
}

/// The scores of documents `first` ..< `first` + count.
static matrix scores_of(const problem *p, size_t first, size_t count) {
    matrix out = matrix_make(1, count, 1), maxima = matrix_make(1, p->n, 1);
    if (p->bytes)
        resift_max_sim_int8(p->int8, p->bytes, p->stride, p->scales, p->starts + first, count, &p->b, maxima.values,
                            out.values);
    else if (p->halves)
        resift_max_sim_bf16(p->bf16, p->halves, p->stride, p->starts + first, count, p->half_panels, p->n, p->k,
                            maxima.values, out.values);
    else
        resift_max_sim(p->kernels, p->single, p->starts + first, count, p->packed, p->n, p->k, maxima.values,
                       out.values);
    if (!matrix_is_intact(&maxima)) out.values[0] = NAN;
    matrix_free(&maxima);
    return out;
}

/// Largest |score - reference| / the sum of the largest |q||d|; consumes the problem.
static double error_of(problem p) {
    matrix scores = scores_of(&p, 0, documents);
    double worst = 0;
    for (size_t d = 0; d < documents; d++) {
        double score = 0, magnitude = 1e-30;
        for (size_t i = 0; i < p.n; i++) {
            double largest = -INFINITY, size = 0;
            for (size_t row = p.starts[d]; row < p.starts[d + 1]; row++) {
                double product = 0, absolute = 0;
                for (size_t j = 0; j < p.k; j++) {
                    double term = p.query[i * p.k + j] * p.vectors[row * p.k + j];
                    product += term, absolute += fabs(term);
                }
                largest = fmax(largest, product), size = fmax(size, absolute);
            }
            score += largest, magnitude += size;
        }
        double found = scores.values[d];
        if (p.starts[d] == p.starts[d + 1])
            worst = larger(found == -INFINITY ? 0 : INFINITY, worst);
        else
            worst = larger(fabs(found - score) / magnitude, worst);
    }
    if (!matrix_is_intact(&scores)) worst = INFINITY;
    matrix_free(&scores), problem_free(&p);
    return worst;
}

/// Each document alone, and each run of documents up to the last, has the bits that it has in the whole block; consumes
/// the problem.
static bool is_identical(problem p) {
    matrix whole = scores_of(&p, 0, documents);
    bool identical = true;
    for (size_t d = 0; d < documents; d++) {
        matrix alone = scores_of(&p, d, 1), rest = scores_of(&p, d, documents - d);
        identical &= memcmp(alone.values, whole.values + d, sizeof(float)) == 0;
        identical &= memcmp(rest.values, whole.values + d, (documents - d) * sizeof(float)) == 0;
        matrix_free(&alone), matrix_free(&rest);
    }
    identical &= matrix_is_intact(&whole);
    matrix_free(&whole), problem_free(&p);
    return identical;
}

double check_max_sim(const char *variant, size_t n, size_t k, bool negative, uint64_t seed) {
    return error_of(single_make(variant, n, k, negative, seed));
}

double check_max_sim_int8(size_t way, size_t n, size_t k, bool negative, uint64_t seed) {
    return error_of(int8_make(way, n, k, negative, seed));
}

double check_max_sim_bf16(const char *variant, size_t n, size_t k, bool negative, uint64_t seed) {
    return error_of(bf16_make(variant, n, k, negative, seed));
}

bool check_max_sim_identity(const char *variant, size_t n, size_t k, uint64_t seed) {
    return is_identical(single_make(variant, n, k, false, seed));
}

bool check_max_sim_int8_identity(size_t way, size_t n, size_t k, uint64_t seed) {
    return is_identical(int8_make(way, n, k, false, seed));
}

bool check_max_sim_bf16_identity(const char *variant, size_t n, size_t k, uint64_t seed) {
    return is_identical(bf16_make(variant, n, k, false, seed));
}

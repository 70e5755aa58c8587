#include <math.h>
#include <stdlib.h>

#include "CKernelsChecks.h"
#include "guarded.h"

static const float scale = 0.25f;

typedef struct problem {
    matrix q, k, v;
    int form;
    size_t heads, head_width;
    /// Of relative positions: keys and queries, as they are and packed, and buckets from distance 1 - tokens on.
    matrix position_keys, position_queries, packed_keys, packed_queries;
    int32_t *buckets;
} problem;

enum { position_count = 7 };

static problem problem_make(const resift_kernels *kernels, int form, size_t queries, size_t tokens,
                            size_t head_width, uint64_t seed) {
    problem p = {.form = form, .heads = form == check_attention_plain ? 1 : 3, .head_width = head_width};
    p.q = matrix_random(queries, p.heads * head_width, 3, 1, &seed);
    p.k = matrix_random(tokens, head_width, 2, 1, &seed);
    p.v = matrix_random(tokens, head_width, 5, 1, &seed);
    p.position_keys = matrix_random(position_count, head_width, 1, 1, &seed);
    p.position_queries = matrix_random(position_count, head_width, 2, 1, &seed);
    size_t packed = resift_packed_count(kernels, position_count, head_width);
    p.packed_keys = matrix_make(1, packed, 0), p.packed_queries = matrix_make(1, packed, 0);
    kernels->pack_transposed(p.position_keys.values, p.position_keys.stride, position_count, head_width,
                             p.packed_keys.values);
    kernels->pack_transposed(p.position_queries.values, p.position_queries.stride, position_count, head_width,
                             p.packed_queries.values);
    p.buckets = calloc(2 * tokens, sizeof *p.buckets);
    for (size_t i = 0; i + 1 < 2 * tokens; i++) p.buckets[i] = (int32_t)(random_bits(&seed) % position_count);
    return p;
}

static void problem_free(problem *p) {
    matrix_free(&p->q), matrix_free(&p->k), matrix_free(&p->v);
    matrix_free(&p->position_keys), matrix_free(&p->position_queries);
    matrix_free(&p->packed_keys), matrix_free(&p->packed_queries);
    free(p->buckets);
}

/// Queries stand at the last places of the sequence where they see a part of it.
static resift_reach reach_of(const problem *p, size_t first) {
    size_t place = p->k.rows - p->q.rows + first;
    if (p->form == check_attention_local) return (resift_reach){.first = place, .before = 3, .after = 5};
    return (resift_reach){.first = place, .before = SIZE_MAX, .after = 0};
}

/// Attention for the queries `first` ..< `first` + `queries`; false if it left its buffers.
static bool attend(const resift_kernels *kernels, const problem *p, size_t first, size_t queries, matrix *out) {
    size_t tokens = p->k.rows, head_width = p->head_width;
    bool is_relative = p->form == check_attention_relative;
    matrix scratch = matrix_make(
        1, resift_attention_scratch_count(kernels, tokens, head_width, is_relative ? position_count : 0), 0);
    *out = matrix_make(queries, p->heads * head_width, 1);
    resift_relative_positions relative = {.packed_keys = p->packed_keys.values,
                                          .packed_queries = p->packed_queries.values,
                                          .count = position_count,
                                          .buckets = p->buckets + (tokens ? tokens - 1 : 0) + first};
    resift_reach reach = reach_of(p, first);
    // A part of the keys comes from elsewhere.
    size_t cut = p->form == check_attention_causal ? tokens / 3 : 0;
    resift_keys_values before = {p->k.values, p->v.values, p->k.stride, p->v.stride, cut};
    resift_attention_task task = {
        .q = matrix_row(&p->q, first),
        .ldq = p->q.stride,
        .out = out->values,
        .ldo = out->stride,
        .heads = p->heads,
        .queries = queries,
        .head_width = head_width,
        .scale = scale,
        .before = cut ? &before : NULL,
        .own = {matrix_row(&p->k, cut), matrix_row(&p->v, cut), p->k.stride, p->v.stride, tokens - cut},
        .reach = p->form == check_attention_local || p->form == check_attention_causal ? &reach : NULL,
        .relative = is_relative ? &relative : NULL};
    resift_attention(kernels, &task, scratch.values);
    bool intact = matrix_is_intact(out) && matrix_is_intact(&scratch);
    matrix_free(&scratch);
    return intact;
}

static double dot(const float *a, const float *b, size_t count) {
    double sum = 0;
    for (size_t i = 0; i < count; i++) sum += (double)a[i] * b[i];
    return sum;
}

static double worst_error_of_query(const problem *p, size_t query, size_t head, const float *out) {
    size_t tokens = p->k.rows, head_width = p->head_width;
    const float *q = matrix_row(&p->q, query) + head * head_width;
    double *sum = calloc(head_width, sizeof *sum), total = 0, worst = 0;
    size_t place = reach_of(p, query).first;
    for (size_t token = 0; token < tokens; token++) {
        if (p->form == check_attention_causal && token > place) continue;
        if (p->form == check_attention_local && (token + 3 < place || token > place + 5)) continue;
        double score = dot(q, matrix_row(&p->k, token), head_width);
        if (p->form == check_attention_relative) {
            size_t bucket = (size_t)p->buckets[tokens - 1 + query - token];
            score += dot(q, matrix_row(&p->position_keys, bucket), head_width) +
                     dot(matrix_row(&p->k, token), matrix_row(&p->position_queries, bucket), head_width);
        }
        double weight = exp(scale * score);
        total += weight;
        for (size_t i = 0; i < head_width; i++) sum[i] += weight * matrix_row(&p->v, token)[i];
    }
    for (size_t i = 0; i < head_width; i++)
        worst = larger(fabs(out[head * head_width + i] - sum[i] / total), worst);
    free(sum);
    return worst;
}

double check_attention(const char *variant, int form, size_t queries, size_t tokens,
                       size_t head_width, uint64_t seed) {
    problem p = problem_make(kernels_of(variant), form, queries, tokens, head_width, seed);
    matrix out;
    bool intact = attend(kernels_of(variant), &p, 0, queries, &out);
    double worst = 0;
    for (size_t query = 0; query < queries; query++) {
        for (size_t head = 0; head < p.heads; head++)
            worst = larger(worst_error_of_query(&p, query, head, matrix_row(&out, query)), worst);
    }
    matrix_free(&out), problem_free(&p);
    return intact ? worst : INFINITY;
}

bool check_attention_row_identity(const char *variant, int form, size_t queries, size_t tokens,
                                  size_t head_width, uint64_t seed) {
    const resift_kernels *kernels = kernels_of(variant);
    problem p = problem_make(kernels, form, queries, tokens, head_width, seed);
    matrix whole;
    bool identical = attend(kernels, &p, 0, queries, &whole);
    for (size_t query = 0; query < queries; query++) {
        matrix alone;
        identical &= attend(kernels, &p, query, 1, &alone) && matrix_rows_equal(&whole, query, &alone);
        matrix_free(&alone);
    }
    matrix_free(&whole), problem_free(&p);
    return identical;
}

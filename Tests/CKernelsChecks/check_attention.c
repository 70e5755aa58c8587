#include <math.h>
#include <stdlib.h>

#include "CKernelsChecks.h"
#include "guarded.h"

static const float scale = 0.25f;

typedef struct problem {
    matrix q, k, v;
} problem;

static problem problem_make(size_t queries, size_t tokens, size_t head_width, uint64_t seed) {
    problem p;
    p.q = matrix_random(queries, head_width, 3, 1, &seed);
    p.k = matrix_random(tokens, head_width, 2, 1, &seed);
    p.v = matrix_random(tokens, head_width, 5, 1, &seed);
    return p;
}

static void problem_free(problem *p) { matrix_free(&p->q), matrix_free(&p->k), matrix_free(&p->v); }

/// Attention for the queries `first` ..< `first` + `queries`; false if it left its buffers.
static bool attend(const resift_kernels *kernels, const problem *p, size_t first, size_t queries, matrix *out) {
    size_t tokens = p->k.rows, head_width = p->k.columns;
    matrix scratch = matrix_make(1, resift_attention_scratch_count(kernels, tokens, head_width), 0);
    *out = matrix_make(queries, head_width, 1);
    resift_attention(kernels, matrix_row(&p->q, first), p->q.stride, p->k.values, p->k.stride, p->v.values,
                     p->v.stride, out->values, out->stride, queries, tokens, head_width, scale, scratch.values);
    bool intact = matrix_is_intact(out) && matrix_is_intact(&scratch);
    matrix_free(&scratch);
    return intact;
}

static double worst_error_of_query(const problem *p, size_t query, const float *out) {
    size_t tokens = p->k.rows, head_width = p->k.columns;
    double *sum = calloc(head_width, sizeof *sum), total = 0, worst = 0;
    for (size_t token = 0; token < tokens; token++) {
        double dot = 0;
        for (size_t i = 0; i < head_width; i++)
            dot += (double)matrix_row(&p->q, query)[i] * matrix_row(&p->k, token)[i];
        double weight = exp(scale * dot);
        total += weight;
        for (size_t i = 0; i < head_width; i++) sum[i] += weight * matrix_row(&p->v, token)[i];
    }
    for (size_t i = 0; i < head_width; i++) worst = larger(fabs(out[i] - sum[i] / total), worst);
    free(sum);
    return worst;
}

double check_attention(const char *variant, size_t queries, size_t tokens, size_t head_width, uint64_t seed) {
    problem p = problem_make(queries, tokens, head_width, seed);
    matrix out;
    bool intact = attend(kernels_of(variant), &p, 0, queries, &out);
    double worst = 0;
    for (size_t query = 0; query < queries; query++)
        worst = larger(worst_error_of_query(&p, query, matrix_row(&out, query)), worst);
    matrix_free(&out), problem_free(&p);
    return intact ? worst : INFINITY;
}

bool check_attention_row_identity(const char *variant, size_t queries, size_t tokens, size_t head_width,
                                  uint64_t seed) {
    const resift_kernels *kernels = kernels_of(variant);
    problem p = problem_make(queries, tokens, head_width, seed);
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

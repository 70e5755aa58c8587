// MaxSim over many documents, in each of the forms that token vectors are stored in.

#include <math.h>

#include "internal.h"

/// In order and in double precision. A document without vectors is like nothing.
static float sum_of(const float *maxima, size_t n, size_t vectors) {
    if (vectors == 0) return -INFINITY;
    double sum = 0;
    for (size_t i = 0; i < n; i++) sum += maxima[i];
    return (float)sum;
}

void resift_max_sim(const resift_kernels *kernels, const float *vectors, const size_t *starts, size_t documents,
                    const float *packed_query, size_t n, size_t k, float *maxima, float *out) {
    for (size_t d = 0; d < documents; d++) {
        size_t count = starts[d + 1] - starts[d];
        kernels->max_dot(vectors + starts[d] * k, k, count, packed_query, n, k, maxima);
        out[d] = sum_of(maxima, n, count);
    }
}

void resift_max_sim_int8(const resift_int8_product *product, const uint8_t *vectors, size_t ldv,
                         const resift_row_scale *scales, const size_t *starts, size_t documents,
                         const resift_int8_matrix *query, float *maxima, float *out) {
    for (size_t d = 0; d < documents; d++) {
        size_t count = starts[d + 1] - starts[d];
        product->max_dot(vectors + starts[d] * ldv, ldv, scales + starts[d], query, maxima, count);
        out[d] = sum_of(maxima, query->n, count);
    }
}

void resift_max_sim_bf16(const resift_bf16_product *product, const uint16_t *vectors, size_t ldv, const size_t *starts,
                         size_t documents, const uint16_t *panels, size_t n, size_t k, float *maxima, float *out) {
    for (size_t d = 0; d < documents; d++) {
        size_t count = starts[d + 1] - starts[d];
        product->max_dot(vectors + starts[d] * ldv, ldv, panels, maxima, count, n, k);
        out[d] = sum_of(maxima, n, count);
    }
}

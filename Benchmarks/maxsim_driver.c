// What Benchmarks/maxsim.py calls: MaxSim over many documents, with the packing of the query in the time, as in a search.

#define _POSIX_C_SOURCE 200809L

#include <stdlib.h>
#include <string.h>

#include "../Tools/kernel-checks/peaks.h"
#include "CKernels.h"

static void *zeroed(size_t bytes) {
    size_t count = (bytes + 63) / 64 * 64 + 64;
    void *block = aligned_alloc(64, count);
    return block ? memset(block, 0, count) : NULL;
}

const char *bench_kernels(void) { return resift_kernels_best()->name; }

/// Whether this CPU multiplies bfloat16.
bool bench_has_bf16(void) { return resift_bf16_for(resift_kernels_best()) != NULL; }

/// Of one thread, in 1e9 operations/s; 0 where it is not known.
double bench_peak(void) { return peak_of(bench_kernels()); }
double bench_peak_int8(void) { return peak_of_int8(resift_int8_for(resift_kernels_best())->name); }
double bench_peak_bf16(void) { return peak_of_bf16(resift_bf16_for(resift_kernels_best())->name); }

/// Documents in bytes, made once, as an index holds them.
void bench_quantize(const float *vectors, size_t tokens, size_t k, uint8_t *bytes, resift_row_scale *scales) {
    resift_kernels_best()->quantize(vectors, k, bytes, k, scales, tokens, k);
}

void bench_round(const float *vectors, size_t tokens, size_t k, uint16_t *halves) {
    resift_kernels_best()->round_bf16(vectors, k, halves, k, tokens, k);
}

void bench_single(const float *query, size_t n, size_t k, const float *vectors, const size_t *starts, size_t documents,
                  float *out) {
    const resift_kernels *kernels = resift_kernels_best();
    float *packed = zeroed(resift_packed_count(kernels, n, k) * sizeof *packed), *maxima = zeroed(n * sizeof *maxima);
    kernels->pack_transposed(query, k, n, k, packed);
    resift_max_sim(kernels, vectors, starts, documents, packed, n, k, maxima, out);
    free(packed), free(maxima);
}

void bench_int8(const float *query, size_t n, size_t k, const uint8_t *bytes, const resift_row_scale *scales,
                const size_t *starts, size_t documents, float *out) {
    const resift_int8_product *product = resift_int8_for(resift_kernels_best());
    size_t outputs = (n + product->panel_width - 1) / product->panel_width * product->panel_width;
    int8_t *panels = zeroed(resift_int8_panel_bytes(product, n, k)), *integers = zeroed(k);
    int32_t *sums = zeroed(outputs * sizeof *sums);
    float *query_scales = zeroed(outputs * sizeof *query_scales), *maxima = zeroed(n * sizeof *maxima);
    for (size_t i = 0; i < n; i++) {
        query_scales[i] = resift_quantize_weights(query + i * k, k, integers);
        sums[i] = resift_int8_pack(product, integers, k, i, panels);
    }
    resift_int8_matrix matrix = {.n = n, .k = k, .panels = panels, .sums = sums, .scales = query_scales};
    resift_max_sim_int8(product, bytes, k, scales, starts, documents, &matrix, maxima, out);
    free(panels), free(integers), free(sums), free(query_scales), free(maxima);
}

void bench_bf16(const float *query, size_t n, size_t k, const uint16_t *halves, const size_t *starts, size_t documents,
                float *out) {
    const resift_bf16_product *product = resift_bf16_for(resift_kernels_best());
    uint16_t *panels = zeroed(resift_bf16_panel_count(product, n, k) * sizeof *panels);
    uint16_t *rounded = zeroed(n * k * sizeof *rounded);
    float *maxima = zeroed(n * sizeof *maxima);
    bench_round(query, n, k, rounded);
    for (size_t i = 0; i < n; i++) resift_bf16_pack(product, rounded + i * k, k, i, panels);
    resift_max_sim_bf16(product, halves, k, starts, documents, panels, n, k, maxima, out);
    free(panels), free(rounded), free(maxima);
}

// Which way to multiply bfloat16 this CPU has, the layout of a weight for it, and attention for CPUs without one.

#include "internal.h"

const resift_bf16_product *resift_bf16_for(const resift_kernels *kernels) {
#if defined(__x86_64__)
    if (kernels == &resift_kernels_avx512 && resift_cpuid_has(resift_cpuid_avx512_bf16)) return &resift_bf16_avx512;
#endif
    return kernels == &resift_kernels_scalar ? &resift_bf16_scalar : NULL;
}

size_t resift_bf16_panel_count(const resift_bf16_product *product, size_t n, size_t k) {
    size_t width = product->panel_width;
    return (n + width - 1) / width * width * ((k + 1) / 2) * 2;
}

void resift_bf16_pack(const resift_bf16_product *product, const uint16_t *weights, size_t k, size_t output,
                      uint16_t *panels) {
    size_t width = product->panel_width, steps = (k + 1) / 2;
    uint16_t *place = panels + (output / width * width * steps + output % width) * 2;
    for (size_t step = 0; step < steps; step++)
        memcpy(place + step * width * 2, weights + step * 2, resift_min(2, k - step * 2) * sizeof *weights);
}

/// Pairs of numbers need an even width.
static bool multiplies_bf16(const resift_kernels *kernels, size_t head_width) {
    const resift_bf16_product *product = resift_bf16_for(kernels);
    return product && product->attention && head_width % 2 == 0;
}

// Rows of widened operands, packed as tightly as 64-byte boundaries allow.
static size_t aligned(size_t count) { return (count + 15) / 16 * 16; }

// Queries are widened a block at a time.
enum { query_block = 64 };

size_t resift_attention_bf16_scratch_count(const resift_kernels *kernels, size_t tokens, size_t head_width) {
    if (multiplies_bf16(kernels, head_width)) return resift_bf16_for(kernels)->attention_scratch_count(tokens, head_width);
    return 2 * aligned(tokens * head_width) + aligned(query_block * head_width) +
           resift_attention_scratch_count(kernels, tokens, head_width, 0);
}

static void widen(const uint16_t *x, size_t ldx, size_t rows, size_t columns, float *out) {
    for (size_t row = 0; row < rows; row++) resift_convert_bf16(x + row * ldx, out + row * columns, columns);
}

void resift_attention_bf16(const resift_kernels *kernels, const uint16_t *q, size_t ldq, const uint16_t *k, size_t ldk,
                           const uint16_t *v, size_t ldv, float *out, size_t ldo, size_t queries, size_t tokens,
                           size_t head_width, float scale, float *scratch) {
    if (multiplies_bf16(kernels, head_width)) {
        resift_bf16_for(kernels)->attention(q, ldq, k, ldk, v, ldv, out, ldo, queries, tokens, head_width, scale,
                                            scratch);
        return;
    }
    float *wide_k = scratch, *wide_v = wide_k + aligned(tokens * head_width);
    float *wide_q = wide_v + aligned(tokens * head_width), *rest = wide_q + aligned(query_block * head_width);
    widen(k, ldk, tokens, head_width, wide_k);
    widen(v, ldv, tokens, head_width, wide_v);
    resift_keys_values own = {.k = wide_k, .ldk = head_width, .v = wide_v, .ldv = head_width, .tokens = tokens};
    for (size_t first = 0; first < queries; first += query_block) {
        size_t rows = resift_min(query_block, queries - first);
        widen(q + first * ldq, ldq, rows, head_width, wide_q);
        resift_attention_task task = {.q = wide_q, .ldq = head_width, .out = out + first * ldo, .ldo = ldo, .heads = 1,
                                      .queries = rows, .head_width = head_width, .scale = scale, .own = own};
        resift_attention(kernels, &task, rest);
    }
}

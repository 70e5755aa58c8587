// Attention from a variant's own matmul and softmax. Each head packs its K and V once, then walks over blocks of
// queries, whose scores stay in the L2 cache between the two products.

#include "internal.h"

// Scores of a block: at most 64 Ki floats (256 KiB), but enough rows that the packed K and V, which each block
// reads anew, are read seldom.
enum { scores_target = 1 << 16, rows_at_least = 28, rows_at_most = 112 };

// The block depends on `tokens` alone, because the caller asks for scratch before the number of queries is known.
static size_t block_rows(size_t tokens) {
    size_t rows = scores_target / (tokens ? tokens : 1);
    if (rows < rows_at_least) return rows_at_least;
    return resift_min(rows, rows_at_most);
}

// Row starts on a 64-byte boundary.
static size_t aligned(size_t count) { return (count + 15) / 16 * 16; }

size_t resift_attention_scratch_count(const resift_kernels *kernels, size_t tokens, size_t head_width) {
    return aligned(resift_packed_count(kernels, tokens, head_width)) +
           aligned(resift_packed_count(kernels, head_width, tokens)) + block_rows(tokens) * aligned(tokens);
}

void resift_attention(const resift_kernels *kernels, const float *q, size_t ldq, const float *k, size_t ldk,
                      const float *v, size_t ldv, float *out, size_t ldo, size_t queries, size_t tokens,
                      size_t head_width, float scale, float *scratch) {
    float *packed_k = scratch;
    float *packed_v = packed_k + aligned(resift_packed_count(kernels, tokens, head_width));
    float *scores = packed_v + aligned(resift_packed_count(kernels, head_width, tokens));
    size_t ld_scores = aligned(tokens);

    kernels->pack_transposed(k, ldk, tokens, head_width, packed_k);
    kernels->pack(v, ldv, tokens, head_width, packed_v);

    size_t block = block_rows(tokens);
    for (size_t first = 0; first < queries; first += block) {
        size_t rows = resift_min(block, queries - first);
        kernels->matmul(q + first * ldq, ldq, packed_k, NULL, scores, ld_scores, rows, tokens, head_width);
        kernels->softmax(scores, ld_scores, rows, tokens, scale);
        kernels->matmul(scores, ld_scores, packed_v, NULL, out + first * ldo, ldo, rows, head_width, tokens);
    }
}

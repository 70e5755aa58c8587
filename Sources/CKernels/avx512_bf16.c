// Products of bfloat16 by AVX-512 BF16, and attention with them.
//
// vdpbf16ps takes numbers in pairs: a step of a product multiplies two neighbours of a row of A with two of each
// output. The same tile serves linear layers, Q K^T and the product with V.

#if defined(__x86_64__)

#include <immintrin.h>
#include <math.h>

#include "internal.h"

#define TARGET __attribute__((target("avx512f,avx512bw,avx512dq,avx512vl,avx512bf16,avx2,fma,f16c")))
#define INLINE static inline __attribute__((always_inline)) TARGET

// 24 sums, 2 vectors of B and a pair of A take 27 of the 32 registers.
enum { lanes = 16, tile_vectors = 2, panel_width = tile_vectors * lanes, tile_rows = 12 };

INLINE __mmask16 first_lanes(size_t count) {
    return count >= lanes ? (__mmask16)0xffff : (__mmask16)((1u << count) - 1);
}

INLINE __m512bh pair(const uint16_t *p) {
    int32_t two;
    memcpy(&two, p, sizeof two);
    return (__m512bh)_mm512_set1_epi32(two);
}

/// C = start + A B for `rows` rows and one panel of `steps` pairs; the first `columns` columns are stored. `rows` is a
/// constant in each call, so that `sums` becomes registers (see vector_matmul.h about the pragmas).
INLINE void tile(size_t rows, const uint16_t *a, size_t lda, const uint16_t *panel, size_t steps, const float *start,
                 float *c, size_t ldc, size_t columns) {
    __m512 sums[tile_rows][tile_vectors];
#pragma clang loop unroll(full)
    for (size_t i = 0; i < rows; i++) {
#pragma clang loop unroll(full)
        for (size_t j = 0; j < tile_vectors; j++) sums[i][j] = _mm512_loadu_ps(start + j * lanes);
    }
#pragma clang loop unroll(disable)
    for (size_t step = 0; step < steps; step++) {
        __m512bh column[tile_vectors];
#pragma clang loop unroll(full)
        for (size_t j = 0; j < tile_vectors; j++)
            column[j] = (__m512bh)_mm512_loadu_si512(panel + (step * panel_width + j * lanes) * 2);
#pragma clang loop unroll(full)
        for (size_t i = 0; i < rows; i++) {
            __m512bh factors = pair(a + i * lda + step * 2);
#pragma clang loop unroll(full)
            for (size_t j = 0; j < tile_vectors; j++) sums[i][j] = _mm512_dpbf16_ps(sums[i][j], factors, column[j]);
        }
    }
    // A masked store keeps the loads after it waiting, so it is left to the last panel.
    __mmask16 masks[tile_vectors] = {first_lanes(columns), first_lanes(columns > lanes ? columns - lanes : 0)};
#pragma clang loop unroll(full)
    for (size_t i = 0; i < rows; i++) {
#pragma clang loop unroll(full)
        for (size_t j = 0; j < tile_vectors; j++) {
            float *place = c + i * ldc + j * lanes;
            if (columns == panel_width)
                _mm512_storeu_ps(place, sums[i][j]);
            else
                _mm512_mask_storeu_ps(place, masks[j], sums[i][j]);
        }
    }
}

/// All rows, one panel.
TARGET static void panel_product(const uint16_t *a, size_t lda, const uint16_t *panel, size_t steps,
                                 const float *start, float *c, size_t ldc, size_t m, size_t columns) {
    size_t rows;
    for (size_t row = 0; row < m; row += rows) {
        rows = resift_tile_rows(m - row, tile_rows);
#define TILE(count)                                                                                                    \
    case count:                                                                                                        \
        tile(count, a + row * lda, lda, panel, steps, start, c + row * ldc, ldc, columns);                             \
        break;
        switch (rows) {
            TILE(1)
            TILE(2)
            TILE(3)
            TILE(4)
            TILE(5)
            TILE(6)
            TILE(7)
            TILE(8)
            TILE(9)
            TILE(10)
            TILE(11)
            TILE(12)
        }
#undef TILE
    }
}

TARGET static void matmul(const uint16_t *a, size_t lda, const uint16_t *panels, const float *bias, float *c,
                          size_t ldc, size_t m, size_t n, size_t k) {
    size_t steps = (k + 1) / 2;
    for (size_t column = 0; column < n; column += panel_width)
        panel_product(a, lda, panels + column * steps * 2, steps, bias + column, c + column, ldc, m,
                      resift_min(panel_width, n - column));
}

/// best = max(best, A B) for `rows` rows and one panel.
INLINE void max_tile(size_t rows, const uint16_t *a, size_t lda, const uint16_t *panel, size_t steps, float *best) {
    __m512 sums[tile_rows][tile_vectors];
#pragma clang loop unroll(full)
    for (size_t i = 0; i < rows; i++) {
#pragma clang loop unroll(full)
        for (size_t j = 0; j < tile_vectors; j++) sums[i][j] = _mm512_setzero_ps();
    }
#pragma clang loop unroll(disable)
    for (size_t step = 0; step < steps; step++) {
        // Once a cache line: documents are read from memory, once.
        if (step % 16 == 0) {
#pragma clang loop unroll(full)
            for (size_t i = 0; i < rows; i++) __builtin_prefetch(resift_prefetch_address(a + i * lda + step * 2));
        }
        __m512bh column[tile_vectors];
#pragma clang loop unroll(full)
        for (size_t j = 0; j < tile_vectors; j++)
            column[j] = (__m512bh)_mm512_loadu_si512(panel + (step * panel_width + j * lanes) * 2);
#pragma clang loop unroll(full)
        for (size_t i = 0; i < rows; i++) {
            __m512bh factors = pair(a + i * lda + step * 2);
#pragma clang loop unroll(full)
            for (size_t j = 0; j < tile_vectors; j++) sums[i][j] = _mm512_dpbf16_ps(sums[i][j], factors, column[j]);
        }
    }
#pragma clang loop unroll(full)
    for (size_t j = 0; j < tile_vectors; j++) {
        __m512 largest = _mm512_loadu_ps(best + j * lanes);
#pragma clang loop unroll(full)
        for (size_t i = 0; i < rows; i++) largest = _mm512_max_ps(largest, sums[i][j]);
        _mm512_storeu_ps(best + j * lanes, largest);
    }
}

TARGET static void max_dot(const uint16_t *rows, size_t ldr, const uint16_t *panels, float *maxima, size_t count,
                           size_t n, size_t k) {
    size_t steps = (k + 1) / 2;
    for (size_t column = 0; column < n; column += panel_width) {
        float best[panel_width];
        for (size_t j = 0; j < panel_width; j++) best[j] = -INFINITY;
        size_t height;
        for (size_t row = 0; row < count; row += height) {
            height = resift_tile_rows(count - row, tile_rows);
#define TILE(count)                                                                                                    \
    case count:                                                                                                        \
        max_tile(count, rows + row * ldr, ldr, panels + column * steps * 2, steps, best);                              \
        break;
            switch (height) {
                TILE(1)
                TILE(2)
                TILE(3)
                TILE(4)
                TILE(5)
                TILE(6)
                TILE(7)
                TILE(8)
                TILE(9)
                TILE(10)
                TILE(11)
                TILE(12)
            }
#undef TILE
        }
        memcpy(maxima + column, best, resift_min(panel_width, n - column) * sizeof *best);
    }
}

// Attention. K and V of a head are packed once; then a block of queries at a time has its scores, turns them into
// weights in place, and sums up V with them.

static const float zeros[panel_width] = {0};

static size_t whole_panels(size_t count) { return (count + panel_width - 1) / panel_width * panel_width; }

/// Columns of a 16 x 16 matrix of 32-bit numbers become rows.
INLINE void transpose(__m512i x[16]) {
    __m512i y[16];
#pragma clang loop unroll(full)
    for (int i = 0; i < 16; i += 2) {
        y[i] = _mm512_unpacklo_epi32(x[i], x[i + 1]);
        y[i + 1] = _mm512_unpackhi_epi32(x[i], x[i + 1]);
    }
    // x[i + c] holds, in its quarter q, column 4 q + c of the rows i to i + 3.
#pragma clang loop unroll(full)
    for (int i = 0; i < 16; i += 4) {
        x[i] = _mm512_unpacklo_epi64(y[i], y[i + 2]);
        x[i + 1] = _mm512_unpackhi_epi64(y[i], y[i + 2]);
        x[i + 2] = _mm512_unpacklo_epi64(y[i + 1], y[i + 3]);
        x[i + 3] = _mm512_unpackhi_epi64(y[i + 1], y[i + 3]);
    }
    __m512i z[16];
#pragma clang loop unroll(full)
    for (int c = 0; c < 4; c++) {
        __m512i even_low = _mm512_shuffle_i32x4(x[c], x[4 + c], 0x88);
        __m512i even_high = _mm512_shuffle_i32x4(x[8 + c], x[12 + c], 0x88);
        __m512i odd_low = _mm512_shuffle_i32x4(x[c], x[4 + c], 0xdd);
        __m512i odd_high = _mm512_shuffle_i32x4(x[8 + c], x[12 + c], 0xdd);
        z[c] = _mm512_shuffle_i32x4(even_low, even_high, 0x88);
        z[4 + c] = _mm512_shuffle_i32x4(odd_low, odd_high, 0x88);
        z[8 + c] = _mm512_shuffle_i32x4(even_low, even_high, 0xdd);
        z[12 + c] = _mm512_shuffle_i32x4(odd_low, odd_high, 0xdd);
    }
#pragma clang loop unroll(full)
    for (int i = 0; i < 16; i++) x[i] = z[i];
}

/// Keys become columns: panels of `panel_width` keys, each with a step for each pair of numbers of the head.
TARGET static void pack_keys(const uint16_t *k, size_t ldk, size_t tokens, size_t pairs, uint16_t *packed) {
    for (size_t first = 0; first < whole_panels(tokens); first += lanes) {
        uint16_t *panel = packed + first / panel_width * panel_width * pairs * 2 + first % panel_width * 2;
        for (size_t step = 0; step < pairs; step += lanes) {
            __mmask16 mask = first_lanes(pairs - step);
            __m512i rows[lanes];
#pragma clang loop unroll(full)
            for (size_t i = 0; i < lanes; i++)
                rows[i] = first + i < tokens ? _mm512_maskz_loadu_epi32(mask, k + (first + i) * ldk + step * 2)
                                             : _mm512_setzero_si512();
            transpose(rows);
#pragma clang loop unroll(full)
            for (size_t i = 0; i < lanes; i++) {
                if (step + i < pairs) _mm512_storeu_si512(panel + (step + i) * panel_width * 2, rows[i]);
            }
        }
    }
}

/// Panels of `panel_width` numbers of the head, each with a step for each pair of tokens.
TARGET static void pack_values(const uint16_t *v, size_t ldv, size_t tokens, size_t width, uint16_t *packed) {
    for (size_t column = 0; column < whole_panels(width); column += lanes) {
        size_t steps = (tokens + 1) / 2;
        uint16_t *panel = packed + column / panel_width * panel_width * steps * 2 + column % panel_width * 2;
        __mmask16 mask = first_lanes(width > column ? width - column : 0);
        for (size_t step = 0; step < steps; step++) {
            const uint16_t *row = v + step * 2 * ldv + column;
            __m512i first = _mm512_cvtepu16_epi32(_mm256_maskz_loadu_epi16(mask, row));
            __m512i second = step * 2 + 1 < tokens ? _mm512_cvtepu16_epi32(_mm256_maskz_loadu_epi16(mask, row + ldv))
                                                   : _mm512_setzero_si512();
            _mm512_storeu_si512(panel + step * panel_width * 2, _mm512_or_si512(first, _mm512_slli_epi32(second, 16)));
        }
    }
}

/// 2^x for x <= 0 with a relative error of 8e-5, for what is rounded to bfloat16 afterwards: 2^n p(r), |r| <= 1/2.
INLINE __m512 quick_power_of_two(__m512 x) {
    __m512 n = _mm512_roundscale_ps(x, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC);
    __m512 r = _mm512_sub_ps(x, n);
    __m512 p = _mm512_fmadd_ps(_mm512_set1_ps(0x1.c3f572p-5f), r, _mm512_set1_ps(0x1.f0dd90p-3f));
    p = _mm512_fmadd_ps(p, r, _mm512_set1_ps(0x1.62f31cp-1f));
    p = _mm512_fmadd_ps(p, r, _mm512_set1_ps(0x1.fff694p-1f));
    return _mm512_scalef_ps(p, n);
}

/// Lane i is the sum, or the largest, of the lanes of rows[i]; in the same order for every row. All rows at once,
/// because one row after the other would wait for each of its additions.
INLINE __m512 sum_of_rows(__m512i rows[lanes]) {
    transpose(rows);
#pragma clang loop unroll(full)
    for (size_t width = lanes / 2; width > 0; width /= 2) {
#pragma clang loop unroll(full)
        for (size_t i = 0; i < width; i++)
            rows[i] = (__m512i)_mm512_add_ps((__m512)rows[i], (__m512)rows[i + width]);
    }
    return (__m512)rows[0];
}

INLINE __m512 largest_of_rows(__m512i rows[lanes]) {
    transpose(rows);
#pragma clang loop unroll(full)
    for (size_t i = 1; i < lanes; i++) rows[0] = (__m512i)_mm512_max_ps((__m512)rows[0], (__m512)rows[i]);
    return (__m512)rows[0];
}

/// Scores of at most 16 rows become weights in bfloat16, in place: e^(scale (x - largest)), 0 beyond the tokens up to
/// the end of the last panel. inverse_sums[row] = 1 / the row's sum.
TARGET static void weights_of_scores(float *scores, size_t ld_scores, size_t rows, size_t tokens, float scale,
                                     float *inverse_sums) {
    size_t whole = tokens / panel_width * panel_width, left = tokens - whole;
    __mmask16 first = first_lanes(left), second = first_lanes(left > lanes ? left - lanes : 0);

    __m512i by_row[lanes];
    for (size_t row = 0; row < lanes; row++) by_row[row] = _mm512_setzero_si512();
    for (size_t row = 0; row < rows; row++) {
        const float *x = scores + row * ld_scores;
        __m512 largest[2] = {_mm512_set1_ps(-INFINITY), _mm512_set1_ps(-INFINITY)};
        for (size_t i = 0; i < whole; i += panel_width) {
            largest[0] = _mm512_max_ps(largest[0], _mm512_loadu_ps(x + i));
            largest[1] = _mm512_max_ps(largest[1], _mm512_loadu_ps(x + i + lanes));
        }
        if (left > 0) {
            largest[0] = _mm512_mask_max_ps(largest[0], first, largest[0], _mm512_loadu_ps(x + whole));
            largest[1] = _mm512_mask_max_ps(largest[1], second, largest[1], _mm512_loadu_ps(x + whole + lanes));
        }
        by_row[row] = (__m512i)_mm512_max_ps(largest[0], largest[1]);
    }
    const float log2_e = 1.4426950408889634f;
    __m512 factor = _mm512_set1_ps(scale * log2_e);
    float shifts[lanes];
    _mm512_storeu_ps(shifts, _mm512_mul_ps(largest_of_rows(by_row), _mm512_set1_ps(-scale * log2_e)));

    for (size_t row = 0; row < lanes; row++) by_row[row] = _mm512_setzero_si512();
    for (size_t row = 0; row < rows; row++) {
        const float *x = scores + row * ld_scores;
        uint16_t *weights = (uint16_t *)(scores + row * ld_scores);
        __m512 shift = _mm512_set1_ps(shifts[row]);
        __m512 sums[2] = {_mm512_setzero_ps(), _mm512_setzero_ps()};
        for (size_t i = 0; i < whole; i += panel_width) {
            __m512 low = quick_power_of_two(_mm512_fmadd_ps(_mm512_loadu_ps(x + i), factor, shift));
            __m512 high = quick_power_of_two(_mm512_fmadd_ps(_mm512_loadu_ps(x + i + lanes), factor, shift));
            sums[0] = _mm512_add_ps(sums[0], low);
            sums[1] = _mm512_add_ps(sums[1], high);
            _mm512_storeu_si512(weights + i, (__m512i)_mm512_cvtne2ps_pbh(high, low));
        }
        if (left > 0) {
            __m512 low = _mm512_fmadd_ps(_mm512_loadu_ps(x + whole), factor, shift);
            __m512 high = _mm512_fmadd_ps(_mm512_loadu_ps(x + whole + lanes), factor, shift);
            low = _mm512_maskz_mov_ps(first, quick_power_of_two(low));
            high = _mm512_maskz_mov_ps(second, quick_power_of_two(high));
            sums[0] = _mm512_add_ps(sums[0], low);
            sums[1] = _mm512_add_ps(sums[1], high);
            _mm512_storeu_si512(weights + whole, (__m512i)_mm512_cvtne2ps_pbh(high, low));
        }
        by_row[row] = (__m512i)_mm512_add_ps(sums[0], sums[1]);
    }
    _mm512_storeu_ps(inverse_sums, _mm512_div_ps(_mm512_set1_ps(1), sum_of_rows(by_row)));
}

/// One tile: the scores of 512 tokens then fill half of an L1 cache of 48 KB.
enum { query_block = tile_rows };

static size_t attention_scratch_count(size_t tokens, size_t head_width) {
    // Two numbers of 16 bits to a float.
    size_t keys = whole_panels(tokens) * head_width / 2;
    size_t values = whole_panels(head_width) * ((tokens + 1) / 2);
    return (keys + 15) / 16 * 16 + values + query_block * whole_panels(tokens);
}

/// Up to `panel_width` columns of each row, times its factor.
INLINE void store_scaled(const float *x, const float *factors, float *out, size_t ldo, size_t rows, size_t columns) {
    for (size_t i = 0; i < rows; i++) {
        __m512 factor = _mm512_set1_ps(factors[i]);
        for (size_t j = 0; j < panel_width && j < columns; j += lanes) {
            __m512 scaled = _mm512_mul_ps(_mm512_loadu_ps(x + i * panel_width + j), factor);
            _mm512_mask_storeu_ps(out + i * ldo + j, first_lanes(columns - j), scaled);
        }
    }
}

TARGET static void attention(const uint16_t *q, size_t ldq, const uint16_t *k, size_t ldk, const uint16_t *v,
                             size_t ldv, float *out, size_t ldo, size_t queries, size_t tokens, size_t head_width,
                             float scale, float *scratch) {
    size_t pairs = head_width / 2, ld_scores = whole_panels(tokens), value_steps = (tokens + 1) / 2;
    float *packed_v = scratch + (whole_panels(tokens) * head_width / 2 + 15) / 16 * 16;
    float *scores = packed_v + whole_panels(head_width) * value_steps;
    uint16_t *keys = (uint16_t *)scratch, *values = (uint16_t *)packed_v;
    pack_keys(k, ldk, tokens, pairs, keys);
    pack_values(v, ldv, tokens, head_width, values);

    for (size_t first = 0; first < queries; first += query_block) {
        size_t rows = resift_min(query_block, queries - first);
        for (size_t key = 0; key < tokens; key += panel_width)
            panel_product(q + first * ldq, ldq, keys + key * pairs * 2, pairs, zeros, scores + key, ld_scores, rows,
                          panel_width);
        float inverse_sums[lanes];
        weights_of_scores(scores, ld_scores, rows, tokens, scale, inverse_sums);
        for (size_t column = 0; column < head_width; column += panel_width) {
            float sums[query_block * panel_width];
            panel_product((uint16_t *)scores, 2 * ld_scores, values + column * value_steps * 2, value_steps, zeros, sums,
                          panel_width, rows, panel_width);
            store_scaled(sums, inverse_sums, out + first * ldo + column, ldo, rows, head_width - column);
        }
    }
}

const resift_bf16_product resift_bf16_avx512 = {
    .name = "avx512-bf16",
    .panel_width = panel_width,
    .matmul = matmul,
    .max_dot = max_dot,
    .attention = attention,
    .attention_scratch_count = attention_scratch_count,
};

#endif

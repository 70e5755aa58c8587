// The largest products of rows with each query, written once for every vector width. Included by a variant's file after
// vector_matmul.h, whose panels and tiles it shares.
//
// Queries lie across the lanes, rows go down the tile: a tile's sums are folded into the maxima lane by lane, and nothing
// is summed across lanes.

/// best = max(best, A B) for `rows` rows and one panel. `rows` is a constant in each call, so that `sum` becomes registers
/// (see vector_matmul.h about the pragmas).
INLINE void max_tile(size_t rows, const float *a, size_t lda, const float *b, size_t depth, float *best) {
    vec sum[TILE_ROWS][PANEL_VECTORS];
#pragma clang loop unroll(full)
    for (size_t i = 0; i < rows; i++) {
#pragma clang loop unroll(full)
        for (size_t j = 0; j < PANEL_VECTORS; j++) sum[i][j] = v_set(0);
    }
#pragma clang loop unroll(disable)
    for (size_t step = 0; step < depth; step++) {
        // Once a cache line: documents are read from memory, once.
        if (step % 16 == 0) {
#pragma clang loop unroll(full)
            for (size_t i = 0; i < rows; i++) __builtin_prefetch(resift_prefetch_address(a + i * lda + step));
        }
        vec column[PANEL_VECTORS];
#pragma clang loop unroll(full)
        for (size_t j = 0; j < PANEL_VECTORS; j++) column[j] = v_load(b + step * panel_width + j * LANES);
#pragma clang loop unroll(full)
        for (size_t i = 0; i < rows; i++) {
            vec factor = v_set(a[i * lda + step]);
#pragma clang loop unroll(full)
            for (size_t j = 0; j < PANEL_VECTORS; j++) sum[i][j] = v_fma(factor, column[j], sum[i][j]);
        }
    }
#pragma clang loop unroll(full)
    for (size_t j = 0; j < PANEL_VECTORS; j++) {
        vec largest = v_load(best + j * LANES);
#pragma clang loop unroll(full)
        for (size_t i = 0; i < rows; i++) largest = v_max(largest, sum[i][j]);
        v_store(best + j * LANES, largest);
    }
}

TARGET static void max_dot(const float *rows, size_t ldr, size_t count, const float *packed, size_t n, size_t k,
                           float *maxima) {
    for (size_t column = 0; column < n; column += panel_width) {
        const float *panel = packed + column * k;
        float best[panel_width];
        for (size_t j = 0; j < panel_width; j++) best[j] = -INFINITY;
        size_t height;
        for (size_t row = 0; row < count; row += height) {
            height = resift_tile_rows(count - row, TILE_ROWS);
#define MAX_TILE(count)                                                                                                \
    case count:                                                                                                        \
        max_tile(count <= TILE_ROWS ? count : TILE_ROWS, rows + row * ldr, ldr, panel, k, best);                       \
        break;
            switch (height) {
                MAX_TILE(1)
                MAX_TILE(2)
                MAX_TILE(3)
                MAX_TILE(4)
                MAX_TILE(5)
                MAX_TILE(6)
#if TILE_ROWS > 6
                MAX_TILE(7)
                MAX_TILE(8)
                MAX_TILE(9)
                MAX_TILE(10)
                MAX_TILE(11)
                MAX_TILE(12)
                MAX_TILE(13)
                MAX_TILE(14)
#endif
            }
#undef MAX_TILE
        }
        memcpy(maxima + column, best, resift_min(panel_width, n - column) * sizeof *best);
    }
}

// The matrix product, written once for every vector width. Included by a variant's file after vector_math.h; beside
// the operations listed there it needs
//
//   PANEL_VECTORS   vectors in one row of a panel
//   TILE_ROWS       rows of C that a tile keeps in registers (TILE_ROWS * PANEL_VECTORS accumulators), at most 14
//   TILE_DEPTH      steps over K between loading and storing a tile: this much of a panel stays in the L1 cache
//
// A tile of C lives in registers while it walks over K: B comes as whole vectors from its panel, A as single numbers
// read in place. An element has one accumulator, which starts from the bias and takes its products in the order of
// K; between two blocks of K it waits in C. So its value does not depend on how rows are shared out among tiles.

enum { panel_width = PANEL_VECTORS * LANES };

TARGET static void pack_transposed(const float *b_transposed, size_t ldb, size_t n, size_t k, float *packed) {
    resift_pack_panels_transposed(b_transposed, ldb, n, k, panel_width, packed);
}

TARGET static void pack(const float *b, size_t ldb, size_t k, size_t n, float *packed) {
    resift_pack_panels(b, ldb, k, n, panel_width, packed);
}

/// C += A B for `rows` rows and one panel, where `start` (row distance ld_start) is what the sums begin with.
/// `rows` is a constant in each call, so that `sum` becomes registers. Without the pragma the compiler leaves some of
/// these loops rolled at -O2, and then the whole tile goes through memory.
INLINE void tile(size_t rows, const float *a, size_t lda, const float *b, size_t depth, const float *start,
                 size_t ld_start, float *c, size_t ldc) {
    vec sum[TILE_ROWS][PANEL_VECTORS];
#pragma clang loop unroll(full)
    for (size_t i = 0; i < rows; i++) {
#pragma clang loop unroll(full)
        for (size_t j = 0; j < PANEL_VECTORS; j++) sum[i][j] = v_load(start + i * ld_start + j * LANES);
    }
#pragma clang loop unroll(disable)
    for (size_t step = 0; step < depth; step++) {
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
    for (size_t i = 0; i < rows; i++) {
#pragma clang loop unroll(full)
        for (size_t j = 0; j < PANEL_VECTORS; j++) v_store(c + i * ldc + j * LANES, sum[i][j]);
    }
}

/// One function for each number of rows.
TARGET static void tile_of_rows(size_t rows, const float *a, size_t lda, const float *b, size_t depth,
                                const float *start, size_t ld_start, float *c, size_t ldc) {
#define TILE(count)                                                                                                    \
    case count:                                                                                                        \
        tile(count <= TILE_ROWS ? count : TILE_ROWS, a, lda, b, depth, start, ld_start, c, ldc);                       \
        break;
    switch (rows) {
        TILE(1)
        TILE(2)
        TILE(3)
        TILE(4)
        TILE(5)
        TILE(6)
#if TILE_ROWS > 6
        TILE(7)
        TILE(8)
        TILE(9)
        TILE(10)
        TILE(11)
        TILE(12)
        TILE(13)
        TILE(14)
#endif
    }
#undef TILE
}

/// The last panel where it is not full: the tile works on a whole panel in `whole`, and only the columns that exist
/// move between it and C.
TARGET static void partial_tile(size_t rows, const float *a, size_t lda, const float *b, size_t depth,
                                const float *start, size_t ld_start, float *c, size_t ldc, size_t columns) {
    float whole[TILE_ROWS * panel_width];
    for (size_t i = 0; i < rows; i++) {
        for (size_t j = 0; j < panel_width; j += LANES) {
            size_t left = columns > j ? columns - j : 0;
            v_store(whole + i * panel_width + j, v_load_first(start + i * ld_start + j, left));
        }
    }
    tile_of_rows(rows, a, lda, b, depth, whole, panel_width, whole, panel_width);
    for (size_t i = 0; i < rows; i++) {
        for (size_t j = 0; j < columns; j += LANES)
            v_store_first(c + i * ldc + j, v_load(whole + i * panel_width + j), columns - j);
    }
}

/// All rows, one panel, one block of K.
TARGET static void panel_product(const float *a, size_t lda, const float *b, size_t depth, const float *start,
                                 size_t ld_start, float *c, size_t ldc, size_t m, size_t columns) {
    // Rows are shared out evenly: 100 rows in tiles of 12 and 13 take less time than seven tiles of 14 and one of 2.
    size_t tiles = (m + TILE_ROWS - 1) / TILE_ROWS;
    size_t first = 0;
    for (size_t index = 0; index < tiles; index++) {
        size_t rows = (m - first) / (tiles - index);
        const float *tile_start = start + first * ld_start;
        if (columns == panel_width)
            tile_of_rows(rows, a + first * lda, lda, b, depth, tile_start, ld_start, c + first * ldc, ldc);
        else
            partial_tile(rows, a + first * lda, lda, b, depth, tile_start, ld_start, c + first * ldc, ldc, columns);
        first += rows;
    }
}

TARGET static void matmul(const float *a, size_t lda, const float *packed_b, const float *bias, float *c, size_t ldc,
                          size_t m, size_t n, size_t k) {
    static const float no_bias[panel_width] = {0};
    // With K = 0 there is one block of depth 0: C becomes the bias.
    size_t first_step = 0;
    do {
        size_t depth = resift_min(TILE_DEPTH, k - first_step);
        for (size_t column = 0; column < n; column += panel_width) {
            // Every row starts from the bias, which is a row distance of 0, and goes on from C.
            const float *start = first_step ? c + column : bias ? bias + column : no_bias;
            panel_product(a + first_step, lda, packed_b + column * k + first_step * panel_width, depth, start,
                          first_step ? ldc : 0, c + column, ldc, m, resift_min(panel_width, n - column));
        }
        first_step += depth;
    } while (first_step < k);
}

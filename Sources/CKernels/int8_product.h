// The product of bytes, written once for every way to multiply them. Included by a variant's file after vector_math.h,
// once for each of its ways, with these defined (and undefined again at the end of this file):
//
//   INT8_NAME(x)                     x with this way's suffix
//   INT8_TARGET                      function attribute that allows the instructions
//   INT8_VECTORS, INT8_ROWS          the tile: vectors of sums across, rows down
//   INT8_OFFSET                      what is taken off each byte of A before it is multiplied, 0 or 128
//   INT8_PREFETCHES                  defined where products are faster than memory: MaxSim then asks for rows ahead
//   sums_t, a_t, b_t                 LANES sums of 32 bits; four bytes of a row of A, for each lane; a vector of B
//   int8_start(factor, p)            factor times LANES integers
//   int8_a(p), int8_b(p)             loads of the operands
//   int8_add(s, a, b)                s + the products, four to a lane
//   int8_float(s)                    the sums as a `vec`
//
// sum over i of (byte - zero) * weight is the sum of byte * weight, which starts from -zero times the sum of the
// weights. In integers that is exact.

enum { INT8_NAME(int8_width) = INT8_VECTORS * LANES };

#define INT8_INLINE static inline __attribute__((always_inline)) INT8_TARGET

/// `rows` is a constant in each call, so that `sums` becomes registers (see vector_matmul.h about the pragmas).
INT8_INLINE void INT8_NAME(int8_tile)(size_t rows, const uint8_t *a, size_t lda, const resift_row_scale *a_scales,
                                      const resift_int8_matrix *b, size_t column, float *c, size_t ldc) {
    enum { width = INT8_VECTORS * LANES };
    size_t steps = (b->k + 3) / 4;
    const int8_t *panel = b->panels + column * steps * 4;
    sums_t sums[INT8_ROWS][INT8_VECTORS];
#pragma clang loop unroll(full)
    for (size_t i = 0; i < rows; i++) {
#pragma clang loop unroll(full)
        for (size_t j = 0; j < INT8_VECTORS; j++)
            sums[i][j] = int8_start(INT8_OFFSET - a_scales[i].zero, b->sums + column + j * LANES);
    }
#pragma clang loop unroll(disable)
    for (size_t step = 0; step < steps; step++) {
        b_t weights[INT8_VECTORS];
#pragma clang loop unroll(full)
        for (size_t j = 0; j < INT8_VECTORS; j++) weights[j] = int8_b(panel + (step * width + j * LANES) * 4);
#pragma clang loop unroll(full)
        for (size_t i = 0; i < rows; i++) {
            a_t bytes = int8_a(a + i * lda + step * 4);
#pragma clang loop unroll(full)
            for (size_t j = 0; j < INT8_VECTORS; j++) sums[i][j] = int8_add(sums[i][j], bytes, weights[j]);
        }
    }
    size_t columns = resift_min(width, b->n - column);
#pragma clang loop unroll(full)
    for (size_t i = 0; i < rows; i++) {
        vec scale = v_set(a_scales[i].scale);
#pragma clang loop unroll(full)
        for (size_t j = 0; j < INT8_VECTORS; j++) {
            vec factor = v_mul(scale, v_load(b->scales + column + j * LANES));
            vec value = v_fma(int8_float(sums[i][j]), factor, v_load(b->bias + column + j * LANES));
            if (columns == width)
                v_store(c + i * ldc + j * LANES, value);
            else if (columns > j * LANES)
                v_store_first(c + i * ldc + j * LANES, value, columns - j * LANES);
        }
    }
}

INT8_TARGET static void INT8_NAME(int8_matmul)(const uint8_t *a, size_t lda, const resift_row_scale *a_scales,
                                               const resift_int8_matrix *b, float *c, size_t ldc, size_t m) {
    for (size_t column = 0; column < b->n; column += INT8_NAME(int8_width)) {
        size_t rows;
        for (size_t row = 0; row < m; row += rows) {
            rows = resift_tile_rows(m - row, INT8_ROWS);
#define INT8_TILE(count)                                                                                               \
    case count:                                                                                                        \
        INT8_NAME(int8_tile)(count <= INT8_ROWS ? count : INT8_ROWS, a + row * lda, lda, a_scales + row, b, column,    \
                             c + row * ldc + column, ldc);                                                             \
        break;
            switch (rows) {
                INT8_TILE(1)
                INT8_TILE(2)
                INT8_TILE(3)
                INT8_TILE(4)
#if INT8_ROWS > 4
                INT8_TILE(5)
                INT8_TILE(6)
#endif
            }
#undef INT8_TILE
        }
    }
}

/// best = max(best, scale * products) for `rows` rows and the first `vectors` vectors of one panel; both are constants.
INT8_INLINE void INT8_NAME(int8_max_tile)(size_t rows, size_t vectors, const uint8_t *a, size_t lda,
                                          const resift_row_scale *a_scales, const resift_int8_matrix *b, size_t column,
                                          float *best) {
    enum { width = INT8_VECTORS * LANES };
    size_t steps = (b->k + 3) / 4;
    const int8_t *panel = b->panels + column * steps * 4;
    sums_t sums[INT8_ROWS][INT8_VECTORS];
#pragma clang loop unroll(full)
    for (size_t i = 0; i < rows; i++) {
#pragma clang loop unroll(full)
        for (size_t j = 0; j < vectors; j++)
            sums[i][j] = int8_start(INT8_OFFSET - a_scales[i].zero, b->sums + column + j * LANES);
    }
#pragma clang loop unroll(disable)
    for (size_t step = 0; step < steps; step++) {
#ifdef INT8_PREFETCHES
        if (step % 16 == 0) {
#pragma clang loop unroll(full)
            for (size_t i = 0; i < rows; i++) __builtin_prefetch(resift_prefetch_address(a + i * lda + step * 4));
        }
#endif
        b_t weights[INT8_VECTORS];
#pragma clang loop unroll(full)
        for (size_t j = 0; j < vectors; j++) weights[j] = int8_b(panel + (step * width + j * LANES) * 4);
#pragma clang loop unroll(full)
        for (size_t i = 0; i < rows; i++) {
            a_t bytes = int8_a(a + i * lda + step * 4);
#pragma clang loop unroll(full)
            for (size_t j = 0; j < vectors; j++) sums[i][j] = int8_add(sums[i][j], bytes, weights[j]);
        }
    }
#pragma clang loop unroll(full)
    for (size_t j = 0; j < vectors; j++) {
        vec largest = v_load(best + j * LANES);
#pragma clang loop unroll(full)
        for (size_t i = 0; i < rows; i++)
            largest = v_max(largest, v_mul(int8_float(sums[i][j]), v_set(a_scales[i].scale)));
        v_store(best + j * LANES, largest);
    }
}

/// All rows, one panel.
INT8_INLINE void INT8_NAME(int8_max_panel)(size_t vectors, const uint8_t *rows, size_t ldr,
                                           const resift_row_scale *scales, const resift_int8_matrix *b, size_t column,
                                           float *best, size_t count) {
    size_t height;
    for (size_t row = 0; row < count; row += height) {
        height = resift_tile_rows(count - row, INT8_ROWS);
#define INT8_MAX_TILE(count)                                                                                           \
    case count:                                                                                                        \
        INT8_NAME(int8_max_tile)(count <= INT8_ROWS ? count : INT8_ROWS, vectors, rows + row * ldr, ldr, scales + row, \
                                 b, column, best);                                                                     \
        break;
        switch (height) {
            INT8_MAX_TILE(1)
            INT8_MAX_TILE(2)
            INT8_MAX_TILE(3)
            INT8_MAX_TILE(4)
#if INT8_ROWS > 4
            INT8_MAX_TILE(5)
            INT8_MAX_TILE(6)
#endif
        }
#undef INT8_MAX_TILE
    }
}

INT8_TARGET static void INT8_NAME(int8_max_dot)(const uint8_t *rows, size_t ldr, const resift_row_scale *scales,
                                                const resift_int8_matrix *b, float *maxima, size_t count) {
    enum { width = INT8_VECTORS * LANES };
    for (size_t column = 0; column < b->n; column += width) {
        size_t columns = resift_min(width, b->n - column);
        float best[width];
        for (size_t j = 0; j < width; j++) best[j] = -INFINITY;
        // Queries often have 32 tokens, where a panel can have 64.
        if (columns <= width / 2)
            INT8_NAME(int8_max_panel)(INT8_VECTORS / 2, rows, ldr, scales, b, column, best, count);
        else
            INT8_NAME(int8_max_panel)(INT8_VECTORS, rows, ldr, scales, b, column, best, count);
        for (size_t j = 0; j < columns; j++) maxima[column + j] = best[j] * b->scales[column + j];
    }
}

#undef INT8_NAME
#undef INT8_TARGET
#undef INT8_INLINE
#undef INT8_VECTORS
#undef INT8_ROWS
#undef INT8_OFFSET
#undef INT8_PREFETCHES
#undef sums_t
#undef a_t
#undef b_t
#undef int8_start
#undef int8_a
#undef int8_b
#undef int8_add
#undef int8_float

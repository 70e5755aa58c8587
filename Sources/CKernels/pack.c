// B in panels: ceil(N / width) panels, each K rows of `width` columns, so that a tile of the product reads B as one
// contiguous stream. The last panel is filled up with zeros: a tile always multiplies whole vectors.

#include <string.h>

#include "internal.h"

size_t resift_packed_count(const resift_kernels *kernels, size_t n, size_t k) {
    size_t width = kernels->panel_width;
    return (n + width - 1) / width * width * k;
}

void resift_pack_panels(const float *b, size_t ldb, size_t k, size_t n, size_t width, float *packed) {
    for (size_t first = 0; first < n; first += width) {
        size_t columns = resift_min(width, n - first);
        for (size_t row = 0; row < k; row++) {
            memcpy(packed, b + row * ldb + first, columns * sizeof(float));
            memset(packed + columns, 0, (width - columns) * sizeof(float));
            packed += width;
        }
    }
}

void resift_pack_panels_transposed(const float *b_transposed, size_t ldb, size_t n, size_t k, size_t width,
                                   float *packed) {
    for (size_t first = 0; first < n; first += width) {
        size_t columns = resift_min(width, n - first);
        for (size_t column = 0; column < columns; column++) {
            const float *source = b_transposed + (first + column) * ldb;
            for (size_t row = 0; row < k; row++) packed[row * width + column] = source[row];
        }
        for (size_t row = 0; row < k; row++)
            memset(packed + row * width + columns, 0, (width - columns) * sizeof(float));
        packed += k * width;
    }
}

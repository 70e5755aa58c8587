#ifndef RESIFT_GUARDED_H
#define RESIFT_GUARDED_H

// Matrices in the middle of forbidden ground.

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "CKernels.h"

typedef struct matrix {
    float *values; // row i starts at values + i * stride
    size_t rows, columns, stride;
    float *zone; // the whole allocation
    size_t zone_count;
} matrix;

/// A matrix whose rows are `gap` floats apart. With a gap it is off alignment too; without one it starts on a 64-byte
/// boundary, as packed operands and scratch do. All of it holds the guard pattern, elements included.
matrix matrix_make(size_t rows, size_t columns, size_t gap);
/// The same with numbers from -amplitude to amplitude in it.
matrix matrix_random(size_t rows, size_t columns, size_t gap, float amplitude, uint64_t *seed);
void matrix_copy(matrix *destination, const matrix *source);
float *matrix_row(const matrix *m, size_t row);
void matrix_free(matrix *m);

/// True if gaps and guard zones are as they were made. Call it before matrix_free, and only once.
bool matrix_is_intact(const matrix *m);

/// Rows `first`, `first` + 1, ... of b's length in a equal b, bit for bit.
bool matrix_rows_equal(const matrix *a, size_t first, const matrix *b);

uint64_t random_bits(uint64_t *seed);
const resift_kernels *kernels_of(const char *variant);
double larger(double a, double b); // NaN if one of them is

#endif

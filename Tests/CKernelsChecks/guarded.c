#include "guarded.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#if defined(__has_feature)
#if __has_feature(address_sanitizer)
#include <sanitizer/asan_interface.h>
#define FORBID(start, end) __asan_poison_memory_region(start, (size_t)((const char *)(end) - (const char *)(start)))
#define ALLOW(start, end) __asan_unpoison_memory_region(start, (size_t)((const char *)(end) - (const char *)(start)))
#endif
#endif
#ifndef FORBID
#define FORBID(start, end) ((void)(start), (void)(end))
#define ALLOW(start, end) ((void)(start), (void)(end))
#endif

enum { guard = 64 }; // floats before and after, more than the widest tile

static const uint32_t guard_bits = 0x7fc0beef; // a quiet NaN

matrix matrix_make(size_t rows, size_t columns, size_t gap) {
    matrix m = {.rows = rows, .columns = columns, .stride = columns + gap};
    size_t count = rows * m.stride;
    m.zone_count = (2 * guard + 1 + count + 15) / 16 * 16;
    m.zone = aligned_alloc(64, m.zone_count * sizeof(float));
    if (!m.zone) abort();
    for (size_t i = 0; i < m.zone_count; i++) memcpy(m.zone + i, &guard_bits, sizeof guard_bits);
    m.values = m.zone + guard + (gap ? 1 : 0);
    FORBID(m.zone, m.values);
    FORBID(m.values + count, m.zone + m.zone_count);
    return m;
}

uint64_t random_bits(uint64_t *seed) {
    // SplitMix64 (Steele, Lea, Flood 2014).
    uint64_t z = *seed += 0x9e3779b97f4a7c15u;
    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
    z = (z ^ z >> 27) * 0x94d049bb133111ebu;
    return z ^ z >> 31;
}

matrix matrix_random(size_t rows, size_t columns, size_t gap, float amplitude, uint64_t *seed) {
    matrix m = matrix_make(rows, columns, gap);
    for (size_t row = 0; row < rows; row++) {
        for (size_t column = 0; column < columns; column++) {
            float unit = (float)(random_bits(seed) >> 40) * 0x1p-24f;
            matrix_row(&m, row)[column] = amplitude * (2 * unit - 1);
        }
    }
    return m;
}

void matrix_copy(matrix *destination, const matrix *source) {
    for (size_t row = 0; row < source->rows; row++)
        memcpy(matrix_row(destination, row), matrix_row(source, row), source->columns * sizeof(float));
}

float *matrix_row(const matrix *m, size_t row) { return m->values + row * m->stride; }

void matrix_free(matrix *m) {
    ALLOW(m->zone, m->zone + m->zone_count);
    free(m->zone);
}

static bool is_guard(const float *value) { return memcmp(value, &guard_bits, sizeof guard_bits) == 0; }

bool matrix_is_intact(const matrix *m) {
    ALLOW(m->zone, m->zone + m->zone_count);
    size_t first = (size_t)(m->values - m->zone);
    for (size_t i = 0; i < m->zone_count; i++) {
        bool is_element = i >= first && i < first + m->rows * m->stride && (i - first) % m->stride < m->columns;
        if (!is_element && !is_guard(m->zone + i)) return false;
    }
    return true;
}

bool matrix_rows_equal(const matrix *a, size_t first, const matrix *b) {
    for (size_t row = 0; row < b->rows; row++) {
        if (memcmp(matrix_row(a, first + row), matrix_row(b, row), b->columns * sizeof(float)) != 0) return false;
    }
    return true;
}

const resift_kernels *kernels_of(const char *variant) {
    const resift_kernels *kernels = resift_kernels_named(variant);
    if (!kernels) {
        fprintf(stderr, "This CPU has no kernels named \"%s\".\n", variant);
        abort();
    }
    return kernels;
}

double larger(double a, double b) { return isnan(a) || a > b ? a : b; }

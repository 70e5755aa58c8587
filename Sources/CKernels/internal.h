#ifndef RESIFT_CKERNELS_INTERNAL_H
#define RESIFT_CKERNELS_INTERNAL_H

// What the files of this target share with each other, and with nobody else.

#include <string.h>

#include "CKernels.h"

// Every variant that this build has; dispatch.c knows which of them the CPU can run.
extern const resift_kernels resift_kernels_scalar;
#if defined(__x86_64__)
extern const resift_kernels resift_kernels_avx2;
extern const resift_kernels resift_kernels_avx512;

// Also the AVX-512 variant's, where a CPU of it has no VNNI.
void resift_dot_i8_avx2(const int8_t *rows, size_t count, size_t dimension, const int8_t *query, int32_t *out);
#elif defined(__aarch64__)
extern const resift_kernels resift_kernels_neon;
#endif

// The ways to multiply bytes and bfloat16; int8.c and bf16.c know which the CPU can run.
extern const resift_int8_product resift_int8_scalar;
extern const resift_bf16_product resift_bf16_scalar;
#if defined(__x86_64__)
extern const resift_int8_product resift_int8_avx512_vnni;
extern const resift_int8_product resift_int8_avx_vnni;
extern const resift_int8_product resift_int8_avx2;
extern const resift_bf16_product resift_bf16_avx512;
#elif defined(__aarch64__)
extern const resift_int8_product resift_int8_neon_dotprod;
extern const resift_int8_product resift_int8_neon;
bool resift_has_dotprod(void);
#endif

#if defined(__x86_64__)
// Newer features, of leaf 7 and its subleaf 1, which older compilers do not know in __builtin_cpu_supports.
enum { resift_cpuid_avx_vnni = 1 << 4, resift_cpuid_avx512_bf16 = 1 << 5 };
bool resift_cpuid_has(unsigned feature);
#endif

// Packing only moves numbers, so all variants share it and differ in `width`, the columns of a panel.
void resift_pack_panels(const float *b, size_t ldb, size_t k, size_t n, size_t width, float *packed);
void resift_pack_panels_transposed(const float *b_transposed, size_t ldb, size_t n, size_t k, size_t width,
                                   float *packed);

// Half precision to single by integer arithmetic, for the scalar variant.
float resift_half_to_float(uint16_t half);

// Single to bfloat16, to nearest, ties to even. The low half of a NaN may be all it has: it becomes the quiet one.
static inline __attribute__((always_inline)) uint16_t resift_bf16_of(float value) {
    uint32_t bits;
    memcpy(&bits, &value, sizeof bits);
    uint32_t rounded = (bits + 0x7fff + (bits >> 16 & 1)) >> 16;
    return (uint16_t)((bits & 0x7fffffffu) > 0x7f800000u ? bits >> 16 | 0x40 : rounded);
}

static inline size_t resift_operand_width(size_t columns) {
    return (columns + RESIFT_OPERAND_STEP - 1) / RESIFT_OPERAND_STEP * RESIFT_OPERAND_STEP;
}

// The shares of rows among tiles are even: 7 rows in tiles of at most 6 are 3 and 4.
static inline size_t resift_tile_rows(size_t left, size_t at_most) { return left / ((left + at_most - 1) / at_most); }

// How far ahead of its loads a scan of rows asks for memory. The CPU's own prefetcher stops at the end of a page;
// two pages are the distance that measured fastest.
enum { resift_prefetch_bytes = 8192 };

// By way of an integer, because the address may lie beyond the end of the array; prefetching it is harmless there.
static inline __attribute__((always_inline)) const char *resift_prefetch_address(const void *p) {
    return (const char *)((uintptr_t)p + resift_prefetch_bytes);
}

static inline size_t resift_min(size_t a, size_t b) { return a < b ? a : b; }

#endif

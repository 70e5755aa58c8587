// The most that one thread of this CPU computes: multiply-adds that never leave the registers. A multiplication and an
// addition each count as one operation.

#ifndef PEAKS_H
#define PEAKS_H

#include <string.h>
#include <time.h>

#if defined(__x86_64__)
#include <immintrin.h>
#endif

/// Of this thread alone: the machine may have other work.
static double seconds(void) {
    struct timespec now;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
    return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

/// Best of many rounds.
#define BEST(rounds, elapsed, ...)                                                                                     \
    double elapsed = 1e9;                                                                                              \
    for (int round = 0; round < (rounds); round++) {                                                                   \
        double start = seconds();                                                                                      \
        __VA_ARGS__;                                                                                                   \
        double took = seconds() - start;                                                                               \
        if (took < elapsed) elapsed = took;                                                                            \
    }

// Independent chains enough to hide the latency of the multiply-add; nothing leaves the registers.
#define PEAK(name, attribute, register_class, width, chains)                                                           \
    __attribute__((noinline)) attribute static double name(void) {                                                     \
        typedef float lanes __attribute__((vector_size(width * sizeof(float))));                                       \
        const long steps = 4000000;                                                                                    \
        lanes sum[chains] = {0}, a = {0}, b = {0};                                                                     \
        double best = 1e9;                                                                                             \
        for (int round = 0; round < 5; round++) {                                                                      \
            double start = seconds();                                                                                  \
            for (long step = 0; step < steps; step++) {                                                                \
                _Pragma("clang loop unroll(full)") for (int i = 0; i < chains; i++) sum[i] = a * b + sum[i];           \
                /* The factors may have changed: no product can be taken out of the loop. */                           \
                __asm__ volatile("" : "+" register_class(a), "+" register_class(b));                                   \
            }                                                                                                          \
            double elapsed = seconds() - start;                                                                        \
            if (elapsed < best) best = elapsed;                                                                        \
        }                                                                                                              \
        volatile float sink = 0;                                                                                       \
        for (int i = 0; i < chains; i++) sink += sum[i][0];                                                            \
        return 2.0 * width * chains * (double)steps / best / 1e9;                                                      \
    }

#if defined(__x86_64__)
PEAK(peak_avx512, __attribute__((target("avx512f"))), "v", 16, 24)
PEAK(peak_avx2, __attribute__((target("avx2,fma"))), "x", 8, 12)
#elif defined(__aarch64__)
PEAK(peak_neon, , "w", 4, 24)
#endif

/// In 1e9 operations/s; 0 where a variant of the kernels has no vectors whose peak it could reach.
static double peak_of(const char *name) {
#if defined(__x86_64__)
    if (strcmp(name, "avx512") == 0) return peak_avx512();
    if (strcmp(name, "avx2") == 0) return peak_avx2();
#elif defined(__aarch64__)
    if (strcmp(name, "neon") == 0) return peak_neon();
#endif
    return 0;
}

#if defined(__x86_64__)
// Four bytes, or two bfloat16, to a lane; a step counts as for floats, so the peak is that many times higher.
#define NARROW_PEAK(name, features, sum_t, zero, add, width)                                                           \
    __attribute__((noinline, target(features))) static double name(void) {                                             \
        enum { chains = 20 };                                                                                          \
        const long steps = 4000000;                                                                                    \
        sum_t sums[chains];                                                                                            \
        for (int i = 0; i < chains; i++) sums[i] = zero;                                                               \
        __m512i a = _mm512_setzero_si512(), b = a;                                                                     \
        BEST(5, best, {                                                                                                \
            for (long step = 0; step < steps; step++) {                                                                \
                _Pragma("clang loop unroll(full)") for (int i = 0; i < chains; i++) sums[i] = add(sums[i], a, b);       \
                __asm__ volatile("" : "+v"(a), "+v"(b));                                                               \
            }                                                                                                          \
        })                                                                                                             \
        for (int i = 0; i < chains; i++) __asm__ volatile("" : : "v"(sums[i]));                                         \
        return 2.0 * width * chains * (double)steps / best / 1e9;                                                      \
    }
#define ADD_BF16(s, a, b) _mm512_dpbf16_ps(s, (__m512bh)(a), (__m512bh)(b))
NARROW_PEAK(peak_vnni, "avx512f,avx512vnni", __m512i, _mm512_setzero_si512(), _mm512_dpbusd_epi32, 64)
NARROW_PEAK(peak_bf16, "avx512f,avx512bf16", __m512, _mm512_setzero_ps(), ADD_BF16, 32)
#endif

/// Of a way to multiply bytes; 0 where its peak is not known.
static inline double peak_of_int8(const char *name) {
#if defined(__x86_64__)
    if (strcmp(name, "avx512-vnni") == 0) return peak_vnni();
#endif
    (void)name;
    return 0;
}

/// Of a way to multiply bfloat16; 0 where its peak is not known.
static inline double peak_of_bf16(const char *name) {
#if defined(__x86_64__)
    if (strcmp(name, "avx512-bf16") == 0) return peak_bf16();
#endif
    (void)name;
    return 0;
}

#endif

// Speed of every variant, single-threaded, against the measured peak of fused multiply-adds of the same width.

#define _POSIX_C_SOURCE 200809L

#include "bench.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "CKernels.h"

static double seconds(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

static float *numbers(size_t count) {
    float *values = aligned_alloc(64, (count * sizeof(float) + 63) / 64 * 64);
    if (!values) abort();
    for (size_t i = 0; i < count; i++) values[i] = (float)((i * 7919) % 1013) / 1013 - 0.5f;
    return values;
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

/// In GFLOP/s; 0 where a variant has no vectors whose peak it could reach.
static double peak_of(const char *name) {
#if defined(__x86_64__)
    if (strcmp(name, "avx512") == 0) return peak_avx512();
    if (strcmp(name, "avx2") == 0) return peak_avx2();
#elif defined(__aarch64__)
    if (strcmp(name, "neon") == 0) return peak_neon();
#endif
    return 0;
}

static void report(const char *what, double operations, double elapsed, double peak) {
    double rate = operations / elapsed / 1e9;
    printf("  %-44s %8.1f GFLOP/s", what, rate);
    if (peak > 0) printf("  %5.1f %% of peak", 100 * rate / peak);
    printf("\n");
}

/// Rows in blocks of `block`, as one thread's tasks take them; best of several rounds.
static void bench_matmul(const resift_kernels *kernels, size_t m, size_t n, size_t k, size_t block, double peak) {
    float *a = numbers(m * k), *b = numbers(n * k), *bias = numbers(n), *c = numbers(m * n);
    float *packed = numbers(resift_packed_count(kernels, n, k));
    kernels->pack_transposed(b, k, n, k, packed);
    double best = 1e9;
    for (int round = 0; round < 7; round++) {
        double start = seconds();
        for (size_t row = 0; row < m; row += block) {
            size_t rows = m - row < block ? m - row : block;
            kernels->matmul(a + row * k, k, packed, bias, c + row * n, n, rows, n, k);
        }
        double elapsed = seconds() - start;
        if (elapsed < best) best = elapsed;
    }
    char what[80];
    snprintf(what, sizeof what, "matmul M=%zu N=%zu K=%zu, %zu rows a call", m, n, k, block);
    report(what, 2.0 * (double)m * (double)n * (double)k, best, peak);
    free(a), free(b), free(bias), free(c), free(packed);
}

static void bench_attention(const resift_kernels *kernels, size_t tokens, size_t width, size_t heads, double peak) {
    size_t hidden = width * heads;
    float *qkv = numbers(tokens * hidden * 3), *out = numbers(tokens * hidden);
    float *scratch = numbers(resift_attention_scratch_count(kernels, tokens, width));
    double best = 1e9;
    for (int round = 0; round < 20; round++) {
        double start = seconds();
        for (size_t head = 0; head < heads; head++) {
            const float *q = qkv + head * width;
            resift_attention(kernels, q, 3 * hidden, q + hidden, 3 * hidden, q + 2 * hidden, 3 * hidden,
                             out + head * width, hidden, tokens, tokens, width, 0.17f, scratch);
        }
        double elapsed = seconds() - start;
        if (elapsed < best) best = elapsed;
    }
    char what[80];
    snprintf(what, sizeof what, "attention T=%zu D=%zu, %zu heads", tokens, width, heads);
    report(what, 4.0 * (double)(tokens * tokens * hidden), best, peak);
    free(qkv), free(out), free(scratch);
}

/// Element-wise kernels, in numbers a nanosecond, on data that stays in the L2 cache.
static void bench_rows(const resift_kernels *kernels) {
    enum { rows = 100, columns = 384, count = rows * columns };
    float *x = numbers(count), *y = numbers(count);
    double best[4] = {1e9, 1e9, 1e9, 1e9};
    for (int round = 0; round < 200; round++) {
        double times[5];
        times[0] = seconds();
        kernels->gelu(x, count);
        times[1] = seconds();
        kernels->gelu_tanh(x, count);
        times[2] = seconds();
        kernels->softmax(x, columns, rows, columns, 3);
        times[3] = seconds();
        kernels->layer_norm(x, columns, y, columns, y, y, 1e-12f, x, columns, rows, columns);
        times[4] = seconds();
        for (int i = 0; i < 4; i++) {
            if (times[i + 1] - times[i] < best[i]) best[i] = times[i + 1] - times[i];
        }
    }
    const char *names[] = {"gelu", "gelu_tanh", "softmax", "layer_norm with residual"};
    for (int i = 0; i < 4; i++) printf("  %-44s %8.2f numbers/ns\n", names[i], count / best[i] / 1e9);
    free(x), free(y);
}

/// One query against a million vectors, in chunks of 4,096 as an index holds them. Bound by memory.
static void bench_scan(const resift_kernels *kernels) {
    enum { rows = 1000000, dimension = 384, chunk = 4096 };
    int8_t *codes = aligned_alloc(64, (size_t)rows * dimension), query[dimension];
    int32_t *sums = malloc(rows * sizeof *sums);
    if (!codes || !sums) abort();
    for (size_t i = 0; i < (size_t)rows * dimension; i++) codes[i] = (int8_t)((i * 7919) % 255 - 127);
    for (size_t i = 0; i < dimension; i++) query[i] = (int8_t)((i * 31) % 255 - 127);
    double best = 1e9;
    for (int round = 0; round < 7; round++) {
        double start = seconds();
        for (size_t row = 0; row < rows; row += chunk)
            kernels->dot_i8(codes + row * dimension, rows - row < chunk ? rows - row : chunk, dimension, query,
                            sums + row);
        double elapsed = seconds() - start;
        if (elapsed < best) best = elapsed;
    }
    printf("  %-44s %8.2f ms  %5.1f GB/s\n", "dot_i8, 1M vectors of 384", 1e3 * best,
           (double)rows * dimension / best / 1e9);
    free(codes), free(sums);
}

void bench(void) {
    for (size_t i = 0; i < resift_kernels_count(); i++) {
        const resift_kernels *kernels = resift_kernels_at(i);
        double peak = peak_of(kernels->name);
        printf("%s", kernels->name);
        if (peak > 0) printf(": peak %.1f GFLOP/s", peak);
        printf("\n");
        const size_t shapes[][2] = {{1152, 384}, {1536, 384}, {384, 1536}, {384, 384}};
        const size_t blocks[] = {2747, 168, 100};
        for (size_t block = 0; block < sizeof blocks / sizeof *blocks; block++) {
            for (size_t shape = 0; shape < sizeof shapes / sizeof *shapes; shape++)
                bench_matmul(kernels, 2747, shapes[shape][0], shapes[shape][1], blocks[block], peak);
        }
        bench_attention(kernels, 512, 32, 12, peak);
        bench_attention(kernels, 92, 32, 12, peak);
        bench_attention(kernels, 512, 64, 16, peak);
        bench_rows(kernels);
        bench_scan(kernels);
    }
}

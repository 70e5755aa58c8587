// Speed of every variant, single-threaded, against the measured peak of fused multiply-adds of the same width.

#define _POSIX_C_SOURCE 200809L

#include "bench.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "CKernels.h"
#include "peaks.h"

static float *numbers(size_t count) {
    float *values = aligned_alloc(64, (count * sizeof(float) + 63) / 64 * 64);
    if (!values) abort();
    for (size_t i = 0; i < count; i++) values[i] = (float)((i * 7919) % 1013) / 1013 - 0.5f;
    return values;
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
    float *scratch = numbers(resift_attention_scratch_count(kernels, tokens, width, 0));
    double best = 1e9;
    for (int round = 0; round < 20; round++) {
        double start = seconds();
        for (size_t head = 0; head < heads; head++) {
            const float *q = qkv + head * width;
            resift_attention_task task = {.q = q,
                                          .ldq = 3 * hidden,
                                          .out = out + head * width,
                                          .ldo = hidden,
                                          .heads = 1,
                                          .queries = tokens,
                                          .head_width = width,
                                          .scale = 0.17f,
                                          .own = {q + hidden, q + 2 * hidden, 3 * hidden, 3 * hidden, tokens}};
            resift_attention(kernels, &task, scratch);
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

// The steps between the narrow products, on strips of 24 rows as a BERT layer takes them.
enum { strip_rows = 24, hidden = 384, inner = 1536 };

static void report_rows(const char *what, double elapsed) {
    printf("  %-44s %8.0f ns a row\n", what, 1e9 * elapsed / strip_rows);
}

static void bench_narrow_rows(const resift_kernels *kernels) {
    float *x = numbers(strip_rows * inner), *y = numbers(strip_rows * inner);
    uint16_t *out = (uint16_t *)numbers(strip_rows * inner);
    resift_row_scale scales[strip_rows];
    BEST(2000, quantize, kernels->quantize(x, hidden, (uint8_t *)out, hidden, scales, strip_rows, hidden))
    report_rows("quantize, 384", quantize);
    BEST(2000, gelu, kernels->gelu_quantize(x, inner, false, (uint8_t *)out, inner, scales, strip_rows, inner))
    report_rows("gelu_quantize, 1536", gelu);
    BEST(2000, rounding, kernels->round_bf16(x, 2 * hidden, out, 2 * hidden, strip_rows, 2 * hidden))
    report_rows("round_bf16, 768", rounding);
    BEST(2000, norm, kernels->layer_norm(x, hidden, y, hidden, y, y, 1e-12f, x, hidden, strip_rows, hidden))
    report_rows("layer_norm with residual, 384", norm);
    free(x), free(y), free(out);
}

/// Multiplications and additions each count as one operation.
static void report_product(const char *what, double elapsed, size_t m, size_t n, size_t k, double peak) {
    report(what, 2.0 * (double)m * (double)n * (double)k, elapsed, peak);
}

/// All strips of `m` rows, as one block of a layer takes them.
static void bench_int8(const resift_int8_product *product, const resift_kernels *kernels, size_t m, size_t n, size_t k,
                       double peak) {
    float *bias = numbers(n), *c = numbers(strip_rows * n), *x = numbers(m * k);
    uint8_t *a = (uint8_t *)numbers(m * k / 4);
    int8_t *panels = (int8_t *)numbers(resift_int8_panel_bytes(product, n, k) / 4);
    int32_t *sums = (int32_t *)numbers(n);
    resift_row_scale *scales = malloc(m * sizeof *scales);
    kernels->quantize(x, k, a, k, scales, m, k);
    const resift_int8_matrix b = {.n = n, .k = k, .panels = panels, .sums = sums, .scales = bias, .bias = bias};
    BEST(20, elapsed, {
        for (size_t row = 0; row < m; row += strip_rows)
            product->matmul(a + row * k, k, scales + row, &b, c, n, strip_rows);
    })
    char what[80];
    snprintf(what, sizeof what, "int8 %s M=%zu N=%zu K=%zu", product->name, m, n, k);
    report_product(what, elapsed, m, n, k, peak);
    free(bias), free(c), free(x), free(a), free(panels), free(sums), free(scales);
}

static void bench_bf16(const resift_bf16_product *product, size_t m, size_t n, size_t k, double peak) {
    float *bias = numbers(n), *c = numbers(strip_rows * n);
    uint16_t *a = (uint16_t *)numbers(m * k / 2), *panels = (uint16_t *)numbers(n * k / 2);
    BEST(20, elapsed, {
        for (size_t row = 0; row < m; row += strip_rows)
            product->matmul(a + row * k, k, panels, bias, c, n, strip_rows, n, k);
    })
    char what[80];
    snprintf(what, sizeof what, "bf16 %s M=%zu N=%zu K=%zu", product->name, m, n, k);
    report_product(what, elapsed, m, n, k, peak);
    free(bias), free(c), free(a), free(panels);
}

static void bench_attention_bf16(const resift_kernels *kernels, size_t tokens, size_t width, size_t heads,
                                 double peak) {
    size_t stride = width * heads * 3;
    float *source = numbers(tokens * stride), *out = numbers(tokens * width * heads);
    uint16_t *qkv = (uint16_t *)numbers(tokens * stride / 2);
    kernels->round_bf16(source, stride, qkv, stride, tokens, stride);
    float *scratch = numbers(resift_attention_bf16_scratch_count(kernels, tokens, width));
    BEST(20, elapsed, {
        for (size_t head = 0; head < heads; head++) {
            const uint16_t *q = qkv + head * width;
            resift_attention_bf16(kernels, q, stride, q + width * heads, stride, q + 2 * width * heads, stride,
                                  out + head * width, width * heads, tokens, tokens, width, 0.17f, scratch);
        }
    })
    char what[80];
    snprintf(what, sizeof what, "bf16 attention T=%zu D=%zu, %zu heads", tokens, width, heads);
    report(what, 4.0 * (double)(tokens * tokens * width * heads), elapsed, peak);
    free(source), free(out), free(qkv), free(scratch);
}

/// In the shapes of BERT with hidden size 384.
static void bench_narrow(void) {
    const size_t shapes[][2] = {{384, 384}, {768, 384}, {1536, 384}, {384, 1536}};
    for (size_t way = 0; way < resift_int8_count(); way++) {
        const resift_kernels *kernels;
        const resift_int8_product *product = resift_int8_at(way, &kernels);
        double peak = peak_of_int8(product->name);
        for (size_t i = 0; i < 4; i++) bench_int8(product, kernels, 168, shapes[i][0], shapes[i][1], peak);
    }
    const resift_kernels *kernels = resift_kernels_best();
    const resift_bf16_product *product = resift_bf16_for(kernels);
    double peak = product ? peak_of_bf16(product->name) : 0;
    for (size_t i = 0; product && i < 4; i++) bench_bf16(product, 168, shapes[i][0], shapes[i][1], peak);
    bench_attention_bf16(kernels, 92, 32, 12, peak);
    bench_attention_bf16(kernels, 512, 32, 12, peak);
    bench_narrow_rows(kernels);
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
    bench_narrow();
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

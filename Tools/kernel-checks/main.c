// Runs every check of Tests/CKernelsChecks for every variant, or the benchmark: `kernel-checks [bench]`.

#include <stdio.h>
#include <string.h>

#include "CKernels.h"
#include "CKernelsChecks.h"
#include "bench.h"

static const size_t widths[] = {1,  2,  3,  7,  8,  9,  12, 15, 16,  17,  31, 32,
                                33, 47, 48, 63, 64, 65, 127, 128, 129, 384};
enum { width_count = sizeof widths / sizeof widths[0] };

static unsigned long checks, failures;

static void expect(bool condition, const char *variant, const char *what, size_t width) {
    checks++;
    if (condition) return;
    failures++;
    printf("FAILED: %s, %s, width %zu\n", variant, what, width);
}

/// Also keeps the largest error, to print at the end.
static void expect_below(double error, double limit, double *largest, const char *variant, const char *what,
                         size_t width) {
    if (!(error <= *largest)) *largest = error;
    expect(error <= limit, variant, what, width);
    if (!(error <= limit)) printf("  error %g, limit %g\n", error, limit);
}

static void check_products(const char *variant) {
    double largest = 0;
    const size_t row_counts[] = {0, 1, 5, 6, 7, 13, 14, 15, 29};
    const size_t depths[] = {0, 1, 33, 384, 385, 900};
    for (size_t w = 0; w < width_count; w++) {
        size_t width = widths[w];
        for (size_t i = 0; i < sizeof depths / sizeof *depths; i++) {
            expect(check_packing(variant, width, depths[i], w), variant, "packing", width);
            for (size_t r = 0; r < sizeof row_counts / sizeof *row_counts; r++) {
                double limit = check_matmul_limit(depths[i]);
                double error = check_matmul(variant, row_counts[r], width, depths[i], w + 1);
                expect_below(error / limit, 1, &largest, variant, "matmul", width);
            }
        }
        expect(check_matmul_row_identity(variant, 31, width, 401, w), variant, "matmul, row identity", width);
        expect(check_matmul_row_identity(variant, 17, 40, width, w), variant, "matmul, row identity", width);
    }
    printf("  matmul: %.2f of the rounding bound\n", largest);
}

static void check_functions(const char *variant) {
    double gelu = 0, gelu_tanh = 0, silu = 0, exponential = 0;
    const double ranges[][2] = {{-0.01, 0.01}, {-6, 6}, {-20, 20}, {-1000, 1000}};
    for (size_t i = 0; i < sizeof ranges / sizeof *ranges; i++) {
        double low = ranges[i][0], high = ranges[i][1];
        expect_below(check_gelu(variant, low, high, 200001), CHECK_GELU_LIMIT, &gelu, variant, "gelu", i);
        expect_below(check_gelu_tanh(variant, low, high, 200001), CHECK_GELU_LIMIT, &gelu_tanh, variant, "gelu_tanh", i);
        expect_below(check_silu(variant, low, high, 200001), CHECK_SILU_LIMIT, &silu, variant, "silu", i);
    }
    expect(check_gelu_extremes(variant), variant, "gelu at extremes", 1);
    expect_below(check_exp(variant), CHECK_EXP_LIMIT, &exponential, variant, "exp", 2);
    for (size_t w = 0; w < width_count; w++)
        expect(check_elementwise_identity(variant, widths[w], w), variant, "elementwise identity", widths[w]);
    printf("  gelu: %.2g, gelu_tanh: %.2g, silu: %.2g, exp: %.2f units of the last place\n", gelu, gelu_tanh, silu,
           exponential);
}

static void check_rows(const char *variant) {
    double softmax = 0, layer_norm = 0, rms_norm = 0, rotate = 0;
    for (size_t w = 0; w < width_count; w++) {
        size_t width = widths[w];
        for (size_t rows = 0; rows < 4; rows++) {
            expect_below(check_softmax(variant, rows, width, 0.3f, w), CHECK_SOFTMAX_LIMIT, &softmax, variant, "softmax",
                         width);
            for (int form = 0; form < check_layer_norm_form_count; form++)
                expect_below(check_layer_norm(variant, form, rows, width, w), CHECK_LAYER_NORM_LIMIT, &layer_norm,
                             variant, "layer_norm", width);
            expect_below(check_rms_norm(variant, rows, width, w), CHECK_RMS_NORM_LIMIT, &rms_norm, variant, "rms_norm",
                         width);
            expect_below(check_rotate(variant, rows, width, w), CHECK_ROTATE_LIMIT, &rotate, variant, "rotate", width);
        }
        expect_below(check_softmax(variant, 2, width, -2, w), CHECK_SOFTMAX_LIMIT, &softmax, variant,
                     "softmax, negative scale", width);
        expect(check_softmax_special(variant, width), variant, "softmax of special values", width);
        expect(check_softmax_row_identity(variant, 5, width, w), variant, "softmax, row identity", width);
        expect(check_layer_norm_row_identity(variant, 5, width, w), variant, "layer_norm, row identity", width);
        expect(check_rms_norm_row_identity(variant, 5, width, w), variant, "rms_norm, row identity", width);
    }
    printf("  softmax: %.2g, layer_norm: %.2g, rms_norm: %.2g, rotate: %.2g\n", softmax, layer_norm, rms_norm, rotate);
}

static void check_attentions(const char *variant) {
    double largest = 0;
    const size_t head_widths[] = {1, 24, 32, 64};
    const size_t query_counts[] = {0, 1, 15, 130};
    for (int form = 0; form < check_attention_form_count; form++) {
        for (size_t w = 0; w < width_count; w++) {
            for (size_t d = 0; d < sizeof head_widths / sizeof *head_widths; d++) {
                for (size_t i = 0; i < sizeof query_counts / sizeof *query_counts; i++) {
                    if (form != check_attention_plain && query_counts[i] > widths[w]) continue;
                    expect_below(check_attention(variant, form, query_counts[i], widths[w], head_widths[d], w),
                                 CHECK_ATTENTION_LIMIT, &largest, variant, "attention", widths[w]);
                }
            }
            size_t queries = form == check_attention_plain || widths[w] > 35 ? 35 : widths[w];
            expect(check_attention_row_identity(variant, form, queries, widths[w], 32, w), variant,
                   "attention, row identity", widths[w]);
        }
        // Long enough that the scores of one block of queries shrink to the fewest rows.
        expect_below(check_attention(variant, form, 40, 2600, 32, 1), CHECK_ATTENTION_LIMIT, &largest, variant,
                     "attention", 2600);
    }
    printf("  attention: %.2g\n", largest);
}

static void check_conversions(const char *variant) {
    expect(check_half_conversion(variant), variant, "all halves", 65536);
    for (size_t w = 0; w < width_count; w++)
        expect(check_half_conversion_bounds(variant, widths[w]), variant, "halves", widths[w]);
}

static void check_scans(const char *variant) {
    const size_t row_counts[] = {0, 1, 3, 4, 5, 9};
    for (size_t w = 0; w < width_count; w++) {
        for (size_t r = 0; r < sizeof row_counts / sizeof *row_counts; r++) {
            expect(check_dot_i8(variant, row_counts[r], widths[w], false, w), variant, "dot_i8", widths[w]);
            expect(check_dot_i8(variant, row_counts[r], widths[w], true, w), variant, "dot_i8, extremes", widths[w]);
        }
        expect(check_dot_i8_row_identity(variant, 9, widths[w], w), variant, "dot_i8, row identity", widths[w]);
    }
    expect(check_dot_i8(variant, 5, RESIFT_DOT_I8_MAX_DIMENSION, true, 1), variant, "dot_i8, extremes",
           RESIFT_DOT_I8_MAX_DIMENSION);
}

static void check_byte_products(void) {
    const resift_kernels *kernels;
    const size_t row_counts[] = {0, 1, 5, 6, 7, 13};
    const size_t depths[] = {1, 4, 33, 384, 1030};
    for (size_t way = 0; way < resift_int8_count(); way++) {
        const char *name = resift_int8_at(way, &kernels)->name;
        double largest = 0;
        for (size_t w = 0; w < width_count; w++) {
            size_t width = widths[w];
            for (size_t i = 0; i < sizeof depths / sizeof *depths; i++) {
                for (size_t r = 0; r < sizeof row_counts / sizeof *row_counts; r++) {
                    for (int extreme = 0; extreme < 2; extreme++)
                        expect_below(check_int8_product(way, row_counts[r], width, depths[i], extreme, w),
                                     CHECK_INT8_LIMIT, &largest, name, "product of bytes", width);
                }
            }
            expect(check_int8_row_identity(way, 15, width, 77, w), name, "product of bytes, row identity", width);
        }
        expect_below(check_int8_product(way, 2, 3, RESIFT_INT8_MAX_WIDTH, true, 1), CHECK_INT8_LIMIT, &largest, name,
                     "product of bytes, extremes", RESIFT_INT8_MAX_WIDTH);
        printf("%s, product of bytes: %.2g\n", name, largest);
    }
}

static void check_bf16(const char *variant) {
    double product = 0, attention = 0;
    const size_t row_counts[] = {0, 1, 11, 12, 13, 29}, depths[] = {1, 2, 33, 384}, head_widths[] = {2, 24, 31, 32, 64};
    for (size_t w = 0; w < width_count; w++) {
        size_t width = widths[w];
        expect(check_round_bf16(variant, width, w), variant, "rounding to bfloat16", width);
        for (size_t d = 0; d < sizeof head_widths / sizeof *head_widths; d++)
            expect_below(check_attention_bf16(variant, 29, width, head_widths[d], w), CHECK_ATTENTION_BF16_LIMIT,
                         &attention, variant, "bfloat16 attention", width);
        expect(check_attention_bf16_row_identity(variant, 27, width, 32, w), variant,
               "bfloat16 attention, row identity", width);
        if (!check_has_bf16(variant)) continue;
        for (size_t d = 0; d < sizeof depths / sizeof *depths; d++) {
            for (size_t r = 0; r < sizeof row_counts / sizeof *row_counts; r++)
                expect_below(check_bf16_product(variant, row_counts[r], width, depths[d], w), CHECK_BF16_LIMIT,
                             &product, variant, "bfloat16 product", width);
        }
        expect(check_bf16_row_identity(variant, 31, width, 77, w), variant, "bfloat16 product, row identity", width);
    }
    printf("  bfloat16 product: %.2g, attention: %.2g\n", product, attention);
}

static const size_t dimensions[] = {1, 4, 48, 64, 96, 127, 128, 384};
enum { dimension_count = sizeof dimensions / sizeof dimensions[0] };

static void check_max_sims(const char *variant) {
    double single = 0, bf16 = 0;
    for (size_t w = 0; w < width_count; w++) {
        size_t width = widths[w];
        for (size_t d = 0; d < dimension_count; d++) {
            for (int negative = 0; negative < 2; negative++) {
                expect_below(check_max_sim(variant, width, dimensions[d], negative, w), CHECK_MAX_SIM_LIMIT, &single,
                             variant, "MaxSim", width);
                if (!check_has_bf16(variant)) continue;
                expect_below(check_max_sim_bf16(variant, width, dimensions[d], negative, w), CHECK_MAX_SIM_LIMIT,
                             &bf16, variant, "bfloat16 MaxSim", width);
            }
        }
        expect(check_max_sim_identity(variant, width, 96, w), variant, "MaxSim, identity", width);
        if (check_has_bf16(variant))
            expect(check_max_sim_bf16_identity(variant, width, 96, w), variant, "bfloat16 MaxSim, identity", width);
    }
    printf("  MaxSim: %.2g, in bfloat16: %.2g\n", single, bf16);
}

static void check_byte_max_sims(void) {
    const resift_kernels *kernels;
    for (size_t way = 0; way < resift_int8_count(); way++) {
        const char *name = resift_int8_at(way, &kernels)->name;
        double largest = 0;
        for (size_t w = 0; w < width_count; w++) {
            size_t width = widths[w];
            for (size_t d = 0; d < dimension_count; d++) {
                for (int negative = 0; negative < 2; negative++)
                    expect_below(check_max_sim_int8(way, width, dimensions[d], negative, w), CHECK_MAX_SIM_LIMIT,
                                 &largest, name, "MaxSim of bytes", width);
            }
            expect(check_max_sim_int8_identity(way, width, 96, w), name, "MaxSim of bytes, identity", width);
        }
        printf("%s, MaxSim of bytes: %.2g\n", name, largest);
    }
}

static void check_bytes(const char *variant) {
    double gelu = 0;
    const float amplitudes[] = {1e-20f, 0.01f, 3, 1e6f, 1e30f};
    for (size_t w = 0; w < width_count; w++) {
        size_t width = widths[w];
        for (size_t i = 0; i < sizeof amplitudes / sizeof *amplitudes; i++)
            expect(check_quantize(variant, 5, width, amplitudes[i], w), variant, "quantize", width);
        for (int form = 0; form < 2; form++) {
            for (float amplitude = 1; amplitude < 1000; amplitude *= 4)
                expect_below(check_gelu_quantize(variant, form, 3, width, amplitude, w), RESIFT_QUICK_GELU_ERROR, &gelu,
                             variant, "gelu_quantize", width);
        }
    }
    printf("  gelu before quantization: %.2g\n", gelu);
}

static void check_shared(void) {
    expect(check_bf16_conversion(), "all variants", "all bfloat16", 65536);
    for (size_t w = 0; w < width_count; w++) {
        expect(check_i8_conversion(widths[w]), "all variants", "bytes", widths[w]);
        expect(check_quantize_weights(widths[w], w), "all variants", "weights to bytes", widths[w]);
        expect(check_all_finite(widths[w]), "all variants", "all_finite", widths[w]);
        expect(check_residuals(widths[w], 2, w), "all variants", "residuals of 2 bits", widths[w]);
        expect(check_residuals(widths[w], 4, w), "all variants", "residuals of 4 bits", widths[w]);
        expect(check_best_columns(widths[w], w), "all variants", "best columns", widths[w]);
    }
    expect(check_half_narrowing(), "all variants", "all halves, narrowed", 65536);
    for (size_t width = RESIFT_CENTROID_LANES; width <= 128; width += RESIFT_CENTROID_LANES) {
        expect(check_centroid_max_sim(width, width), "all variants", "MaxSim over centroids", width);
    }
    expect(check_all_finite(0), "all variants", "all_finite", 0);
    expect(check_all_finite(2100), "all variants", "all_finite", 2100);
}

int main(int argument_count, char **arguments) {
    if (argument_count > 1 && strcmp(arguments[1], "bench") == 0) {
        bench();
        return 0;
    }
    for (size_t i = 0; i < resift_kernels_count(); i++) {
        const char *variant = resift_kernels_at(i)->name;
        printf("%s, largest errors\n", variant);
        check_products(variant);
        check_functions(variant);
        check_rows(variant);
        check_attentions(variant);
        check_conversions(variant);
        check_scans(variant);
        check_bytes(variant);
        check_bf16(variant);
        check_max_sims(variant);
    }
    check_byte_products();
    check_byte_max_sims();
    check_shared();
    printf("%lu checks, %lu failures\n", checks, failures);
    return failures ? 1 : 0;
}

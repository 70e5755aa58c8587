// Which ways to multiply bytes this CPU has, and the layout of a weight for them.

#include <math.h>
#include <string.h>

#include "internal.h"

#if defined(__x86_64__)
static bool has_avx_vnni(void) { return resift_cpuid_has(resift_cpuid_avx_vnni); }

static bool has_avx512_vnni(void) { return __builtin_cpu_supports("avx512vnni"); }
#endif

static bool always(void) { return true; }

static const struct {
    const resift_int8_product *product;
    const resift_kernels *kernels;
    bool (*is_supported)(void);
} ways[] = {
#if defined(__x86_64__)
    {&resift_int8_avx512_vnni, &resift_kernels_avx512, has_avx512_vnni},
    {&resift_int8_avx2, &resift_kernels_avx512, always},
    {&resift_int8_avx_vnni, &resift_kernels_avx2, has_avx_vnni},
    {&resift_int8_avx2, &resift_kernels_avx2, always},
#elif defined(__aarch64__)
    {&resift_int8_neon_dotprod, &resift_kernels_neon, resift_has_dotprod},
    {&resift_int8_neon, &resift_kernels_neon, always},
#endif
    {&resift_int8_scalar, &resift_kernels_scalar, always},
};

enum { way_count = sizeof ways / sizeof ways[0] };

// Scales that are tried for a row of weights, each 3 % of the largest weight below the one before.
enum { resift_clipping_steps = 16 };

static bool is_usable(size_t way) {
    return resift_kernels_named(ways[way].kernels->name) != NULL && ways[way].is_supported();
}

size_t resift_int8_count(void) {
    size_t count = 0;
    for (size_t i = 0; i < way_count; i++) count += is_usable(i);
    return count;
}

const resift_int8_product *resift_int8_at(size_t index, const resift_kernels **kernels) {
    for (size_t i = 0; i < way_count; i++) {
        if (!is_usable(i) || index-- > 0) continue;
        *kernels = ways[i].kernels;
        return ways[i].product;
    }
    return NULL;
}

const resift_int8_product *resift_int8_for(const resift_kernels *kernels) {
    for (size_t i = 0; i < way_count; i++) {
        if (ways[i].kernels == kernels && is_usable(i)) return ways[i].product;
    }
    return &resift_int8_scalar;
}

size_t resift_int8_panel_bytes(const resift_int8_product *product, size_t n, size_t k) {
    size_t width = product->panel_width;
    return (n + width - 1) / width * width * ((k + 3) / 4) * 4;
}

int32_t resift_int8_pack(const resift_int8_product *product, const int8_t *integers, size_t k, size_t output,
                         int8_t *panels) {
    size_t width = product->panel_width, steps = (k + 3) / 4;
    int8_t *place = panels + (output / width * width * steps + output % width) * 4;
    int32_t sum = 0;
    for (size_t i = 0; i < k; i++) sum += integers[i];
    for (size_t step = 0; step < steps; step++)
        memcpy(place + step * width * 4, integers + step * 4, resift_min(4, k - step * 4));
    return sum;
}

// A float of up to 2^22 plus this has no bits for fractions: adding and subtracting it rounds to the nearest integer, ties
// to even, and vectorizes without any instructions for rounding.
static const float integers_only = 12582912;

static float rounded_step(float weight, float inverse) {
    float steps = weight * inverse;
    steps = steps > 127 ? 127 : steps;
    steps = steps < -127 ? -127 : steps;
    return (steps + integers_only) - integers_only;
}

// The sum of the squared errors of a row that is rounded with a scale.
static float rounding_error(const float *weights, size_t k, float scale) {
    enum { lanes = 16 };
    float inverse = 1 / scale, sums[lanes] = {0}, sum = 0;
    size_t i = 0;
    for (; i + lanes <= k; i += lanes) {
        for (size_t lane = 0; lane < lanes; lane++) {
            float error = weights[i + lane] - rounded_step(weights[i + lane], inverse) * scale;
            sums[lane] += error * error;
        }
    }
    for (; i < k; i++) {
        float error = weights[i] - rounded_step(weights[i], inverse) * scale;
        sum += error * error;
    }
    for (size_t lane = 0; lane < lanes; lane++) sum += sums[lane];
    return sum;
}

float resift_quantize_weights(const float *weights, size_t k, int8_t *integers) {
    float largest = 0;
    for (size_t i = 0; i < k; i++) largest = fmaxf(largest, fabsf(weights[i]));
    float scale = largest / 127;
    // Weights so small that the scale or its inverse leaves the range of a float stand for 0.
    if (!(largest > 1e-30f)) {
        memset(integers, 0, k);
        return scale;
    }
    // A row with a few large weights is nearer to itself with these cut, and finer steps for all others.
    float least = rounding_error(weights, k, scale), best = scale;
    // Weights that were rounded before, as those of an int8 checkpoint, stay as they are.
    bool is_rounded = least <= 1e-8f * scale * scale * (float)k;
    for (int step = 1; step <= resift_clipping_steps && !is_rounded; step++) {
        float smaller = scale * (1 - 0.03f * (float)step);
        float error = rounding_error(weights, k, smaller);
        if (error < least) {
            least = error;
            best = smaller;
        }
    }
    float inverse = 1 / best;
    for (size_t i = 0; i < k; i++) integers[i] = (int8_t)rounded_step(weights[i], inverse);
    return best;
}

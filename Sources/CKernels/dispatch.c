// Which variants this CPU can run, best first.

#include <string.h>

#include "internal.h"

#if defined(__x86_64__)
#include <cpuid.h>

// Asked from cpuid itself: older compilers do not know "f16c" in __builtin_cpu_supports.
static bool has_f16c(void) {
    unsigned eax, ebx, ecx, edx;
    return __get_cpuid(1, &eax, &ebx, &ecx, &edx) && (ecx & bit_F16C);
}

// __builtin_cpu_supports also asks whether the operating system saves the wide registers.
static bool has_avx2(void) { return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") && has_f16c(); }

static bool has_avx512(void) {
    return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
           __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl");
}
#endif

static bool always(void) { return true; }

static const struct {
    const resift_kernels *kernels;
    bool (*is_supported)(void);
} variants[] = {
#if defined(__x86_64__)
    {&resift_kernels_avx512, has_avx512},
    {&resift_kernels_avx2, has_avx2},
#elif defined(__aarch64__)
    {&resift_kernels_neon, always},
#endif
    {&resift_kernels_scalar, always},
};

enum { variant_count = sizeof variants / sizeof variants[0] };

size_t resift_kernels_count(void) {
    size_t count = 0;
    for (size_t i = 0; i < variant_count; i++) count += variants[i].is_supported();
    return count;
}

const resift_kernels *resift_kernels_at(size_t index) {
    for (size_t i = 0; i < variant_count; i++) {
        if (!variants[i].is_supported()) continue;
        if (index == 0) return variants[i].kernels;
        index--;
    }
    return NULL;
}

const resift_kernels *resift_kernels_best(void) { return resift_kernels_at(0); }

const resift_kernels *resift_kernels_named(const char *name) {
    for (size_t i = 0; i < variant_count; i++) {
        if (variants[i].is_supported() && strcmp(variants[i].kernels->name, name) == 0) return variants[i].kernels;
    }
    return NULL;
}

// Which variants this CPU can run, best first.

#include <string.h>

#include "internal.h"

#if defined(__x86_64__)
#include <cpuid.h>
#include <stdatomic.h>

// Asked from cpuid itself: older compilers do not know these names in __builtin_cpu_supports. A virtual machine takes
// microseconds to answer, so the answer is kept; `known` says that it is there, and its other bits are the answer's.
static const unsigned known = 1u << 31;

static unsigned ask(_Atomic unsigned *answer, unsigned leaf, unsigned subleaf, bool from_ecx) {
    unsigned kept = atomic_load_explicit(answer, memory_order_relaxed);
    if (kept & known) return kept;
    unsigned eax = 0, ebx, ecx = 0, edx;
    if (!__get_cpuid_count(leaf, subleaf, &eax, &ebx, &ecx, &edx)) eax = ecx = 0;
    kept = (from_ecx ? ecx : eax) | known;
    atomic_store_explicit(answer, kept, memory_order_relaxed);
    return kept;
}

static bool has_f16c(void) {
    static _Atomic unsigned answer;
    return ask(&answer, 1, 0, true) & bit_F16C;
}

bool resift_cpuid_has(unsigned feature) {
    static _Atomic unsigned answer;
    return ask(&answer, 7, 1, false) & feature;
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

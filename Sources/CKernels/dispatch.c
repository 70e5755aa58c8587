// Which variants this CPU can run, best first.

#include <string.h>

#include "internal.h"

static bool always(void) { return true; }

static const struct {
    const resift_kernels *kernels;
    bool (*is_supported)(void);
} variants[] = {
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

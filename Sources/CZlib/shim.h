// zlib, as Debian's zlib1g-dev and the macOS SDK install it.
#include <zlib.h>

#include <zlib.h>

// Macros that Swift cannot import: inflateInit2 checks the library's version; 15 + 32 detects gzip and zlib headers.
static inline int resift_inflate_init(z_stream *stream) { return inflateInit2(stream, 15 + 32); }

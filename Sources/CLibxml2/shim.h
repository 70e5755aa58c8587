// libxml2's HTML parser, as Debian's libxml2-dev and the macOS SDK install it.
#include <libxml/HTMLparser.h>

#include <libxml/HTMLparser.h>

// xmlFree is a variable that holds a function, which Swift cannot call from concurrent code.
static inline void resift_xml_free(void *memory) { xmlFree(memory); }

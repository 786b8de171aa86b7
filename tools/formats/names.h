/* What a name in running text can be, told from its end: a host name by its top-level domain, a file by its extension. */
#ifndef KR_TOOLS_FORMATS_NAMES_H
#define KR_TOOLS_FORMATS_NAMES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* In the public suffix list, or reserved for documentation and tests (RFC 2606), or onion (RFC 7686). Any case; UTF-8 or A-label.
 */
bool kr_names_is_top_level(const uint8_t *label, size_t len);
/* An extension (without dot, any case) of files that carry or do harm. */
bool kr_names_is_extension(const uint8_t *extension, size_t len);
/* Names that look like files or hosts and are in every text without meaning anything: parts of Windows, names of software. */
bool kr_names_is_everyday(const uint8_t *name, size_t len);

#endif

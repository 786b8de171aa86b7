/* The renderers. Internal to tools/export; what each writes is said in docs/EXPORT.md. */
#ifndef KR_TOOLS_EXPORT_FORMATS_H
#define KR_TOOLS_EXPORT_FORMATS_H

#include "tools/export/choose.h"

#define KR_LIST_PARTS 10u
extern const struct kr_export_part kr_list_parts[KR_LIST_PARTS];

#define KR_SURICATA_PARTS 10u
extern const struct kr_export_part kr_suricata_parts[KR_SURICATA_PARTS];

kr_render kr_render_list;
kr_render kr_render_csv;
kr_render kr_render_json;
kr_render kr_render_hosts;
kr_render kr_render_rpz;
kr_render kr_render_unbound;
kr_render kr_render_nftables;
kr_render kr_render_ipset;
kr_render kr_render_suricata;
kr_render kr_render_stix;
kr_export_directory kr_misp_write;

/* Whether it is a pattern of STIX 2.1, section 9 (stix_form.c). */
bool kr_stix_is_pattern(struct kr_slice text);

#endif

/* The table of formats. */
#include "tools/export/formats.h"

#include <string.h>

#define ALL_TYPES UINT32_MAX

#define ADDRESSES (KR_TYPE_BIT(KR_INDICATOR_IPV4) | KR_TYPE_BIT(KR_INDICATOR_IPV6))

static const struct kr_export_part everything[] = {{NULL, ALL_TYPES, 0}};
/* A fingerprint of JA3 has no pattern of its own there; of what is no known type, only what is a pattern itself. */
static const struct kr_export_part stix[] = {{NULL, ALL_TYPES & ~KR_TYPE_BIT(KR_INDICATOR_JA3), 0}};
static const struct kr_export_part names[] = {{NULL, KR_TYPE_BIT(KR_INDICATOR_DOMAIN), 0}};
static const struct kr_export_part addresses[] = {{NULL, ADDRESSES, 0}};
static const struct kr_export_part names_and_addresses[] = {{NULL, KR_TYPE_BIT(KR_INDICATOR_DOMAIN) | ADDRESSES, 0}};

static const struct kr_export_format formats[] = {
    {"list", kr_render_list, kr_list_parts, KR_LIST_PARTS, true, NULL},
    {"csv", kr_render_csv, everything, 1, false, NULL},
    {"json", kr_render_json, everything, 1, false, NULL},
    {"hosts", kr_render_hosts, names, 1, false, NULL},
    {"rpz", kr_render_rpz, names_and_addresses, 1, false, NULL},
    {"unbound", kr_render_unbound, names, 1, false, NULL},
    {"nftables", kr_render_nftables, addresses, 1, false, NULL},
    {"ipset", kr_render_ipset, addresses, 1, false, NULL},
    {"suricata", kr_render_suricata, kr_suricata_parts, KR_SURICATA_PARTS, true, NULL},
    {"stix", kr_render_stix, stix, 1, false, NULL},
    {"misp-feed", NULL, everything, 1, true, kr_misp_write},
};

const struct kr_export_format *kr_export_format_find(const char *name)
{
    for (size_t i = 0; i < sizeof formats / sizeof formats[0]; i++) {
        if (strcmp(formats[i].name, name) == 0) {
            return &formats[i];
        }
    }
    return NULL;
}

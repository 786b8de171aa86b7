#include "tools/formats/misp_types.h"

#include <string.h>

#include "proto/indicator/indicator.h"

static const struct {
    const char *name;
    struct kr_misp_type type;
} types[] = {
    {"ip-src", {KR_MISP_VALUE, KR_INDICATOR_ANY, 0}},
    {"ip-dst", {KR_MISP_VALUE, KR_INDICATOR_ANY, 0}},
    {"ip", {KR_MISP_VALUE, KR_INDICATOR_ANY, 0}},
    {"ip-src|port", {KR_MISP_PORT, KR_INDICATOR_ANY, 0}},
    {"ip-dst|port", {KR_MISP_PORT, KR_INDICATOR_ANY, 0}},
    {"domain", {KR_MISP_VALUE, KR_INDICATOR_DOMAIN, 0}},
    {"hostname", {KR_MISP_VALUE, KR_INDICATOR_DOMAIN, 0}},
    {"onion-address", {KR_MISP_VALUE, KR_INDICATOR_DOMAIN, 0}},
    {"domain|ip", {KR_MISP_PAIR, KR_INDICATOR_DOMAIN, KR_INDICATOR_ANY}},
    {"hostname|port", {KR_MISP_NOTED, KR_INDICATOR_DOMAIN, 0}},
    {"url", {KR_MISP_VALUE, KR_INDICATOR_URL, 0}},
    {"uri", {KR_MISP_VALUE, KR_INDICATOR_OTHER, 0}},
    {"link", {KR_MISP_LINK, KR_INDICATOR_URL, 0}},
    {"email", {KR_MISP_VALUE, KR_INDICATOR_EMAIL, 0}},
    {"email-src", {KR_MISP_VALUE, KR_INDICATOR_EMAIL, 0}},
    {"email-dst", {KR_MISP_VALUE, KR_INDICATOR_EMAIL, 0}},
    {"email-reply-to", {KR_MISP_VALUE, KR_INDICATOR_EMAIL, 0}},
    {"dns-soa-email", {KR_MISP_VALUE, KR_INDICATOR_EMAIL, 0}},
    {"whois-registrant-email", {KR_MISP_VALUE, KR_INDICATOR_EMAIL, 0}},
    {"md5", {KR_MISP_VALUE, KR_INDICATOR_MD5, 0}},
    {"sha1", {KR_MISP_VALUE, KR_INDICATOR_SHA1, 0}},
    {"sha256", {KR_MISP_VALUE, KR_INDICATOR_SHA256, 0}},
    {"sha512", {KR_MISP_VALUE, KR_INDICATOR_SHA512, 0}},
    {"imphash", {KR_MISP_VALUE, KR_INDICATOR_IMPHASH, 0}},
    {"ja3-fingerprint-md5", {KR_MISP_VALUE, KR_INDICATOR_JA3, 0}},
    {"filename", {KR_MISP_VALUE, KR_INDICATOR_FILENAME, 0}},
    {"email-attachment", {KR_MISP_VALUE, KR_INDICATOR_FILENAME, 0}},
    {"filename|md5", {KR_MISP_NAMED, KR_INDICATOR_FILENAME, KR_INDICATOR_MD5}},
    {"filename|sha1", {KR_MISP_NAMED, KR_INDICATOR_FILENAME, KR_INDICATOR_SHA1}},
    {"filename|sha256", {KR_MISP_NAMED, KR_INDICATOR_FILENAME, KR_INDICATOR_SHA256}},
    {"filename|sha512", {KR_MISP_NAMED, KR_INDICATOR_FILENAME, KR_INDICATOR_SHA512}},
    {"filename|imphash", {KR_MISP_NAMED, KR_INDICATOR_FILENAME, KR_INDICATOR_IMPHASH}},
    {"malware-sample", {KR_MISP_NAMED, KR_INDICATOR_FILENAME, KR_INDICATOR_MD5}},
    {"filename|ssdeep", {KR_MISP_NOTED, KR_INDICATOR_FILENAME, 0}},
    {"filename|tlsh", {KR_MISP_NOTED, KR_INDICATOR_FILENAME, 0}},
    {"filename|authentihash", {KR_MISP_NOTED, KR_INDICATOR_FILENAME, 0}},
    {"filename|vhash", {KR_MISP_NOTED, KR_INDICATOR_FILENAME, 0}},
    {"filename|impfuzzy", {KR_MISP_NOTED, KR_INDICATOR_FILENAME, 0}},
    {"filename|pehash", {KR_MISP_NOTED, KR_INDICATOR_FILENAME, 0}},
    {"filename|sha512/224", {KR_MISP_NOTED, KR_INDICATOR_FILENAME, 0}},
    {"filename|sha512/256", {KR_MISP_NOTED, KR_INDICATOR_FILENAME, 0}},
    {"filename|sha3-224", {KR_MISP_NOTED, KR_INDICATOR_FILENAME, 0}},
    {"filename|sha3-256", {KR_MISP_NOTED, KR_INDICATOR_FILENAME, 0}},
    {"filename|sha3-384", {KR_MISP_NOTED, KR_INDICATOR_FILENAME, 0}},
    {"filename|sha3-512", {KR_MISP_NOTED, KR_INDICATOR_FILENAME, 0}},
    {"filename|sha224", {KR_MISP_NOTED, KR_INDICATOR_FILENAME, 0}},
    {"filename|sha384", {KR_MISP_NOTED, KR_INDICATOR_FILENAME, 0}},
    {"regkey", {KR_MISP_VALUE, KR_INDICATOR_REGISTRY_KEY, 0}},
    {"regkey|value", {KR_MISP_NOTED, KR_INDICATOR_REGISTRY_KEY, 0}},
    {"mutex", {KR_MISP_VALUE, KR_INDICATOR_MUTEX, 0}},
    {"user-agent", {KR_MISP_VALUE, KR_INDICATOR_USER_AGENT, 0}},
    {"AS", {KR_MISP_VALUE, KR_INDICATOR_ASN, 0}},
    {"vulnerability", {KR_MISP_VALUE, KR_INDICATOR_CVE, 0}},
    {"yara", {KR_MISP_VALUE, KR_INDICATOR_YARA, 0}},
    {"sigma", {KR_MISP_VALUE, KR_INDICATOR_SIGMA, 0}},
    {"attachment", {KR_MISP_WORDS, KR_INDICATOR_FILENAME, 0}},
    {"text", {KR_MISP_WORDS, KR_INDICATOR_OTHER, 0}},
    {"comment", {KR_MISP_WORDS, KR_INDICATOR_OTHER, 0}},
    {"other", {KR_MISP_WORDS, KR_INDICATOR_OTHER, 0}},
    {"datetime", {KR_MISP_WORDS, KR_INDICATOR_OTHER, 0}},
    {"counter", {KR_MISP_WORDS, KR_INDICATOR_OTHER, 0}},
    {"float", {KR_MISP_WORDS, KR_INDICATOR_OTHER, 0}},
    {"boolean", {KR_MISP_WORDS, KR_INDICATOR_OTHER, 0}},
    {"integer", {KR_MISP_WORDS, KR_INDICATOR_OTHER, 0}},
    {"hex", {KR_MISP_WORDS, KR_INDICATOR_OTHER, 0}},
    {"port", {KR_MISP_WORDS, KR_INDICATOR_OTHER, 0}},
    {"size-in-bytes", {KR_MISP_WORDS, KR_INDICATOR_OTHER, 0}},
    {"mime-type", {KR_MISP_WORDS, KR_INDICATOR_OTHER, 0}},
    {"campaign-name", {KR_MISP_WORDS, KR_INDICATOR_OTHER, 0}},
    {"campaign-id", {KR_MISP_WORDS, KR_INDICATOR_OTHER, 0}},
    {"threat-actor", {KR_MISP_WORDS, KR_INDICATOR_OTHER, 0}},
    {"malware-type", {KR_MISP_WORDS, KR_INDICATOR_OTHER, 0}},
    {"email-body", {KR_MISP_WORDS, KR_INDICATOR_OTHER, 0}},
    {"email-header", {KR_MISP_WORDS, KR_INDICATOR_OTHER, 0}},
    {"target-user", {KR_MISP_VICTIM, 0, 0}},
    {"target-email", {KR_MISP_VICTIM, 0, 0}},
    {"target-machine", {KR_MISP_VICTIM, 0, 0}},
    {"target-org", {KR_MISP_VICTIM, 0, 0}},
    {"target-location", {KR_MISP_VICTIM, 0, 0}},
    {"target-external", {KR_MISP_VICTIM, 0, 0}},
};

bool kr_misp_type(struct kr_slice name, struct kr_misp_type *ret_type)
{
    for (size_t i = 0; i < sizeof types / sizeof types[0]; i++) {
        if (strlen(types[i].name) == name.len && memcmp(types[i].name, name.bytes, name.len) == 0) {
            *ret_type = types[i].type;
            return true;
        }
    }
    *ret_type = (struct kr_misp_type){.sort = KR_MISP_VALUE, .type = KR_INDICATOR_OTHER};
    return false;
}

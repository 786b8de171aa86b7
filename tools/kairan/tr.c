#include "tools/kairan/tr.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "crypto/err.h"
#include "tools/kairan/ja_mo.h"

/* GNU gettext manual, "The Format of GNU MO Files": magic, revision, number of strings, offsets of two tables of (length, offset);
 * the originals are sorted. msgfmt wrote it on the machine that compiles, in that machine's order. */
#define MO_MAGIC 0x950412deu

static bool speaks_japanese;

static uint32_t word(size_t at)
{
    uint32_t value;
    KR_ASSERT(at + sizeof value <= sizeof kr_ja_mo);
    memcpy(&value, kr_ja_mo + at, sizeof value);
    return value;
}

static const char *entry_text(size_t table, size_t i)
{
    return (const char *)kr_ja_mo + word(table + 8 * i + 4);
}

bool kr_tr_entry(size_t i, const char **ret_msgid, const char **ret_text)
{
    KR_ASSERT(word(0) == MO_MAGIC);
    if (i >= word(8)) {
        return false;
    }
    *ret_msgid = entry_text(word(12), i);
    *ret_text = entry_text(word(16), i);
    return true;
}

const char *kr_tr(const char *msgid)
{
    const char *key, *text;
    size_t low = 0, high = speaks_japanese ? word(8) : 0;
    if (msgid[0] == 0) {
        return msgid; /* the catalogue's own header */
    }
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        KR_ASSERT(kr_tr_entry(middle, &key, &text));
        int order = strcmp(msgid, key);
        if (order == 0) {
            return text;
        }
        if (order < 0) {
            high = middle;
        } else {
            low = middle + 1;
        }
    }
    return msgid;
}

static const char *variable(const char *name)
{
    const char *value = getenv(name);
    return value != NULL && value[0] != 0 ? value : NULL;
}

static bool is_language(const char *locale, const char *language)
{
    return strncmp(locale, language, 2) == 0 && strchr("_.@:", locale[2]) != NULL; /* strchr finds the end, too */
}

bool kr_tr_init(const char *named)
{
    speaks_japanese = false;
    if (named != NULL) {
        speaks_japanese = strcasecmp(named, "ja") == 0;
        return speaks_japanese || strcasecmp(named, "en") == 0;
    }
    const char *locale = variable("LC_ALL");
    locale = locale != NULL ? locale : variable("LC_MESSAGES");
    locale = locale != NULL ? locale : variable("LANG");
    if (locale == NULL || strcmp(locale, "C") == 0 || strcmp(locale, "POSIX") == 0) {
        return true; /* the C locale is for programs that read us: LANGUAGE does not count (gettext manual, "Locale Names") */
    }
    /* LANGUAGE is a list by preference; the first that we speak. */
    for (const char *at = variable("LANGUAGE"); at != NULL; at = strchr(at, ':') != NULL ? strchr(at, ':') + 1 : NULL) {
        if (is_language(at, "ja") || is_language(at, "en")) {
            speaks_japanese = is_language(at, "ja");
            return true;
        }
    }
    speaks_japanese = is_language(locale, "ja");
    return true;
}

const char *kr_tr_language(void)
{
    return speaks_japanese ? "ja" : "en";
}

#include "proto/indicator/name.h"

#include <string.h>
#include <unistr.h>

#include "proto/indicator/form.h"

/* What `kairan` shows escaped (tools/kairan/out.c), and beside it what has no width, or is a tag that nobody sees. */
static bool is_hidden(uint32_t code)
{
    return code < 0x20 || (code >= 0x7f && code <= 0x9f) || code == 0xad || code == 0x61c || code == 0x180e ||
           (code >= 0x200b && code <= 0x200f) || (code >= 0x2028 && code <= 0x202e) || (code >= 0x2060 && code <= 0x206f) ||
           code == 0xfeff || (code >= 0xfff9 && code <= 0xfffb) || (code >= 0xe0000 && code <= 0xe007f);
}

static bool is_space(uint32_t code)
{
    return code == ' ' || code == 0xa0 || code == 0x3000;
}

/* `name`: valid UTF-8. */
static bool is_plain(const uint8_t *name, size_t len)
{
    ucs4_t code = 0;
    for (size_t at = 0; at < len;) {
        const bool is_first = at == 0;
        const int bytes = u8_mbtouc(&code, name + at, len - at);
        at += (size_t)bytes;
        if (is_hidden(code) || (is_first && is_space(code))) {
            return false;
        }
    }
    return len == 0 || !is_space(code);
}

enum kr_err kr_name_normalise(struct kr_slice name, uint8_t ret_name[static KR_NAME_BYTES_MAX], size_t *ret_len)
{
    uint8_t bytes[KR_NAME_BYTES_MAX];
    struct kr_form_out out = {.bytes = bytes, .max = sizeof bytes};
    struct kr_error why = {0};
    enum kr_err err = name.len > 0 ? kr_form_nfc((const char *)name.bytes, name.len, &out, &why) : KR_OK;
    if (err == KR_OK && (out.full || !is_plain(out.bytes, out.len))) {
        err = KR_INVALID;
    }
    if (err == KR_OK) {
        memcpy(ret_name, out.bytes, out.len);
        *ret_len = out.len;
    }
    return err;
}

enum kr_err kr_name_check(struct kr_slice name)
{
    uint8_t normal[KR_NAME_BYTES_MAX];
    size_t len = 0;
    enum kr_err err = name.len <= KR_NAME_BYTES_MAX ? kr_name_normalise(name, normal, &len) : KR_INVALID;
    if (err == KR_OK && (len != name.len || (len > 0 && memcmp(normal, name.bytes, len) != 0))) {
        err = KR_INVALID;
    }
    return err;
}

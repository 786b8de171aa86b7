#include <stdlib.h>
#include <string.h>

#include "tools/formats/mail.h"

struct in {
    const char *at, *end;
};

static char lower(char c)
{
    return c >= 'A' && c <= 'Z' ? (char)(c | 0x20) : c;
}

static bool is_letter(char c)
{
    return lower(c) >= 'a' && lower(c) <= 'z';
}

static bool starts_with(const struct in *in, const char *word)
{
    const size_t len = strlen(word);
    bool same = (size_t)(in->end - in->at) >= len;
    for (size_t i = 0; i < len && same; i++) {
        same = lower(in->at[i]) == word[i];
    }
    return same;
}

static void skip_past(struct in *in, const char *word)
{
    while (in->at < in->end && !starts_with(in, word)) {
        in->at++;
    }
    in->at += in->at < in->end ? strlen(word) : 0;
}

/* Steps over one tag or comment and returns the character that stands for it, 0 for none. */
static char skip_tag(struct in *in)
{
    static const struct {
        const char *tag;
        char sign;
    } tags[] = {{"<br", '\n'},  {"<p", '\n'},  {"</p", '\n'},    {"<div", '\n'}, {"</div", '\n'},       {"<tr", '\n'},
                {"</tr", '\n'}, {"<li", '\n'}, {"<h1", '\n'},    {"<h2", '\n'},  {"<h3", '\n'},         {"</h", '\n'},
                {"<td", '\t'},  {"<th", '\t'}, {"<table", '\n'}, {"<hr", '\n'},  {"<blockquote", '\n'}, {"<pre", '\n'}};
    char sign = 0;
    if (starts_with(in, "<!--")) {
        skip_past(in, "-->");
    } else if (starts_with(in, "<script")) {
        skip_past(in, "</script");
        skip_past(in, ">");
    } else if (starts_with(in, "<style")) {
        skip_past(in, "</style");
        skip_past(in, ">");
    } else {
        for (size_t i = 0; i < sizeof tags / sizeof tags[0] && sign == 0; i++) {
            const char *after = in->at + strlen(tags[i].tag);
            const bool heading = strcmp(tags[i].tag, "</h") == 0;
            sign = starts_with(in, tags[i].tag) && after < in->end && (heading || !is_letter(*after)) ? tags[i].sign : 0;
        }
        /* A '>' within a quoted attribute does not end the tag. */
        char quote = 0;
        while (in->at < in->end && (quote != 0 || *in->at != '>')) {
            quote = quote == 0 && (*in->at == '"' || *in->at == '\'') ? *in->at : *in->at == quote ? 0 : quote;
            in->at++;
        }
        in->at += in->at < in->end;
    }
    return sign;
}

static size_t put_utf8(char *to, unsigned long point)
{
    size_t len = 0;
    if (point == 0 || point > 0x10ffff || (point >= 0xd800 && point <= 0xdfff)) {
        point = 0xfffd;
    }
    if (point < 0x80) {
        to[len++] = (char)point;
    } else if (point < 0x800) {
        to[len++] = (char)(0xc0 | point >> 6);
    } else if (point < 0x10000) {
        to[len++] = (char)(0xe0 | point >> 12);
        to[len++] = (char)(0x80 | (point >> 6 & 0x3f));
    } else {
        to[len++] = (char)(0xf0 | point >> 18);
        to[len++] = (char)(0x80 | (point >> 12 & 0x3f));
        to[len++] = (char)(0x80 | (point >> 6 & 0x3f));
    }
    if (point >= 0x80) {
        to[len++] = (char)(0x80 | (point & 0x3f));
    }
    return len;
}

/* Writes what an entity stands for, never more bytes than it took ("&#8;" is the shortest, and what needs n bytes has more digits);
 * an unknown one as it is. */
static size_t put_entity(struct in *in, char *to)
{
    static const struct {
        const char *name, *text;
    } entities[] = {{"&amp;", "&"},  {"&lt;", "<"},   {"&gt;", ">"},     {"&quot;", "\""}, {"&apos;", "'"}, {"&nbsp;", " "},
                    {"&shy;", ""},   {"&zwnj;", ""},  {"&period;", "."}, {"&colon;", ":"}, {"&sol;", "/"},  {"&commat;", "@"},
                    {"&lsqb;", "["}, {"&rsqb;", "]"}, {"&lbrack;", "["}, {"&rbrack;", "]"}};
    size_t len = 0, used = 0;
    for (size_t i = 0; i < sizeof entities / sizeof entities[0] && used == 0; i++) {
        if (starts_with(in, entities[i].name)) {
            used = strlen(entities[i].name);
            len = strlen(entities[i].text);
            memcpy(to, entities[i].text, len);
        }
    }
    if (used == 0 && starts_with(in, "&#")) {
        const bool hex = in->end - in->at > 2 && lower(in->at[2]) == 'x';
        const char *start = in->at + (hex ? 3 : 2), *digit = start;
        unsigned long point = 0;
        while (digit < in->end && digit - start < 8 &&
               ((*digit >= '0' && *digit <= '9') || (hex && lower(*digit) >= 'a' && lower(*digit) <= 'f'))) {
            point = point * (hex ? 16 : 10) + (unsigned long)(*digit <= '9' ? *digit - '0' : lower(*digit) - 'a' + 10);
            digit++;
        }
        if (digit > start && digit < in->end && *digit == ';') {
            used = (size_t)(digit + 1 - in->at);
            len = put_utf8(to, point);
        }
    }
    if (used == 0) {
        used = len = 1;
        to[0] = '&';
    }
    in->at += used;
    return len;
}

char *kr_html_to_text(const char *html, size_t len, size_t *ret_len)
{
    struct in in = {.at = html, .end = html + len};
    char *text = malloc(len + 1); /* nothing gets longer */
    size_t out = 0;
    bool blank = true;
    while (text != NULL && in.at < in.end) {
        if (*in.at == '<' && in.end - in.at > 1 && (is_letter(in.at[1]) || in.at[1] == '/' || in.at[1] == '!' || in.at[1] == '?')) {
            const char sign = skip_tag(&in);
            if (sign != 0) {
                text[out++] = sign;
                blank = true;
            }
        } else if (*in.at == '&') {
            out += put_entity(&in, text + out);
            blank = false;
        } else if (*in.at == ' ' || *in.at == '\n' || *in.at == '\r' || *in.at == '\t') {
            if (!blank) {
                text[out++] = ' ';
            }
            blank = true;
            in.at++;
        } else {
            text[out++] = *in.at++;
            blank = false;
        }
    }
    if (text != NULL) {
        text[out] = 0;
        *ret_len = out;
    }
    return text;
}

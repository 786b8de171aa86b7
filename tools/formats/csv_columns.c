/* Which column is what: by heading, by content, or as the person says. */
#include <stdlib.h>
#include <string.h>

#include "tools/formats/csv.h"
#include "tools/formats/fold.h"
#include "tools/formats/formats.h"

#define SHARE_PERCENT 80u /* of a column's cells that must be of one sort to make the column one */

/* ---- names ---- */

struct heading {
    const char *name; /* as kr_csv_plain makes it */
    uint8_t role, type;
};

/* What columns are called: in feeds (abuse.ch, MISP's CSV, OTX), in vendors' lists, and in Japanese ones. */
static const struct heading headings[] = {
    {"value", KR_CSV_VALUE, KR_INDICATOR_ANY},
    {"indicator", KR_CSV_VALUE, KR_INDICATOR_ANY},
    {"indicatorvalue", KR_CSV_VALUE, KR_INDICATOR_ANY},
    {"ioc", KR_CSV_VALUE, KR_INDICATOR_ANY},
    {"iocvalue", KR_CSV_VALUE, KR_INDICATOR_ANY},
    {"iocs", KR_CSV_VALUE, KR_INDICATOR_ANY},
    {"observable", KR_CSV_VALUE, KR_INDICATOR_ANY},
    {"artifact", KR_CSV_VALUE, KR_INDICATOR_ANY},
    {"値", KR_CSV_VALUE, KR_INDICATOR_ANY},
    {"インジケータ", KR_CSV_VALUE, KR_INDICATOR_ANY},
    {"インジケーター", KR_CSV_VALUE, KR_INDICATOR_ANY},
    {"指標", KR_CSV_VALUE, KR_INDICATOR_ANY},
    {"脅威情報", KR_CSV_VALUE, KR_INDICATOR_ANY},
    {"通信先", KR_CSV_VALUE, KR_INDICATOR_ANY},
    {"不審な通信先", KR_CSV_VALUE, KR_INDICATOR_ANY},
    {"不正通信先", KR_CSV_VALUE, KR_INDICATOR_ANY},
    {"接続先", KR_CSV_VALUE, KR_INDICATOR_ANY},
    {"url", KR_CSV_VALUE, KR_INDICATOR_URL},
    {"urls", KR_CSV_VALUE, KR_INDICATOR_URL},
    {"uri", KR_CSV_VALUE, KR_INDICATOR_URL},
    {"link", KR_CSV_REFERENCE, KR_INDICATOR_ANY},
    {"domain", KR_CSV_VALUE, KR_INDICATOR_ANY},
    {"domainname", KR_CSV_VALUE, KR_INDICATOR_ANY},
    {"hostname", KR_CSV_VALUE, KR_INDICATOR_ANY},
    {"host", KR_CSV_VALUE, KR_INDICATOR_ANY},
    {"fqdn", KR_CSV_VALUE, KR_INDICATOR_ANY},
    {"ドメイン", KR_CSV_VALUE, KR_INDICATOR_ANY},
    {"ドメイン名", KR_CSV_VALUE, KR_INDICATOR_ANY},
    {"ホスト名", KR_CSV_VALUE, KR_INDICATOR_ANY},
    {"ip", KR_CSV_VALUE, KR_INDICATOR_ANY},
    {"ipaddress", KR_CSV_VALUE, KR_INDICATOR_ANY},
    {"ipv4", KR_CSV_VALUE, KR_INDICATOR_ANY},
    {"ipv6", KR_CSV_VALUE, KR_INDICATOR_ANY},
    {"dstip", KR_CSV_VALUE, KR_INDICATOR_ANY},
    {"srcip", KR_CSV_VALUE, KR_INDICATOR_ANY},
    {"cidr", KR_CSV_VALUE, KR_INDICATOR_ANY},
    {"ipアドレス", KR_CSV_VALUE, KR_INDICATOR_ANY},
    {"アドレス", KR_CSV_VALUE, KR_INDICATOR_ANY},
    {"hash", KR_CSV_VALUE, KR_INDICATOR_ANY},
    {"filehash", KR_CSV_VALUE, KR_INDICATOR_ANY},
    {"ハッシュ", KR_CSV_VALUE, KR_INDICATOR_ANY},
    {"ハッシュ値", KR_CSV_VALUE, KR_INDICATOR_ANY},
    {"md5", KR_CSV_VALUE, KR_INDICATOR_MD5},
    {"md5hash", KR_CSV_VALUE, KR_INDICATOR_MD5},
    {"sha1", KR_CSV_VALUE, KR_INDICATOR_SHA1},
    {"sha1hash", KR_CSV_VALUE, KR_INDICATOR_SHA1},
    {"sha256", KR_CSV_VALUE, KR_INDICATOR_SHA256},
    {"sha256hash", KR_CSV_VALUE, KR_INDICATOR_SHA256},
    {"sha512", KR_CSV_VALUE, KR_INDICATOR_SHA512},
    {"imphash", KR_CSV_VALUE, KR_INDICATOR_IMPHASH},
    {"ja3", KR_CSV_VALUE, KR_INDICATOR_JA3},
    {"filename", KR_CSV_VALUE, KR_INDICATOR_FILENAME},
    {"file", KR_CSV_VALUE, KR_INDICATOR_FILENAME},
    {"ファイル名", KR_CSV_VALUE, KR_INDICATOR_FILENAME},
    {"email", KR_CSV_VALUE, KR_INDICATOR_EMAIL},
    {"emailaddress", KR_CSV_VALUE, KR_INDICATOR_EMAIL},
    {"mail", KR_CSV_VALUE, KR_INDICATOR_EMAIL},
    {"sender", KR_CSV_VALUE, KR_INDICATOR_EMAIL},
    {"メールアドレス", KR_CSV_VALUE, KR_INDICATOR_EMAIL},
    {"送信元", KR_CSV_VALUE, KR_INDICATOR_ANY},
    {"送信元メールアドレス", KR_CSV_VALUE, KR_INDICATOR_EMAIL},
    {"差出人", KR_CSV_VALUE, KR_INDICATOR_EMAIL},
    {"送信者", KR_CSV_VALUE, KR_INDICATOR_EMAIL},
    {"registry", KR_CSV_VALUE, KR_INDICATOR_REGISTRY_KEY},
    {"registrykey", KR_CSV_VALUE, KR_INDICATOR_REGISTRY_KEY},
    {"レジストリ", KR_CSV_VALUE, KR_INDICATOR_REGISTRY_KEY},
    {"レジストリキー", KR_CSV_VALUE, KR_INDICATOR_REGISTRY_KEY},
    {"mutex", KR_CSV_VALUE, KR_INDICATOR_MUTEX},
    {"useragent", KR_CSV_VALUE, KR_INDICATOR_USER_AGENT},
    {"ユーザーエージェント", KR_CSV_VALUE, KR_INDICATOR_USER_AGENT},
    {"asn", KR_CSV_VALUE, KR_INDICATOR_ASN},
    {"cve", KR_CSV_VALUE, KR_INDICATOR_CVE},
    {"脆弱性番号", KR_CSV_VALUE, KR_INDICATOR_CVE},
    {"type", KR_CSV_TYPE, 0},
    {"indicatortype", KR_CSV_TYPE, 0},
    {"ioctype", KR_CSV_TYPE, 0},
    {"種別", KR_CSV_TYPE, 0},
    {"種類", KR_CSV_TYPE, 0},
    {"型", KR_CSV_TYPE, 0},
    {"タイプ", KR_CSV_TYPE, 0},
    {"分類", KR_CSV_TYPE, 0},
    {"description", KR_CSV_NOTE, 0},
    {"comment", KR_CSV_NOTE, 0},
    {"comments", KR_CSV_NOTE, 0},
    {"note", KR_CSV_NOTE, 0},
    {"notes", KR_CSV_NOTE, 0},
    {"remarks", KR_CSV_NOTE, 0},
    {"memo", KR_CSV_NOTE, 0},
    {"detail", KR_CSV_NOTE, 0},
    {"details", KR_CSV_NOTE, 0},
    {"context", KR_CSV_NOTE, 0},
    {"threat", KR_CSV_NOTE, 0},
    {"malware", KR_CSV_NOTE, 0},
    {"brand", KR_CSV_NOTE, 0},
    {"tags", KR_CSV_NOTE, 0},
    {"備考", KR_CSV_NOTE, 0},
    {"説明", KR_CSV_NOTE, 0},
    {"コメント", KR_CSV_NOTE, 0},
    {"内容", KR_CSV_NOTE, 0},
    {"メモ", KR_CSV_NOTE, 0},
    {"概要", KR_CSV_NOTE, 0},
    {"詳細", KR_CSV_NOTE, 0},
    {"マルウェア", KR_CSV_NOTE, 0},
    {"ブランド", KR_CSV_NOTE, 0},
    {"ブランド名", KR_CSV_NOTE, 0},
    {"date", KR_CSV_FIRST, 0},
    {"datetime", KR_CSV_FIRST, 0},
    {"time", KR_CSV_FIRST, 0},
    {"timestamp", KR_CSV_FIRST, 0},
    {"dateadded", KR_CSV_FIRST, 0},
    {"created", KR_CSV_FIRST, 0},
    {"first", KR_CSV_FIRST, 0},
    {"firstseen", KR_CSV_FIRST, 0},
    {"firstseenutc", KR_CSV_FIRST, KR_CSV_UTC},
    {"日付", KR_CSV_FIRST, 0},
    {"日時", KR_CSV_FIRST, 0},
    {"初観測", KR_CSV_FIRST, 0},
    {"初観測日", KR_CSV_FIRST, 0},
    {"初観測日時", KR_CSV_FIRST, 0},
    {"検知日", KR_CSV_FIRST, 0},
    {"検知日時", KR_CSV_FIRST, 0},
    {"観測日", KR_CSV_FIRST, 0},
    {"観測日時", KR_CSV_FIRST, 0},
    {"確認日", KR_CSV_FIRST, 0},
    {"確認日時", KR_CSV_FIRST, 0},
    {"登録日", KR_CSV_FIRST, 0},
    {"登録日時", KR_CSV_FIRST, 0},
    {"発見日", KR_CSV_FIRST, 0},
    {"公開日", KR_CSV_FIRST, 0},
    {"last", KR_CSV_LAST, 0},
    {"lastseen", KR_CSV_LAST, 0},
    {"lastseenutc", KR_CSV_LAST, KR_CSV_UTC},
    {"lastonline", KR_CSV_LAST, 0},
    {"最終観測", KR_CSV_LAST, 0},
    {"最終観測日", KR_CSV_LAST, 0},
    {"最終観測日時", KR_CSV_LAST, 0},
    {"最終確認日", KR_CSV_LAST, 0},
    {"最終確認日時", KR_CSV_LAST, 0},
    {"confidence", KR_CSV_CONFIDENCE, 0},
    {"confidencelevel", KR_CSV_CONFIDENCE, 0},
    {"信頼度", KR_CSV_CONFIDENCE, 0},
    {"確度", KR_CSV_CONFIDENCE, 0},
    {"action", KR_CSV_ACTION, 0},
    {"toids", KR_CSV_ACTION, 0},
    {"対処", KR_CSV_ACTION, 0},
    {"推奨対応", KR_CSV_ACTION, 0},
    {"tlp", KR_CSV_LABEL, 0},
    {"label", KR_CSV_LABEL, 0},
    {"tlplabel", KR_CSV_LABEL, 0},
    {"marking", KR_CSV_LABEL, 0},
    {"tlp区分", KR_CSV_LABEL, 0},
    {"共有範囲", KR_CSV_LABEL, 0},
    {"取扱区分", KR_CSV_LABEL, 0},
    {"reference", KR_CSV_REFERENCE, 0},
    {"references", KR_CSV_REFERENCE, 0},
    {"source", KR_CSV_REFERENCE, 0},
    {"参考", KR_CSV_REFERENCE, 0},
    {"参照", KR_CSV_REFERENCE, 0},
    {"参考情報", KR_CSV_REFERENCE, 0},
};

/* Types as type columns name them. */
static const struct {
    const char *name;
    uint8_t type;
} types[] = {
    {"ip", KR_INDICATOR_ANY},
    {"ipv4", KR_INDICATOR_IPV4},
    {"ipv6", KR_INDICATOR_IPV6},
    {"ipaddress", KR_INDICATOR_ANY},
    {"ipaddr", KR_INDICATOR_ANY},
    {"ipv4addr", KR_INDICATOR_IPV4},
    {"ipv6addr", KR_INDICATOR_IPV6},
    {"ipdst", KR_INDICATOR_ANY},
    {"ipsrc", KR_INDICATOR_ANY},
    {"ip:port", KR_INDICATOR_ANY},
    {"ipport", KR_INDICATOR_ANY},
    {"cidr", KR_INDICATOR_ANY},
    {"ipアドレス", KR_INDICATOR_ANY},
    {"アドレス", KR_INDICATOR_ANY},
    {"domain", KR_INDICATOR_DOMAIN},
    {"domainname", KR_INDICATOR_DOMAIN},
    {"hostname", KR_INDICATOR_ANY},
    {"host", KR_INDICATOR_ANY},
    {"fqdn", KR_INDICATOR_DOMAIN},
    {"ドメイン", KR_INDICATOR_DOMAIN},
    {"ドメイン名", KR_INDICATOR_DOMAIN},
    {"ホスト名", KR_INDICATOR_ANY},
    {"url", KR_INDICATOR_URL},
    {"uri", KR_INDICATOR_URL},
    {"email", KR_INDICATOR_EMAIL},
    {"emailaddr", KR_INDICATOR_EMAIL},
    {"emailaddress", KR_INDICATOR_EMAIL},
    {"emailsrc", KR_INDICATOR_EMAIL},
    {"emaildst", KR_INDICATOR_EMAIL},
    {"mail", KR_INDICATOR_EMAIL},
    {"メールアドレス", KR_INDICATOR_EMAIL},
    {"メール", KR_INDICATOR_EMAIL},
    {"md5", KR_INDICATOR_MD5},
    {"sha1", KR_INDICATOR_SHA1},
    {"sha256", KR_INDICATOR_SHA256},
    {"sha512", KR_INDICATOR_SHA512},
    {"imphash", KR_INDICATOR_IMPHASH},
    {"hash", KR_INDICATOR_ANY},
    {"filehash", KR_INDICATOR_ANY},
    {"filehashmd5", KR_INDICATOR_MD5},
    {"filehashsha1", KR_INDICATOR_SHA1},
    {"filehashsha256", KR_INDICATOR_SHA256},
    {"ハッシュ", KR_INDICATOR_ANY},
    {"ハッシュ値", KR_INDICATOR_ANY},
    {"filename", KR_INDICATOR_FILENAME},
    {"file", KR_INDICATOR_FILENAME},
    {"ファイル名", KR_INDICATOR_FILENAME},
    {"ファイル", KR_INDICATOR_FILENAME},
    {"registry", KR_INDICATOR_REGISTRY_KEY},
    {"registrykey", KR_INDICATOR_REGISTRY_KEY},
    {"regkey", KR_INDICATOR_REGISTRY_KEY},
    {"windowsregistrykey", KR_INDICATOR_REGISTRY_KEY},
    {"レジストリ", KR_INDICATOR_REGISTRY_KEY},
    {"レジストリキー", KR_INDICATOR_REGISTRY_KEY},
    {"mutex", KR_INDICATOR_MUTEX},
    {"ミューテックス", KR_INDICATOR_MUTEX},
    {"useragent", KR_INDICATOR_USER_AGENT},
    {"ユーザーエージェント", KR_INDICATOR_USER_AGENT},
    {"ja3", KR_INDICATOR_JA3},
    {"ja3fingerprintmd5", KR_INDICATOR_JA3},
    {"as", KR_INDICATOR_ASN},
    {"asn", KR_INDICATOR_ASN},
    {"as番号", KR_INDICATOR_ASN},
    {"cve", KR_INDICATOR_CVE},
    {"vulnerability", KR_INDICATOR_CVE},
    {"脆弱性", KR_INDICATOR_CVE},
    {"yara", KR_INDICATOR_YARA},
    {"sigma", KR_INDICATOR_SIGMA},
    {"other", KR_INDICATOR_OTHER},
    {"pattern", KR_INDICATOR_OTHER},
    {"その他", KR_INDICATOR_OTHER},
};

/* A name for comparing: full-width ASCII narrow, lower case, without blanks and punctuation, nor what stands in brackets behind. */
static size_t plain(struct kr_slice text, char ret[static KR_CSV_HEADING_BYTES])
{
    size_t used, len = 0;
    for (size_t i = 0; i < text.len; i += used) {
        uint32_t point = kr_utf8_decode(text.bytes + i, text.len - i, &used);
        point = point >= 0xff01 && point <= 0xff5e ? point - 0xff01 + '!' : point == 0x3000 ? ' ' : point;
        if ((point == '(' || point == '[') && len > 0) {
            break;
        }
        if (len + 4 >= KR_CSV_HEADING_BYTES) {
            return 0;
        }
        if (point >= 0x80) {
            memcpy(ret + len, text.bytes + i, used);
            len += used;
        } else if (strchr(" \t_-.:/#\"'()[]|", (int)point) == NULL) {
            ret[len++] = (char)(point >= 'A' && point <= 'Z' ? point | 0x20 : point);
        }
    }
    return len;
}

static const struct heading *find_heading(struct kr_slice cell)
{
    char name[KR_CSV_HEADING_BYTES];
    const size_t len = plain(cell, name);
    for (size_t i = 0; len > 0 && i < sizeof headings / sizeof headings[0]; i++) {
        if (strlen(headings[i].name) == len && memcmp(headings[i].name, name, len) == 0) {
            return &headings[i];
        }
    }
    return NULL;
}

static bool one_type(struct kr_slice cell, uint32_t *ret_type)
{
    char name[KR_CSV_HEADING_BYTES];
    const size_t len = plain(cell, name);
    for (size_t i = 0; len > 0 && i < sizeof types / sizeof types[0]; i++) {
        if (strlen(types[i].name) == len && memcmp(types[i].name, name, len) == 0) {
            *ret_type = types[i].type;
            return true;
        }
    }
    return false;
}

bool kr_csv_type(struct kr_slice cell, uint32_t ret_types[static 2], uint32_t *ret_count)
{
    const uint8_t *bar = cell.len > 0 ? memchr(cell.bytes, '|', cell.len) : NULL;
    const size_t first = bar != NULL ? (size_t)(bar - cell.bytes) : cell.len;
    *ret_count = bar != NULL ? 2 : 1;
    return one_type((struct kr_slice){cell.bytes, first}, &ret_types[0]) &&
           (bar == NULL || one_type((struct kr_slice){bar + 1, cell.len - first - 1}, &ret_types[1]));
}

/* ---- the sample ---- */

struct sample {
    uint32_t count; /* rows */
    struct sample_row {
        uint64_t line;
        uint32_t count;
        bool is_comment;
        struct kr_slice *cells; /* own copies */
    } rows[KR_CSV_SAMPLE_ROWS];
};

static bool keep(struct sample *sample, const struct kr_csv_row *row)
{
    size_t bytes = row->count * sizeof(struct kr_slice);
    for (uint32_t i = 0; i < row->count; i++) {
        bytes += row->cells[i].len;
    }
    struct kr_slice *cells = malloc(bytes + 1);
    if (cells == NULL) {
        return false;
    }
    uint8_t *at = (uint8_t *)(cells + row->count);
    for (uint32_t i = 0; i < row->count; i++) {
        memcpy(at, row->cells[i].bytes, row->cells[i].len);
        cells[i] = (struct kr_slice){at, row->cells[i].len};
        at += row->cells[i].len;
    }
    sample->rows[sample->count++] =
        (struct sample_row){.line = row->line, .count = row->count, .is_comment = row->is_comment, .cells = cells};
    return true;
}

static void free_sample(struct sample *sample)
{
    for (uint32_t i = 0; sample != NULL && i < sample->count; i++) {
        free(sample->rows[i].cells);
    }
    free(sample);
}

static enum kr_err take_sample(struct kr_csv_rows *rows, struct sample *sample, struct kr_error *error)
{
    static struct kr_csv_row row;
    enum kr_csv_outcome outcome = KR_CSV_ROW;
    enum kr_err err = KR_OK;
    for (uint32_t tried = 0; err == KR_OK && outcome != KR_CSV_END && sample->count < KR_CSV_SAMPLE_ROWS && tried < 4096; tried++) {
        err = kr_csv_next(rows, &row, &outcome, error);
        if (err == KR_OK && outcome == KR_CSV_ROW && (row.count > 1 || row.cells[0].len > 0) && !keep(sample, &row)) {
            err = KR_NOMEM;
        }
    }
    return err;
}

/* ---- by heading ---- */

/* A comment's first cell without its '#'. */
static struct kr_slice uncomment(struct kr_slice cell)
{
    while (cell.len > 0 && (cell.bytes[0] == '#' || cell.bytes[0] == ' ')) {
        cell.bytes++;
        cell.len--;
    }
    return cell;
}

static uint32_t count_values(const struct kr_csv_columns *columns)
{
    uint32_t values = 0;
    for (uint32_t i = 0; i < columns->count; i++) {
        values += columns->columns[i].role == KR_CSV_VALUE;
    }
    return values;
}

/* What the row says as a heading: how many columns it names. */
static uint32_t read_heading(const struct sample_row *row, struct kr_csv_columns *ret)
{
    uint32_t named = 0;
    ret->count = row->count;
    for (uint32_t i = 0; i < row->count; i++) {
        const struct heading *heading = find_heading(i == 0 && row->is_comment ? uncomment(row->cells[0]) : row->cells[i]);
        ret->columns[i].role = heading != NULL ? heading->role : KR_CSV_NOTHING;
        ret->columns[i].type = heading != NULL ? heading->type : KR_INDICATOR_ANY;
        named += heading != NULL;
    }
    return named;
}

static bool says(struct kr_slice cell, const char *text)
{
    return cell.len == strlen(text) && memcmp(cell.bytes, text, cell.len) == 0;
}

/* The first row, or the last comment before it where feeds name their columns. */
static void find_by_heading(const struct sample *sample, struct kr_csv_columns *columns)
{
    static struct kr_csv_columns tried;
    for (uint32_t i = 0; i < sample->count; i++) {
        const struct sample_row *row = &sample->rows[i];
        memset(&tried, 0, sizeof tried);
        const uint32_t named = read_heading(row, &tried);
        bool has_data = false;
        for (uint32_t j = 0; j < row->count && !row->is_comment; j++) {
            struct kr_indicator indicator;
            bool guessed;
            has_data = has_data || kr_import_parse(KR_INDICATOR_ANY, row->cells[j], &indicator, &guessed);
        }
        if (!has_data && named > 0 && (named >= 2 || row->count <= 2 || count_values(&tried) > 0) &&
            (!row->is_comment || named >= 2)) {
            *columns = tried;
            columns->heading_line = row->line;
            columns->named = named;
            columns->is_jpcert =
                row->count == 3 && says(row->cells[0], "date") && says(row->cells[1], "URL") && says(row->cells[2], "description");
            columns->is_export = row->count > KR_CSV_EXPORT_TERMS && says(row->cells[KR_CSV_EXPORT_AUTHOR], "author") &&
                                 says(row->cells[KR_CSV_EXPORT_ORIGIN], "origin") &&
                                 says(row->cells[KR_CSV_EXPORT_TERMS], "origin_terms");
        }
        if (!row->is_comment) {
            return;
        }
    }
}

/* ---- by content ---- */

struct tally {
    uint32_t filled, values, dates, types, labels, text_bytes;
};

static void tally_cell(struct kr_slice cell, struct tally *tally)
{
    struct kr_indicator indicator;
    uint32_t of_types[2], count;
    enum kr_label label;
    uint64_t at_s;
    bool guessed;
    if (cell.len == 0) {
        return;
    }
    tally->filled++;
    tally->text_bytes += (uint32_t)cell.len;
    if (kr_import_date(cell, 0, &at_s) == KR_OK) {
        tally->dates++;
    } else if (kr_import_parse(KR_INDICATOR_ANY, cell, &indicator, &guessed) || kr_import_is_masked(cell)) {
        tally->values++;
    } else if (kr_csv_type(cell, of_types, &count)) {
        tally->types++;
    } else if (kr_label_parse((const char *)cell.bytes, cell.len, &label) == KR_OK) {
        tally->labels++;
    }
}

static bool is_most(uint32_t of_sort, uint32_t filled)
{
    return of_sort > 0 && of_sort * 100 >= filled * SHARE_PERCENT;
}

static uint32_t modal_count(const struct sample *sample)
{
    uint32_t counts[KR_CSV_COLUMNS_MAX + 1] = {0}, best = 0;
    for (uint32_t i = 0; i < sample->count; i++) {
        counts[sample->rows[i].count] += !sample->rows[i].is_comment;
    }
    for (uint32_t i = 1; i <= KR_CSV_COLUMNS_MAX; i++) {
        best = counts[i] > counts[best] ? i : best;
    }
    return best;
}

static bool is_heading_row(const struct sample_row *row, const struct kr_csv_columns *columns)
{
    return row->is_comment || row->line <= columns->heading_line;
}

/* Fills in what the heading does not say. */
static void find_by_content(const struct sample *sample, struct kr_csv_columns *columns)
{
    static struct tally tallies[KR_CSV_COLUMNS_MAX];
    memset(tallies, 0, sizeof tallies);
    const bool has_values = count_values(columns) > 0;
    uint32_t longest = 0, notes = 0, roles[KR_CSV_REFERENCE + 1] = {0};
    if (columns->heading_line == 0) {
        columns->count = modal_count(sample);
    }
    /* The first row may be a heading in words that are not known: it does not count, and is left out if it proves to be one. */
    for (uint32_t i = 0; i < sample->count; i++) {
        const struct sample_row *row = &sample->rows[i];
        for (uint32_t j = 0; j < row->count && j < columns->count && !is_heading_row(row, columns) && (i > 0 || sample->count == 1);
             j++) {
            tally_cell(row->cells[j], &tallies[j]);
        }
    }
    for (uint32_t j = 0; j < columns->count; j++) {
        roles[columns->columns[j].role]++;
    }
    for (uint32_t j = 0; j < columns->count; j++) {
        const struct tally *tally = &tallies[j];
        uint8_t role = KR_CSV_NOTHING;
        if (columns->columns[j].role != KR_CSV_NOTHING) {
            notes += columns->columns[j].role == KR_CSV_NOTE;
            continue;
        }
        if (is_most(tally->values, tally->filled) && !has_values) {
            role = KR_CSV_VALUE;
        } else if (is_most(tally->dates, tally->filled) && roles[KR_CSV_FIRST] == 0) {
            role = KR_CSV_FIRST;
        } else if (is_most(tally->dates, tally->filled) && roles[KR_CSV_LAST] == 0 && columns->named == 0) {
            role = KR_CSV_LAST;
        } else if (is_most(tally->types, tally->filled) && roles[KR_CSV_TYPE] == 0) {
            role = KR_CSV_TYPE;
        } else if (is_most(tally->labels, tally->filled) && roles[KR_CSV_LABEL] == 0) {
            role = KR_CSV_LABEL;
        }
        roles[role]++;
        columns->columns[j].role = role;
        columns->columns[j].type = KR_INDICATOR_ANY;
        const bool is_longer = role == KR_CSV_NOTHING && tally->text_bytes > 0 &&
                               (longest == 0 || tally->text_bytes > tallies[longest - 1].text_bytes);
        longest = is_longer ? j + 1 : longest;
    }
    if (notes == 0 && longest > 0 && columns->named == 0) {
        columns->columns[longest - 1].role = KR_CSV_NOTE;
    }
}

/* A first row that says nothing in the columns that have values is a heading, whatever its words. */
static void drop_unknown_heading(const struct sample *sample, struct kr_csv_columns *columns)
{
    struct tally tally = {0};
    uint32_t filled = 0;
    const struct sample_row *row = NULL;
    for (uint32_t i = 0; i < sample->count && row == NULL; i++) {
        row = sample->rows[i].is_comment ? NULL : &sample->rows[i];
    }
    if (columns->heading_line > 0 || row == NULL) {
        return;
    }
    for (uint32_t j = 0; j < row->count && j < columns->count; j++) {
        if (columns->columns[j].role == KR_CSV_VALUE || columns->columns[j].role == KR_CSV_FIRST) {
            tally_cell(row->cells[j], &tally);
            filled += row->cells[j].len > 0;
        }
    }
    if (filled > 0 && tally.values + tally.dates == 0 && sample->count > 1) {
        columns->heading_line = row->line;
    }
}

static void count_sample(const struct sample *sample, struct kr_csv_columns *columns)
{
    for (uint32_t i = 0; i < sample->count; i++) {
        const struct sample_row *row = &sample->rows[i];
        struct tally tally = {0};
        if (is_heading_row(row, columns)) {
            continue;
        }
        for (uint32_t j = 0; j < row->count && j < columns->count; j++) {
            if (columns->columns[j].role == KR_CSV_VALUE) {
                tally_cell(row->cells[j], &tally);
            }
        }
        columns->sample_rows++;
        columns->sample_values += tally.values > 0;
    }
    columns->valued = count_values(columns);
}

/* ---- as the person says ---- */

static const struct {
    const char *name;
    uint8_t role;
} roles_by_name[] = {
    {"value", KR_CSV_VALUE},         {"type", KR_CSV_TYPE},     {"note", KR_CSV_NOTE},   {"first", KR_CSV_FIRST},
    {"last", KR_CSV_LAST},           {"action", KR_CSV_ACTION}, {"label", KR_CSV_LABEL}, {"confidence", KR_CSV_CONFIDENCE},
    {"reference", KR_CSV_REFERENCE},
};

static bool find_role(struct kr_slice name, uint8_t *ret_role, uint8_t *ret_type)
{
    uint32_t type;
    for (size_t i = 0; i < sizeof roles_by_name / sizeof roles_by_name[0]; i++) {
        if (says(name, roles_by_name[i].name)) {
            *ret_role = roles_by_name[i].role;
            *ret_type = KR_INDICATOR_ANY;
            return true;
        }
    }
    if (kr_indicator_type_parse((const char *)name.bytes, name.len, &type) == KR_OK) {
        *ret_role = KR_CSV_VALUE;
        *ret_type = (uint8_t)type;
        return true;
    }
    return false;
}

/* A column by its number, or by what the heading calls it. */
static bool find_column(const struct sample *sample, const struct kr_csv_columns *columns, struct kr_slice name,
                        uint32_t *ret_column)
{
    uint32_t number = 0;
    size_t digits = 0;
    for (; digits < name.len && digits < 4 && name.bytes[digits] >= '0' && name.bytes[digits] <= '9'; digits++) {
        number = number * 10 + (uint32_t)(name.bytes[digits] - '0');
    }
    if (digits == name.len && digits > 0) {
        *ret_column = number - 1;
        return number >= 1 && number <= columns->count;
    }
    for (uint32_t i = 0; i < sample->count; i++) {
        const struct sample_row *row = &sample->rows[i];
        for (uint32_t j = 0; j < row->count && row->line == columns->heading_line; j++) {
            const struct kr_slice cell = j == 0 && row->is_comment ? uncomment(row->cells[0]) : row->cells[j];
            if (cell.len == name.len && memcmp(cell.bytes, name.bytes, name.len) == 0) {
                *ret_column = j;
                return true;
            }
        }
    }
    return false;
}

static enum kr_err map_one(const struct sample *sample, struct kr_slice pair, struct kr_csv_columns *columns,
                           struct kr_error *error)
{
    const uint8_t *equals = memchr(pair.bytes, '=', pair.len);
    if (equals == NULL) {
        return kr_fail(error, KR_INVALID, "\"%.*s\" in the map is no NAME=COLUMN (value=2,note=3)", (int)pair.len, pair.bytes);
    }
    const struct kr_slice name = {pair.bytes, (size_t)(equals - pair.bytes)}, column_name = {equals + 1, pair.len - name.len - 1};
    uint8_t role, type;
    uint32_t column;
    if (says(name, "heading") || says(name, "delimiter")) {
        return KR_OK; /* were looked at before */
    }
    if (!find_role(name, &role, &type)) {
        return kr_fail(
            error, KR_INVALID,
            "the map knows no \"%.*s\": value, type, note, first, last, confidence, action, label, reference, or a type of "
            "indicator (url=2)",
            (int)name.len, name.bytes);
    }
    if (!find_column(sample, columns, column_name, &column)) {
        return kr_fail(error, KR_INVALID, "there is no column \"%.*s\": name it as the first row does, or by its number of 1 to %u",
                       (int)column_name.len, column_name.bytes, columns->count);
    }
    columns->columns[column].role = role;
    columns->columns[column].type = type;
    return KR_OK;
}

/* The pairs of a map, one after the other; false at the end. */
static bool next_pair(const char **at, struct kr_slice *ret_pair)
{
    const size_t len = strcspn(*at, ",");
    *ret_pair = (struct kr_slice){(const uint8_t *)*at, len};
    const bool is_one = len > 0;
    *at += len + ((*at)[len] == ',');
    return is_one;
}

static enum kr_err read_map(const struct sample *sample, const char *map, struct kr_csv_columns *columns, struct kr_error *error)
{
    struct kr_slice pair;
    enum kr_err err = KR_OK;
    if (columns->heading_line == 0) {
        columns->count = modal_count(sample);
    }
    if (columns->heading_line == 0 && strstr(map, "heading=none") == NULL && sample->count > 0) {
        columns->heading_line = sample->rows[0].line; /* for looking names up; given back where all go by number */
        columns->count = sample->rows[0].count > columns->count ? sample->rows[0].count : columns->count;
    }
    memset(columns->columns, 0, sizeof columns->columns);
    for (const char *at = map; err == KR_OK && next_pair(&at, &pair);) {
        err = map_one(sample, pair, columns, error);
    }
    if (err == KR_OK && strstr(map, "heading=none") != NULL) {
        columns->heading_line = 0;
    }
    return err;
}

enum kr_err kr_csv_columns_find(struct kr_csv_rows *rows, const char *map, struct kr_csv_columns *ret_columns,
                                struct kr_error *error)
{
    struct sample *sample = calloc(1, sizeof *sample);
    enum kr_err err = sample == NULL ? KR_NOMEM : take_sample(rows, sample, error);
    if (err == KR_OK) {
        memset(ret_columns, 0, sizeof *ret_columns);
        find_by_heading(sample, ret_columns);
        const bool was_named = ret_columns->heading_line > 0;
        if (map != NULL) {
            err = read_map(sample, map, ret_columns, error);
            ret_columns->heading_line = was_named ? ret_columns->heading_line : 0;
        } else {
            find_by_content(sample, ret_columns);
        }
        drop_unknown_heading(sample, ret_columns);
        count_sample(sample, ret_columns);
    }
    if (err == KR_OK && ret_columns->valued == 0) {
        err = kr_fail(error, KR_NOT_FOUND,
                      "no column of this table has indicators: say which one does, --map value=2 or --map value=HEADING");
    }
    free_sample(sample);
    return err;
}

/* ---- telling ---- */

bool kr_csv_looks(struct kr_slice head)
{
    static struct kr_csv_columns columns;
    struct kr_import_source source;
    struct kr_csv_rows rows;
    bool is_csv = false;
    if (head.len == KR_IMPORT_HEAD_BYTES) { /* the last line may be cut */
        const uint8_t *feed = memrchr(head.bytes, '\n', head.len);
        head.len = feed != NULL ? (size_t)(feed - head.bytes) + 1 : head.len;
    }
    kr_import_source_memory(&source, "", &head);
    if (kr_csv_rows_init(&rows, &source, NULL) != KR_OK) {
        return false;
    }
    if (kr_csv_rows_dialect(&rows, NULL) == KR_OK && kr_csv_columns_find(&rows, NULL, &columns, NULL) == KR_OK) {
        const bool is_full = columns.sample_rows > 0 && is_most(columns.sample_values, columns.sample_rows);
        /* A heading tells it, also where values are bad; without one, the values must. A column alone may be a text's lines. */
        is_csv = columns.count >= 2 && rows.dialect.delimiter != 0
                     ? columns.named >= 2 || (columns.named == 1 && (is_full || columns.sample_rows == 0)) ||
                           (is_full && columns.sample_rows >= 2)
                     : columns.named == 1 && columns.sample_rows > 0 && columns.sample_values == columns.sample_rows;
    }
    kr_csv_rows_deinit(&rows);
    return is_csv;
}

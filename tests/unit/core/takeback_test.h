/* What the tests of taking back share: forging retractions, and asking for them. Include behind bed.h. */
#ifndef KR_TEST_TAKEBACK_H
#define KR_TEST_TAKEBACK_H

#include "node/core/query.h"
#include "node/core/takeback.h"
#include "tests/unit/core/bed.h"

/* What a forged retraction says, where it does not say what it should. */
struct lie {
    uint32_t kind;              /* 0: a retraction */
    const struct forged *names; /* the header's target; NULL: the right one */
    enum kr_label label;        /* 0: the target's */
    uint64_t expires_s;         /* 0: the target's */
    const uint8_t *community;
    bool breaks_signature, breaks_header;
    const struct forged *instead; /* taken back in the target's place; NULL: none */
};
/* Signed as `node`: takes back `target`. */
static inline struct forged take_back(struct bed *bed, uint32_t node, const struct forged *target, struct lie lie)
{
    struct kr_record record;
    struct kr_header header;
    struct kr_writer content, inner;
    uint8_t signature[64], *copy;
    uint32_t kind = lie.kind != 0 ? lie.kind : KR_KIND_RETRACTION;
    target = lie.instead != NULL ? lie.instead : target;
    assert_int_equal(kr_record_split(target->bytes, target->len, &record), KR_OK);
    assert_int_equal(kr_header_parse(record.header, &header), KR_OK);
    memcpy(signature, record.signature.bytes, 64);
    signature[10] ^= lie.breaks_signature;
    copy = malloc(record.header.len);
    assert_non_null(copy);
    memcpy(copy, record.header.bytes, record.header.len);
    copy[record.header.len - 1] ^= lie.breaks_header;
    struct kr_takeback takeback = {
        .target_header = {copy, record.header.len},
        .target_signature = {signature, 64},
        .reason = {(const uint8_t *)"a mistake", 9},
        .language = {(const uint8_t *)"en", 2},
        .content_kind = KR_KIND_REPORT,
        .content = bed_report(&inner, "instead.example"),
    };
    kr_writer_init(&content, KR_BODY_BYTES_MAX);
    kr_takeback_write(kind, &takeback, &content);
    assert_int_equal(kr_writer_finish(&content), KR_OK);
    struct forged forged = bed_forge(bed, node,
                                     (struct kr_draft){.kind = kind,
                                                       .label = lie.label != KR_TLP_NONE ? lie.label : header.label,
                                                       .community = lie.community,
                                                       .flags = header.flags,
                                                       .target = lie.names != NULL ? lie.names->id : record.id,
                                                       .expires_s = lie.expires_s != 0 ? lie.expires_s : header.expires_s,
                                                       .content = {content.bytes, content.len}});
    kr_writer_deinit(&content);
    kr_writer_deinit(&inner);
    free(copy);
    return forged;
}

/* A report of `node`, in nobody's store. */
static inline struct forged clear_report(struct bed *bed, uint32_t node, const char *domain)
{
    struct kr_writer content;
    struct kr_draft draft = {.kind = KR_KIND_REPORT, .label = KR_TLP_CLEAR, .content = bed_report(&content, domain)};
    struct forged forged = bed_forge(bed, node, draft);
    kr_writer_deinit(&content);
    return forged;
}

static inline struct forged stripped(const struct forged *forged)
{
    struct kr_record record;
    struct kr_writer writer;
    struct forged header_only = {0};
    assert_int_equal(kr_record_split(forged->bytes, forged->len, &record), KR_OK);
    kr_writer_init(&writer, KR_RECORD_BYTES_MAX);
    assert_int_equal(kr_record_strip(&record, &writer), KR_OK);
    assert_int_equal(kr_writer_take(&writer, &header_only.bytes, &header_only.len), KR_OK);
    memcpy(header_only.id, forged->id, 32);
    return header_only;
}

/* The node holds nothing of it any more, as after damage; its place in the trees stays. */
static inline void lose(struct bed *bed, uint32_t node, const uint8_t id[static 32])
{
    struct kr_txn *txn = NULL;
    uint64_t arrival;
    assert_int_equal(kr_store_write_begin(bed_node(bed, node)->store, &txn), KR_OK);
    assert_int_equal(kr_store_record_find(txn, id, &arrival), KR_OK);
    assert_int_equal(kr_store_record_purge(txn, arrival, (struct kr_slice){0}), KR_OK);
    assert_int_equal(kr_txn_commit(txn), KR_OK);
}

/* A client's request; `id` may be the beginning of one. */
static inline uint32_t ask_to_retract(struct bed *bed, uint32_t node, const uint8_t *id, size_t len, const char *reason,
                                      uint8_t token)
{
    struct kr_retract retract = {.id = {id, len}, .reason = {(const uint8_t *)reason, strlen(reason)}};
    struct kr_writer args;
    memset(retract.token, token, 16);
    kr_writer_init(&args, 4 * KR_KIB);
    kr_retract_write(&retract, &args);
    assert_int_equal(kr_writer_finish(&args), KR_OK);
    uint32_t code = bed_request(bed, node, KR_OP_RETRACT, args.bytes, args.len, 300);
    kr_writer_deinit(&args);
    return code;
}

static inline uint32_t ask_to_revise(struct bed *bed, uint32_t node, const uint8_t *id, size_t len, const struct kr_submit *submit)
{
    struct kr_writer args;
    kr_writer_init(&args, KR_MIB);
    kr_revise_write((struct kr_slice){id, len}, submit, &args);
    assert_int_equal(kr_writer_finish(&args), KR_OK);
    uint32_t code = bed_request(bed, node, KR_OP_REVISE, args.bytes, args.len, 300);
    kr_writer_deinit(&args);
    return code;
}

static inline uint32_t ask_to_confirm(struct bed *bed, uint32_t node, const uint8_t *council, const uint8_t *id, size_t len)
{
    struct kr_confirm confirm = {.has_council = council != NULL, .id = {id, len}};
    struct kr_writer args;
    if (council != NULL) {
        memcpy(confirm.council, council, 32);
    }
    kr_writer_init(&args, KR_KIB);
    kr_confirm_write(&confirm, &args);
    assert_int_equal(kr_writer_finish(&args), KR_OK);
    uint32_t code = bed_request(bed, node, KR_OP_CONFIRM, args.bytes, args.len, 2000);
    kr_writer_deinit(&args);
    return code;
}

/* What a client of the node finds under a domain. */
struct found {
    uint32_t count;
    uint32_t kind, taken; /* of the first */
};

static inline enum kr_err take_match(void *context, struct kr_slice item)
{
    struct found *found = context;
    struct kr_match match;
    assert_int_equal(kr_match_read(item, &match), KR_OK);
    if (found->count++ == 0) {
        found->kind = match.record.kind;
        found->taken = match.record.taken;
    }
    return KR_OK;
}

static inline struct found look_up(struct bed *bed, uint32_t node, const char *domain)
{
    struct kr_indicator indicator;
    struct kr_writer args, result;
    struct kr_query query;
    struct kr_txn *txn = NULL;
    struct kr_error error = {0};
    struct found found = {0};
    bool is_done = false;
    assert_int_equal(kr_indicator_parse(KR_INDICATOR_DOMAIN, domain, strlen(domain), &indicator, NULL), KR_OK);
    kr_writer_init(&args, KR_KIB);
    kr_writer_array(&args, 1);
    kr_writer_array(&args, 2);
    kr_writer_uint(&args, indicator.type);
    kr_writer_bin(&args, indicator.value, indicator.len);
    kr_writer_init(&result, KR_KIB);
    assert_int_equal(kr_query_init(&query, KR_OP_LOOKUP, (struct kr_slice){args.bytes, args.len}, false), KR_OK);
    assert_int_equal(kr_store_read_begin(bed_node(bed, node)->store, &txn), KR_OK);
    while (!is_done) {
        assert_int_equal(kr_query_page(&query, txn, bed_node(bed, node)->keyring, bed->world->now_ms, NULL, take_match, &found,
                                       &result, &is_done, &error),
                         KR_OK);
    }
    kr_txn_abort(txn);
    kr_query_deinit(&query);
    kr_writer_deinit(&args);
    kr_writer_deinit(&result);
    return found;
}

/* Whether the node holds the record's header, and nothing of its content. */
static inline bool is_header_only(struct bed *bed, uint32_t node, const uint8_t id[static 32])
{
    struct kr_head head;
    return bed_head(bed, node, id, &head) == KR_OK && head.state == KR_HEAD_HEADER_ONLY && head.title.len == 0 &&
           head.record_bytes < 700;
}

static inline bool is_shown(struct bed *bed, uint32_t node, const uint8_t id[static 32])
{
    struct kr_head head;
    return bed_head(bed, node, id, &head) == KR_OK && head.state == KR_HEAD_SHOWN;
}

#endif

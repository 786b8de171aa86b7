/* What the check of a record costs, once for all nodes of a large world.
 *
 * kr_job_run is pure: the same bytes and keys give the same result. Of an open record the keys that matter are those that hide
 * terms, which all nodes of such a world share; a sealed one opens differently at each, and is checked by each, as is what takes
 * another back: what was found out about its target is not kept here. */
#include <stdlib.h>
#include <string.h>

#include "node/core/job.h"
#include "tests/sim/internal.h"

#define MEMO_SLOTS 1024u

struct sim_memo {
    struct kr_job *jobs[MEMO_SLOTS]; /* as they came back, whole; NULL: none yet */
};

struct sim_memo *sim_memo_new(void)
{
    struct sim_memo *memo = calloc(1, sizeof *memo);
    KR_ASSERT(memo != NULL);
    return memo;
}

void sim_memo_free(struct sim_memo *memo)
{
    for (uint32_t i = 0; memo != NULL && i < MEMO_SLOTS; i++) {
        kr_job_free(memo->jobs[i]);
    }
    free(memo);
}

static void *copy_of(const void *bytes, size_t len)
{
    void *copy = malloc(len + 1);
    KR_ASSERT(copy != NULL);
    if (len > 0) {
        memcpy(copy, bytes, len);
    }
    return copy;
}

/* All that a check finds out. */
static void copy_result(struct kr_job *to, const struct kr_job *from)
{
    to->err = from->err;
    to->is_open = from->is_open;
    to->severity = from->severity;
    to->indicator_count = from->indicator_count;
    memcpy(to->title, from->title, sizeof to->title);
    to->title_len = from->title_len;
    to->content_len = from->content_len;
    to->content = from->content == NULL ? NULL : copy_of(from->content, from->content_len);
    to->term_count = from->term_count;
    to->terms = from->terms == NULL ? NULL : copy_of(from->terms, from->term_count * sizeof *from->terms);
    KR_ASSERT(kr_record_split(to->bytes, to->len, &to->record) == KR_OK);
    KR_ASSERT(kr_header_parse(to->record.header, &to->header) == KR_OK);
}

void sim_memo_run(struct sim_memo *memo, struct kr_job *job, const struct kr_keyring *keyring)
{
    if (memo == NULL || job->kind != KR_JOB_CHECK || job->len < 2) {
        kr_job_run(job, keyring);
        return;
    }
    /* A record ends with its signature. */
    struct kr_job **slot = &memo->jobs[(job->bytes[job->len - 1] << 8 | job->bytes[job->len - 2]) % MEMO_SLOTS];
    if (*slot != NULL && (*slot)->len == job->len && memcmp((*slot)->bytes, job->bytes, job->len) == 0) {
        copy_result(job, *slot);
        return;
    }
    kr_job_run(job, keyring);
    if (job->err != KR_OK || kr_label_is_sealed(job->header.label) || kr_kind_takes_back(job->header.kind)) {
        return;
    }
    struct kr_job *kept = kr_job_new(KR_JOB_CHECK);
    KR_ASSERT(kept != NULL);
    kept->bytes = copy_of(job->bytes, job->len);
    kept->len = job->len;
    copy_result(kept, job);
    kr_job_free(*slot);
    *slot = kept;
}

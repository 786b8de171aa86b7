/* Statements of our own: cards, charters, vouches, signed with the root key. */
#include <string.h>

#include "node/core/state.h"

enum kr_err kr_statement_make(struct kr_step *step, uint32_t kind, const uint8_t *community, const uint8_t subject[static 32],
                              uint64_t version, struct kr_writer *content, struct kr_job **ret_job)
{
    struct kr_core *core = step->core;
    struct kr_job *job = kr_job_new(KR_JOB_MAKE);
    if (job == NULL) {
        return KR_NOMEM;
    }
    job->draft = (struct kr_draft){
        .kind = kind,
        .created_ms = step->now_ms,
        .expires_s = step->now_ms / 1000 + KR_EXPIRES_S_MAX - 86400u,
        .label = community != NULL ? KR_TLP_GREEN : KR_TLP_CLEAR,
        .community = community,
        .subject = subject,
        .version = version,
    };
    memcpy(job->author, core->self, 32);
    kr_rng_bytes(step->rng, job->seed, sizeof job->seed);
    enum kr_err err = kr_writer_take(content, &job->content, &job->content_len);
    if (err == KR_OK) {
        kr_job_run(job, core->keyring);
        err = job->err;
    }
    if (err != KR_OK) {
        kr_job_free(job);
        return err;
    }
    *ret_job = job;
    return KR_OK;
}

enum kr_err kr_admit_statement(struct kr_step *step, uint32_t kind, const uint8_t *community, const uint8_t subject[static 32],
                               uint64_t version, struct kr_writer *content)
{
    struct kr_job *job = NULL;
    enum kr_err verdict = KR_OK;
    uint64_t arrival;
    enum kr_err err = kr_statement_make(step, kind, community, subject, version, content, &job);
    if (err == KR_OK) {
        err = kr_admit(step, job, step->core->self, NULL, &verdict, &arrival);
    }
    kr_job_free(job);
    return err != KR_OK ? err : verdict;
}

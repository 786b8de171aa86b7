/* The configuration file (docs/OPERATIONS.md): INI, three sections, every key optional.
 *
 *   [node]   listen     tcp://ADDRESS:PORT, a numeric address or *; left out: this node only dials out
 *            endpoint   tcp://HOST:PORT that peers are told to dial
 *            log_level  error, warning, notice (default), info, debug
 *            workers    threads for cryptography, 1 to 64 (default: one per core)
 *            socket     a second socket file, for persons of the council who are other users of this machine
 *   [guard]  own_domains, own_networks, own_names   comma-separated; may stand several times
 *            allow_documentation                    yes or no: let documentation addresses and domains through (demonstrations)
 *   [link]   via        tcp://HOST:PORT tcp://HOST:PORT, a peer's address and where to dial instead; may stand several times
 *
 *   [approval] report, advisory, sighting   labels whose records wait for an approver: clear, green, amber; all; none (default)
 *   [audit]  keep_years   1 to 30 (default 5): older entries of the audit log are dropped
 *
 * An unknown section or key, a value that cannot be, and a key given twice are mistakes: nothing is guessed. */
#ifndef KR_NODE_KEEPER_CONFIG_H
#define KR_NODE_KEEPER_CONFIG_H

#include <stdint.h>

#include "crypto/err.h"
#include "crypto/limits.h"
#include "node/core/core.h"
#include "node/core/guard.h"
#include "node/keeper/detours.h"
#include "node/log.h"

#define KR_WORKERS_MAX           64u
#define KR_AUDIT_YEARS           5u /* unless the file says otherwise */
#define KR_AUDIT_YEARS_MAX       30u
#define KR_SOCKET_PATH_BYTES_MAX 107u /* unix(7) */

struct kr_config {
    char listen[KR_ENDPOINT_BYTES_MAX + 1];    /* "": does not listen */
    char endpoint[KR_ENDPOINT_BYTES_MAX + 1];  /* "": only we dial */
    char socket[KR_SOCKET_PATH_BYTES_MAX + 1]; /* "": none */
    uint32_t audit_years;
    struct kr_approval approval;
    enum kr_log_level log_level;
    uint32_t workers; /* 0: one per core */
    struct kr_guards *guards;
    struct kr_detours *ways;
};

/* KR_CONFIG with the file, the line and what is wrong with it; KR_NOT_FOUND where there is no such file; KR_IO. On success the
 * caller deinits. */
enum kr_err kr_config_read(const char *path, struct kr_config *ret_config, struct kr_error *error) KR_WARN_UNUSED;
/* What holds without a file. */
enum kr_err kr_config_init(struct kr_config *config) KR_WARN_UNUSED;
void kr_config_deinit(struct kr_config *config);

/* "tcp://ADDRESS:PORT", ADDRESS numeric (IPv6 in brackets) or *, PORT 0 (any) to 65535. */
enum kr_err kr_listen_check(const char *text, struct kr_error *error) KR_WARN_UNUSED;

#endif

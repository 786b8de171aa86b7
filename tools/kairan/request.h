/* What submit, revise and import have in common: under which label, to whom, for how long, and why a guard is overridden. */
#ifndef KR_TOOLS_KAIRAN_REQUEST_H
#define KR_TOOLS_KAIRAN_REQUEST_H

#include "tools/kairan/kairan.h"

struct kr_request_arguments {
    const char *label, *community, *severity, *expires, *reason;
    struct kr_texts to, to_bodies, to_persons;
    bool is_exercise, is_forced;
};

/* Into the request, all but councils and community, which only a node can tell. Tells mistakes. */
bool kr_request_take(struct kr_app *app, const struct kr_request_arguments *arguments, struct kr_submit *request,
                     uint32_t *ret_severity);
/* Councils and community by name. The app is connected. Tells mistakes. */
bool kr_request_audience(struct kr_app *app, const struct kr_request_arguments *arguments, struct kr_submit *request);
/* Whether somebody is there to be asked. */
bool kr_has_terminal(void);

#endif

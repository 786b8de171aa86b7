#include "tools/kairan/request.h"

#include <string.h>
#include <unistd.h>

#include "tools/kairan/out.h"

bool kr_request_take(struct kr_app *app, const struct kr_request_arguments *arguments, struct kr_submit *request,
                     uint32_t *ret_severity)
{
    uint32_t severity = 0;
    if (arguments->label != NULL && kr_label_parse(arguments->label, strlen(arguments->label), &request->label) != KR_OK) {
        (void)kr_app_fail(app, KR_INVALID, _("there is no label \"%s\": clear, green, amber, amber+strict or red"),
                          arguments->label);
        return false;
    }
    if (arguments->expires != NULL && !kr_moment_parse(arguments->expires, true, &request->expires_s)) {
        (void)kr_app_fail(app, KR_INVALID, _("--%s takes a date (2026-11-25) or a span (7d)"), "expires");
        return false;
    }
    if (arguments->is_forced && (arguments->reason == NULL || arguments->reason[0] == 0)) {
        (void)kr_app_fail(app, KR_INVALID, _("--force needs --reason TEXT"));
        return false;
    }
    if (arguments->to.count > 0 && request->label != KR_TLP_AMBER && request->label != KR_TLP_NONE) {
        (void)kr_app_fail(app, KR_INVALID,
                          kr_label_is_for_people(request->label)
                              ? _("--to is for TLP:AMBER: this label is for bodies (--to-body) or persons (--to-person) by name")
                              : _("--to is for TLP:AMBER: other labels reach whole communities or everyone"));
        return false;
    }
    if (arguments->to_bodies.count + arguments->to_persons.count > 0 && request->label != KR_TLP_NONE &&
        !kr_label_is_for_people(request->label)) {
        (void)kr_app_fail(app, KR_INVALID, _("--to-body is for TLP:AMBER+STRICT, and --to-person for TLP:RED"));
        return false;
    }
    while (arguments->severity != NULL && severity <= KR_SEVERITY_MAX &&
           strcmp(kr_severity_name(severity), arguments->severity) != 0) {
        ++severity;
    }
    if (severity > KR_SEVERITY_MAX) {
        (void)kr_app_fail(app, KR_INVALID, _("there is no severity \"%s\": none, low, medium, high or critical"),
                          arguments->severity);
        return false;
    }
    *ret_severity = severity;
    request->flags = arguments->is_exercise ? KR_FLAG_EXERCISE : 0;
    request->is_forced = arguments->is_forced;
    if (arguments->reason != NULL) {
        request->reason = (struct kr_slice){(const uint8_t *)arguments->reason, strlen(arguments->reason)};
    }
    return true;
}

bool kr_request_audience(struct kr_app *app, const struct kr_request_arguments *arguments, struct kr_submit *request)
{
    if (request->label == KR_TLP_AMBER && arguments->to.count == 0) {
        (void)kr_app_fail(app, KR_INVALID, _("TLP:AMBER goes to councils by name: add --to NAME; see kairan councils"));
        return false;
    }
    request->audience_count = arguments->to.count;
    if (arguments->to.count > 0 && !kr_app_find_councils(app, &arguments->to, request->audience)) {
        return false;
    }
    request->has_community = arguments->community != NULL;
    return arguments->community == NULL || kr_app_find_community(app, arguments->community, request->community);
}

bool kr_has_terminal(void)
{
    return isatty(STDIN_FILENO) == 1 && isatty(STDERR_FILENO) == 1;
}

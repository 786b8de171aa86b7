/* kairan link tls: a link through TLS, for councils from which only the web's port leads out. It writes the configuration of
 * stunnel, which does the TLS; what goes through is what always goes over a link, with its own encryption and its own proof of who
 * is there. */
#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "crypto/secret.h"
#include "proto/wire/ticket.h"
#include "tools/kairan/kairan.h"
#include "tools/kairan/out.h"
#include "tools/kairan/root_key.h"

#define TLS_PORT       443u
#define LOCAL_PORT_MIN 17000u /* of the tunnels' near ends */
#define LOCAL_PORTS    1000u
#define HOST_BYTES_MAX (KR_ENDPOINT_BYTES_MAX + 1)
#define TEXT_BYTES_MAX (2 * KR_ENDPOINT_BYTES_MAX)

/* A host (IPv6 without brackets) and a port. */
struct place {
    char host[HOST_BYTES_MAX];
    unsigned port;
};

/* "tcp://HOST:PORT", and without its scheme where that is no matter. Tells what is wrong. */
static bool parse_place(const struct kr_app *app, const char *text, struct place *ret)
{
    char endpoint[TEXT_BYTES_MAX + 1];
    struct kr_error error = {0};
    const bool has_scheme = strncmp(text, "tcp://", 6) == 0;
    const int len = snprintf(endpoint, sizeof endpoint, "%s%.*s", has_scheme ? "" : "tcp://", (int)KR_ENDPOINT_BYTES_MAX + 1, text);
    enum kr_err err = kr_endpoint_check(endpoint, (size_t)len, &error);
    if (err != KR_OK) {
        (void)kr_app_fail(app, err, "%s", kr_tr(error.text[0] != 0 ? error.text : kr_err_text(err)));
        return false;
    }
    const char *host = endpoint + 6, *colon = strrchr(host, ':'), *end = colon;
    if (host[0] == '[') {
        host++;
        end--;
    }
    memset(ret, 0, sizeof *ret);
    memcpy(ret->host, host, (size_t)(end - host));
    ret->port = (unsigned)strtoul(colon + 1, NULL, 10);
    return true;
}

static bool is_address(const char *host)
{
    struct in6_addr address;
    return inet_pton(AF_INET, host, &address) == 1 || inet_pton(AF_INET6, host, &address) == 1;
}

/* As HTTP and kairan.conf write it. */
static void print_place(FILE *out, const struct place *place)
{
    const bool is_ipv6 = strchr(place->host, ':') != NULL;
    (void)fprintf(out, "%s%s%s:%u", is_ipv6 ? "[" : "", place->host, is_ipv6 ? "]" : "", place->port);
}

static bool parse_port(const struct kr_app *app, const char *option, const char *text, unsigned *port)
{
    uint64_t number = *port;
    if (text != NULL && (!kr_count_parse(text, 65535, &number) || number == 0)) {
        (void)kr_app_fail(app, KR_INVALID, _("--%s takes a port, a number from 1 to 65535"), option);
        return false;
    }
    *port = (unsigned)number;
    return true;
}

/* Standard output, or with --json a text that becomes the field "configuration". */
struct output {
    FILE *file;
    char *text;
    size_t len;
};

static FILE *open_output(const struct kr_app *app, struct output *output)
{
    *output = (struct output){.file = stdout};
    if (app->is_json) {
        output->file = open_memstream(&output->text, &output->len);
    }
    return output->file;
}

static bool close_output(struct output *output)
{
    if (output->file == stdout) {
        return fflush(stdout) == 0;
    }
    const bool is_whole = fclose(output->file) == 0;
    const bool is_written = is_whole && kr_json_line(json_pack("{s:s}", "configuration", output->text));
    free(output->text);
    return is_written;
}

static void print_head(FILE *out, const char *what)
{
    (void)fprintf(out,
                  "; %s\n"
                  "; On Debian: apt install stunnel4, this file as /etc/stunnel/kairan.conf (mode 0600),\n"
                  "; then systemctl enable --now stunnel@kairan\n",
                  what);
}

static void print_common(FILE *out)
{
    (void)fputs("foreground = yes\n"
                "pid =\n"
                "syslog = no\n"
                "debug = notice\n"
                "setuid = stunnel4\n"
                "setgid = stunnel4\n"
                "socket = l:TCP_NODELAY=1\n"
                "socket = r:TCP_NODELAY=1\n"
                "\n"
                "[kairan]\n",
                out);
}

/* It goes into a file of lines. */
static bool is_line(const struct kr_app *app, const char *text)
{
    if (text != NULL && strpbrk(text, "\r\n") != NULL) {
        (void)kr_app_fail(app, KR_INVALID, _("file names, user and password must be one line"));
        return false;
    }
    return true;
}

/* ---- the side that is dialled ---- */

static int serve(struct kr_app *app, int argc, char **argv)
{
    const char *port_text = NULL, *address = "::", *certificate = "/etc/stunnel/kairan.pem", *node_text = NULL;
    const struct kr_option options[] = {{.name = "address", .text = &address},
                                        {.name = "port", .text = &port_text},
                                        {.name = "cert", .text = &certificate},
                                        {.name = "node", .text = &node_text}};
    unsigned port = TLS_PORT;
    struct place node = {.host = "127.0.0.1"};
    struct kr_status status;
    char endpoint[KR_ENDPOINT_BYTES_MAX + 1];
    int rest;
    if (!kr_options_parse(app, argc, argv, options, sizeof options / sizeof options[0], false, &rest)) {
        return KR_EXIT_ERROR;
    }
    if (rest < argc) {
        return kr_app_unwanted(app, argv[rest]);
    }
    if (!parse_port(app, "port", port_text, &port) || (node_text != NULL && !parse_place(app, node_text, &node))) {
        return KR_EXIT_ERROR;
    }
    if (!is_address(address)) {
        return kr_app_fail(app, KR_INVALID, _("--address takes a numeric address of this machine"));
    }
    if (!is_line(app, certificate)) {
        return KR_EXIT_ERROR;
    }
    if (node_text == NULL) {
        struct place announced;
        if (!kr_app_ask_status(app, &status)) {
            return KR_EXIT_ERROR;
        }
        if (!kr_slice_text(status.endpoint, endpoint, sizeof endpoint)) {
            return kr_app_unreadable(app);
        }
        if (endpoint[0] == 0) {
            return kr_app_fail(app, KR_INVALID,
                               _("this node has no endpoint: say with --node where it listens, as 127.0.0.1:7117"));
        }
        if (!parse_place(app, endpoint, &announced)) {
            return KR_EXIT_ERROR;
        }
        node.port = announced.port;
    }
    struct output output;
    FILE *out = open_output(app, &output);
    if (out == NULL) {
        return kr_app_fail(app, KR_NOMEM, "%s", kr_tr(kr_err_text(KR_NOMEM)));
    }
    print_head(out, _("TLS in front of this Kairan node."));
    (void)fprintf(out,
                  "; %s\n;   openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 3650 -subj /CN=kairan \\\n"
                  ";     -keyout %s -out %s.crt && cat %s.crt >>%s\n"
                  "; %s\n",
                  _("Its certificate, made once:"), certificate, certificate, certificate, certificate,
                  _("Peers may pin the certificate (the file that ends in .crt) with: kairan link tls dial --trust FILE"));
    print_common(out);
    (void)fprintf(out, "accept = %s:%u\nconnect = %s:%u\ncert = %s\nsslVersionMin = TLSv1.2\n", address, port, node.host, node.port,
                  certificate);
    return close_output(&output) ? KR_EXIT_DONE : KR_EXIT_ERROR;
}

/* ---- the side that dials ---- */

struct search {
    const uint8_t *council;
    char endpoint[KR_ENDPOINT_BYTES_MAX + 1];
    bool is_found;
};

static enum kr_err look_at_peer(void *context, struct kr_slice item)
{
    struct search *search = context;
    struct kr_peer peer;
    enum kr_err err = kr_peer_read(item, &peer);
    if (err == KR_OK && memcmp(peer.council, search->council, 32) == 0) {
        search->is_found = true;
        return kr_slice_text(peer.endpoint, search->endpoint, sizeof search->endpoint) ? KR_OK : KR_MALFORMED;
    }
    return err;
}

/* Where a peer is, by its address, a ticket of its, or its name. Tells what is wrong. */
static bool find_peer(struct kr_app *app, const char *text, char ret_endpoint[static KR_ENDPOINT_BYTES_MAX + 1])
{
    const struct kr_texts names = {.items = {text}, .count = 1};
    uint8_t id[1][32];
    struct kr_ticket ticket;
    if (strncmp(text, "tcp://", 6) == 0 && strlen(text) <= KR_ENDPOINT_BYTES_MAX) {
        memcpy(ret_endpoint, text, strlen(text) + 1);
        return true;
    }
    if (kr_ticket_parse(text, strlen(text), &ticket, NULL) == KR_OK) {
        memcpy(ret_endpoint, ticket.endpoint, strlen(ticket.endpoint) + 1);
        return true;
    }
    if (!kr_app_find_councils(app, &names, id)) {
        return false;
    }
    struct search search = {.council = id[0]};
    if (kr_app_ask(app, KR_OP_PEERS, KR_ANSWER_MS, look_at_peer, &search, NULL) != KR_OK) {
        return false;
    }
    if (!search.is_found || search.endpoint[0] == 0) {
        (void)kr_app_fail(app, KR_NOT_FOUND,
                          search.is_found ? _("%s has no address that could be dialled: it dials this node")
                                          : _("%s is not linked yet: name its ticket, or tcp://HOST:PORT as the ticket has it"),
                          text);
        return false;
    }
    memcpy(ret_endpoint, search.endpoint, sizeof search.endpoint);
    return true;
}

/* The same for the same peer each time, and seldom that of another. */
static unsigned local_port(const char *endpoint)
{
    uint32_t sum = 2166136261u; /* FNV-1a */
    for (; *endpoint != 0; endpoint++) {
        sum = (sum ^ (uint8_t)*endpoint) * 16777619u;
    }
    return LOCAL_PORT_MIN + sum % LOCAL_PORTS;
}

struct dialling {
    char endpoint[KR_ENDPOINT_BYTES_MAX + 1];
    struct place tls, proxy;
    unsigned port;
    const char *trust, *user;
    char *password;
};

static void print_dialling(FILE *out, const struct dialling *dialling)
{
    print_head(out, _("A tunnel through TLS to another council's Kairan node."));
    (void)fprintf(out, "; %s\n;   [link]\n;   via = %s tcp://127.0.0.1:%u\n", _("In kairan.conf (then systemctl reload kairand):"),
                  dialling->endpoint, dialling->port);
    print_common(out);
    (void)fprintf(out, "client = yes\naccept = 127.0.0.1:%u\n", dialling->port);
    const bool has_proxy = dialling->proxy.port != 0;
    const struct place *next = has_proxy ? &dialling->proxy : &dialling->tls;
    (void)fprintf(out, "connect = %s:%u\n", next->host, next->port);
    if (has_proxy) {
        (void)fputs("protocol = connect\nprotocolHost = ", out);
        print_place(out, &dialling->tls);
        (void)fputc('\n', out);
    }
    if (dialling->user != NULL) {
        (void)fprintf(out, "protocolAuthentication = basic\nprotocolUsername = %s\nprotocolPassword = %s\n", dialling->user,
                      dialling->password);
    }
    if (!is_address(dialling->tls.host)) {
        (void)fprintf(out, "sni = %s\n", dialling->tls.host);
    }
    if (dialling->trust != NULL) {
        (void)fprintf(out, "CAfile = %s\nverifyPeer = yes\n", dialling->trust);
    }
    (void)fputs("sslVersionMin = TLSv1.2\n", out);
}

static int dial(struct kr_app *app, int argc, char **argv)
{
    const char *tls_port = NULL, *proxy = NULL, *port = NULL, *password_file = NULL;
    struct dialling dialling = {0};
    const struct kr_option options[] = {{.name = "port", .text = &tls_port},
                                        {.name = "proxy", .text = &proxy},
                                        {.name = "proxy-user", .text = &dialling.user},
                                        {.name = "proxy-password-file", .text = &password_file},
                                        {.name = "listen", .text = &port},
                                        {.name = "trust", .text = &dialling.trust}};
    int rest;
    if (!kr_options_parse(app, argc, argv, options, sizeof options / sizeof options[0], false, &rest)) {
        return KR_EXIT_ERROR;
    }
    if (rest + 1 != argc) {
        return rest < argc ? kr_app_unwanted(app, argv[rest + 1])
                           : kr_app_fail(app, KR_INVALID, _("which peer? kairan link tls dial COUNCIL|TICKET|tcp://HOST:PORT"));
    }
    if ((dialling.user != NULL && proxy == NULL) || (password_file != NULL && dialling.user == NULL)) {
        return kr_app_fail(app, KR_INVALID, _("--proxy-user belongs to --proxy, and --proxy-password-file to --proxy-user"));
    }
    if (!find_peer(app, argv[rest], dialling.endpoint) || !parse_place(app, dialling.endpoint, &dialling.tls) ||
        (proxy != NULL && !parse_place(app, proxy, &dialling.proxy))) {
        return KR_EXIT_ERROR;
    }
    dialling.tls.port = TLS_PORT;
    dialling.port = local_port(dialling.endpoint);
    if (!parse_port(app, "port", tls_port, &dialling.tls.port) || !parse_port(app, "listen", port, &dialling.port)) {
        return KR_EXIT_ERROR;
    }
    if (dialling.user != NULL &&
        !kr_app_passphrase(app, password_file, NULL, _("Password at the proxy: "), NULL, &dialling.password)) {
        return KR_EXIT_ERROR;
    }
    bool is_good = is_line(app, dialling.trust) && is_line(app, dialling.user) && is_line(app, dialling.password);
    if (is_good) {
        struct output output;
        FILE *out = open_output(app, &output);
        if (out != NULL) {
            print_dialling(out, &dialling);
        } else {
            (void)kr_app_fail(app, KR_NOMEM, "%s", kr_tr(kr_err_text(KR_NOMEM)));
        }
        is_good = out != NULL && close_output(&output);
    }
    kr_secret_free(dialling.password);
    return is_good ? KR_EXIT_DONE : KR_EXIT_ERROR;
}

int kr_run_link(struct kr_app *app, int argc, char **argv)
{
    if (argc >= 3 && strcmp(argv[1], "tls") == 0 && strcmp(argv[2], "serve") == 0) {
        return serve(app, argc - 2, argv + 2);
    }
    if (argc >= 3 && strcmp(argv[1], "tls") == 0 && strcmp(argv[2], "dial") == 0) {
        return dial(app, argc - 2, argv + 2);
    }
    return kr_app_fail(app, KR_INVALID, _("it is kairan link tls serve, or kairan link tls dial PEER"));
}

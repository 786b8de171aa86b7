/* Looks over the node as an experienced operator would, and says of each thing that is wrong how to mend it. */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include "crypto/private_file.h"
#include "proto/client/sizes.h"
#include "proto/client/trial.h"
#include "proto/record/statement.h"
#include "tools/kairan/duty.h"
#include "tools/kairan/kairan.h"
#include "tools/kairan/keys.h"
#include "tools/kairan/out.h"
#include "tools/kairan/pair.h"
#include "tools/kairan/people.h"
#include "tools/kairan/storage_key.h"
#include "tools/kairan/transport_key.h"

#define DAY_S               86400u
#define TRANSPORT_LONG_DAYS 31u    /* peers that were away for 30 since a new transport key, dated back, was on the card */
#define CLOCK_MS_MAX        120000 /* further from most peers: records are dated wrongly, and TLS elsewhere begins to fail */
#define SILENT_DAYS         3u
#define FULL_DAYS           60u /* a larger disk has to be bought */
#define KEY_DAYS            30u
#define KEY_OLD_DAYS        730u
#define TURN_LATE_S         7200u
#define BACKUP_DAYS         30u
#define DISK_BYTES_MIN      (512u * (uint64_t)KR_MIB)
#define COMMIT_US_MAX       250000u
#define NET_RESTARTS_MAX    3u
#define MAP_LEFT_BYTES_MIN  (32u * (uint64_t)KR_MIB) /* it was to grow at 64, and with 16 nothing is written */
#define HELD_S              1800u

enum level { GOOD, WARNING, PROBLEM };

struct doctor {
    struct kr_app *app;
    struct kr_status status;
    char endpoint[KR_ENDPOINT_BYTES_MAX + 1];
    uint64_t now_ms;
    uint32_t warnings, problems;
    /* Of the peers. */
    int64_t clocks[KR_LINKS_MAX];
    uint32_t clock_count, links, open, dialled_by_us, dialled_by_them, online_by_them;
    uint32_t approvers;            /* persons who have that role now */
    uint32_t body_keys, weak_keys; /* bodies that have a key; of them, in too few hands or in wrong ones */
    enum kr_err err;
};

/* ---- findings ---- */

static void say(struct doctor *doctor, enum level level, const char *check, const char *finding, const char *fix)
{
    static const char *const names[] = {"good", "warning", "problem"};
    doctor->warnings += level == WARNING;
    doctor->problems += level == PROBLEM;
    if (doctor->app->is_json) {
        if (!kr_json_line(json_pack("{s:s, s:s, s:s, s:o}", "check", check, "level", names[level], "finding", finding, "fix",
                                    fix != NULL ? json_string(fix) : json_null()))) {
            doctor->err = KR_IO;
        }
        return;
    }
    kr_out_style(stdout, level == GOOD ? KR_STYLE_GREEN : level == WARNING ? KR_STYLE_BOLD : KR_STYLE_RED);
    (void)fputs(level == GOOD ? _("ok      ") : level == WARNING ? _("warning ") : _("PROBLEM "), stdout);
    kr_out_style(stdout, KR_STYLE_NONE);
    kr_out_text(stdout, (struct kr_slice){(const uint8_t *)finding, strlen(finding)}, false); /* it may bear another's name */
    (void)fputc('\n', stdout);
    if (fix != NULL) {
        (void)printf("        -> %s\n", fix);
    }
}

static void sayf(struct doctor *doctor, enum level level, const char *check, const char *fix, const char *fmt, ...) KR_PRINTF(5, 6);
static void sayf(struct doctor *doctor, enum level level, const char *check, const char *fix, const char *fmt, ...)
{
    char finding[512];
    va_list args;
    va_start(args, fmt);
    (void)vsnprintf(finding, sizeof finding, fmt, args);
    va_end(args);
    say(doctor, level, check, finding, fix);
}

/* ---- the machine ---- */

static void look_at_files(struct doctor *doctor)
{
    static const char *const names[] = {"", "/keyring", "/store/data.mdb"};
    char path[PATH_MAX + 32];
    struct stat status;
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        (void)snprintf(path, sizeof path, "%s%s", doctor->app->directory, names[i]);
        if (stat(path, &status) != 0) {
            sayf(doctor, errno == EACCES ? WARNING : PROBLEM, "files",
                 _("run this as the node's own user or as root; see OPERATIONS"), _("%s cannot be looked at: %s"), path,
                 strerror(errno));
            return;
        }
        if ((status.st_mode & 077) != 0) {
            sayf(doctor, PROBLEM, "files", _("chmod go-rwx it, and think about who may have copied it"),
                 _("%s can be reached by other users of this machine"), path);
            return;
        }
    }
    say(doctor, GOOD, "files", _("keys and store can be reached by the node's own user alone"), NULL);
}

static void look_at_keys(struct doctor *doctor)
{
    const struct kr_status *status = &doctor->status;
    if (status->keyring_is_protected) {
        say(doctor, GOOD, "passphrase", _("the keyring is under a passphrase"), NULL);
    } else {
        say(doctor, WARNING, "passphrase", _("the keyring is unprotected: who has the disk has the node's keys"),
            _("stop the node, then: kairan passphrase"));
    }
    if (status->has_root) {
        say(doctor, WARNING, "root-key", _("the root key is on this node: who takes the machine over takes the council over"),
            _("kairan root export --to /media/usb, then kairan root forget --root FILE"));
    } else {
        say(doctor, GOOD, "root-key", _("the root key is not on this node"), NULL);
    }
    if (status->has_recovery) {
        say(doctor, WARNING, "recovery-key", _("the recovery key is on this node: it cannot help when the node is lost or stolen"),
            _("kairan root paper, then kairan root forget --paper -"));
    } else {
        say(doctor, GOOD, "recovery-key", _("the recovery key is not on this node"), NULL);
    }
}

static void look_at_store(struct doctor *doctor)
{
    const struct kr_status *status = &doctor->status;
    const uint64_t wanted = status->store_bytes / 4 > DISK_BYTES_MIN ? status->store_bytes / 4 : DISK_BYTES_MIN;
    if (!status->store_is_writable) {
        say(doctor, PROBLEM, "store", _("the store takes nothing: submissions are refused"),
            _("make room on the disk, or see the log; nothing has to be restarted"));
    } else if (status->disk_free_bytes < wanted) {
        sayf(doctor, WARNING, "store", _("make room, or move the state directory to a larger disk"),
             _("little room on the disk: %ju MiB free, a store of %ju MiB"), status->disk_free_bytes / KR_MIB,
             status->store_bytes / KR_MIB);
    } else {
        say(doctor, GOOD, "store", _("the store is writable, and there is room on its disk"), NULL);
    }
    if (status->commits > 100 && status->commit_us_p99 > COMMIT_US_MAX) {
        sayf(doctor, WARNING, "disk", _("is it a network disk, an SD card, or a disk that fails? Look at its health (smartctl -a)"),
             _("the disk is slow: one write in a hundred takes %ju ms"), status->commit_us_p99 / 1000);
    }
}

/* What is read keeps its pages from being used again: a backup's half an hour is no fault. The map grows by itself. */
static void look_at_map(struct doctor *doctor)
{
    const struct kr_status_room *room = &doctor->status.room;
    if (room->map_bytes == 0) {
        return;
    }
    const uint64_t left = room->map_bytes - room->used_bytes;
    if (left < MAP_LEFT_BYTES_MIN && doctor->status.disk_free_bytes > DISK_BYTES_MIN) {
        sayf(doctor, WARNING, "map",
             _("nothing, at first: the node makes it larger by itself before it writes again. Where this stays: the process may "
               "have no more addresses (LimitAS= of its unit, ulimit -v)"),
             _("the store's map is nearly full, and its disk is not: %ju of %ju MiB"), (uintmax_t)(room->used_bytes / KR_MIB),
             (uintmax_t)(room->map_bytes / KR_MIB));
    } else {
        sayf(doctor, GOOD, "map", NULL, _("the store takes %ju MiB; %ju MiB of them are free and are used again"),
             (uintmax_t)(room->used_bytes / KR_MIB), (uintmax_t)(room->free_bytes / KR_MIB));
    }
    if (room->reader_commits > 0 && room->reader_s >= HELD_S) {
        char fix[256];
        (void)snprintf(fix, sizeof fix,
                       _("ps -fp %u says what it is; a backup to a slow disk ends by itself, one that hangs: kill %u"),
                       room->reader_process, room->reader_process);
        sayf(doctor, WARNING, "reader", room->is_reader_own ? _("that is the node itself: restart it, and report it") : fix,
             _("process %u has read one state of the store for %ju minutes, %ju changes old by now: what is freed meanwhile is not "
               "used again, and the file grows"),
             room->reader_process, (uintmax_t)(room->reader_s / 60), (uintmax_t)room->reader_commits);
    }
}

/* Where the files can be looked at: not from afar. */
static void look_at_growth(struct doctor *doctor)
{
    char path[PATH_MAX + 32], text[KR_SIZES_TEXT_BYTES + 1];
    struct kr_sizes sizes;
    uint64_t days = 0;
    size_t len = 0;
    (void)snprintf(path, sizeof path, "%s/%s", doctor->app->directory, KR_SIZES_NAME);
    if (kr_private_file_read(path, text, sizeof text - 1, &len, NULL) != KR_OK || kr_sizes_parse(text, len, &sizes) != KR_OK) {
        return;
    }
    const uint64_t grows = kr_sizes_growth(&sizes, doctor->now_ms / 1000, doctor->status.store_bytes, &days);
    if (days == 0) {
        return;
    }
    const uint64_t left = grows > 0 ? doctor->status.disk_free_bytes / grows : UINT64_MAX;
    if (left < FULL_DAYS) {
        sayf(doctor, WARNING, "growth", _("make room, or move the state directory to a larger disk before that"),
             _("the disk is full in %ju days, if the store goes on as in the last %ju: %.1f MiB more each day, %ju MiB free"),
             (uintmax_t)left, (uintmax_t)days, (double)grows / (double)KR_MIB,
             (uintmax_t)(doctor->status.disk_free_bytes / KR_MIB));
    } else {
        sayf(doctor, GOOD, "growth", NULL, _("the store grew by %.1f MiB a day in the last %ju days"),
             (double)grows / (double)KR_MIB, (uintmax_t)days);
    }
}

static void look_at_storage_key(struct doctor *doctor)
{
    const struct kr_status_storage *storage = &doctor->status.storage;
    const uint64_t now_s = doctor->now_ms / 1000;
    const uint64_t moved_s = storage->moved_s > storage->next_s ? storage->moved_s : storage->next_s;
    if (kr_storage_stands_still(storage, now_s)) {
        sayf(doctor, PROBLEM, "storage-key",
             _("the log says why: a full disk, a page that cannot be read (kairan verify), a keyring that cannot be written; it "
               "goes on "
               "by itself then"),
             _("the storage key is being replaced, and that has stood still for %ju minutes at %u %%: the key before is still in "
               "the "
               "keyring"),
             (uintmax_t)((now_s - moved_s) / 60), kr_storage_percent(storage));
    } else if (storage->next_s != 0 && now_s > storage->next_s + KR_STORAGE_LONG_S) {
        sayf(doctor, WARNING, "storage-key", _("let the node run; it works on it whenever it has nothing else to do"),
             _("the storage key is being replaced for %ju hours, and it is not done: %u %%"),
             (uintmax_t)((now_s - storage->next_s) / 3600), kr_storage_percent(storage));
    } else if (storage->next_s != 0) {
        sayf(doctor, GOOD, "storage-key", NULL, _("the storage key is being replaced: %u %%"), kr_storage_percent(storage));
    } else if (storage->from_s + (uint64_t)KR_STORAGE_OLD_DAYS * DAY_S < now_s) {
        sayf(doctor, WARNING, "storage-key", _("kairan node storage rotate: once a year is enough; the node goes on meanwhile"),
             _("the storage key is %ju days old"), (uintmax_t)((now_s - storage->from_s) / DAY_S));
    } else {
        say(doctor, GOOD, "storage-key", _("the storage key is not old"), NULL);
    }
}

static void look_at_transport_key(struct doctor *doctor)
{
    const struct kr_status_transport *transport = &doctor->status.transport;
    char waits[KR_KIB];
    kr_transport_waits_text(transport, waits, sizeof waits);
    if (transport->comes && !transport->is_listed) {
        sayf(doctor, WARNING, "transport-key", _("kairan node transport rotate goes on with it"),
             _("a new transport key was made, and the council's card does not list it"));
    } else if (transport->comes && transport->links > 0 &&
               transport->from_s + TRANSPORT_LONG_DAYS * DAY_S < doctor->now_ms / 1000) {
        sayf(doctor, WARNING, "transport-key",
             _("call them; or kairan node transport finish, and link those anew that are cut off"),
             _("the transport key is being replaced, and has waited long; %s"), waits);
    } else if (transport->comes) {
        sayf(doctor, GOOD, "transport-key", NULL, _("the transport key is being replaced; %s"), waits);
    }
}

static void look_at_backups(struct doctor *doctor)
{
    const struct kr_status *status = &doctor->status;
    const uint64_t now_s = doctor->now_ms / 1000;
    const uint64_t days = now_s > status->backup_s ? (now_s - status->backup_s) / DAY_S : 0;
    if (status->restored != 0) {
        sayf(
            doctor, PROBLEM, "restored",
            _("kairan peers shows for whom it waits; a council that is gone for good: kairan peer remove NAME, or kairan restore "
              "finish "
              "--force"),
            status->restored == 1
                ? _("this node was restored and signs nothing until it is equal with the councils it was linked with: %ju are left")
                : _("an older copy of this node's store was put back, or somebody else has its keys; it signs nothing until it is "
                    "equal "
                    "with the councils it was linked with: %ju are left"),
            status->awaited);
    }
    if (status->backup_s == 0) {
        say(doctor, WARNING, "backup", _("no backup of this node was ever made"),
            _("kairan backup --to DIRECTORY, weekly at least"));
    } else if (days > BACKUP_DAYS) {
        sayf(doctor, WARNING, "backup", _("kairan backup --to DIRECTORY, weekly at least"), _("the last backup is %ju days old"),
             days);
    } else {
        sayf(doctor, GOOD, "backup", NULL, _("the last backup is %ju days old"), days);
    }
}

static void look_at_net(struct doctor *doctor)
{
    const struct kr_status *status = &doctor->status;
    if (!status->net_is_up) {
        say(doctor, PROBLEM, "network", _("the network process is not running"),
            _("the node starts it again by itself; its log says why it ended"));
    } else if (status->net_restarts > NET_RESTARTS_MAX) {
        sayf(doctor, WARNING, "network", _("the log says why it ended; report it"), _("the network process has died %ju times"),
             status->net_restarts);
    } else {
        say(doctor, GOOD, "network", _("the network process runs"), NULL);
    }
}

/* ---- what waits for the operator ---- */

static void look_at_waiting(struct doctor *doctor)
{
    const struct kr_status *status = &doctor->status;
    if (status->alarms > 0) {
        sayf(doctor, PROBLEM, "alarms", _("kairan alarms says what each is about, and whom to call"), _("open alarms: %ju"),
             status->alarms);
    }
    if (status->takebacks_waiting > 0) {
        sayf(doctor, WARNING, "retractions", _("kairan retractions"), _("retractions wait for your word: %ju"),
             status->takebacks_waiting);
    }
    if (status->quarantined > 0) {
        sayf(doctor, WARNING, "quarantine",
             _("kairan quarantine; vouch for their authors if you know them, else they expire by themselves"),
             _("records of councils that are not trusted yet: %ju"), status->quarantined);
    }
}

/* ---- peers ---- */

static enum kr_err look_at_peer(void *context, struct kr_slice item)
{
    struct doctor *doctor = context;
    struct kr_peer peer;
    char name[KR_NAME_BYTES_MAX + 1];
    enum kr_err err = kr_peer_read(item, &peer);
    if (err != KR_OK) {
        return err;
    }
    if (!kr_slice_text(peer.name, name, sizeof name)) {
        name[0] = 0;
    }
    doctor->links++;
    doctor->open += peer.state == KR_LINK_OPEN && peer.stop == KR_STOP_NOT;
    const bool is_direct = peer.through == KR_THROUGH_NOT;
    doctor->dialled_by_us += peer.we_dial && is_direct;
    doctor->dialled_by_them += !peer.we_dial && is_direct && peer.state == KR_LINK_OPEN;
    doctor->online_by_them += !peer.we_dial && is_direct && peer.is_online;
    if (peer.is_online && doctor->clock_count < KR_LINKS_MAX) {
        doctor->clocks[doctor->clock_count++] = peer.clock_ms;
    }
    const uint64_t days = kr_peer_silent_ms(&peer, doctor->status.started_ms, doctor->now_ms) / 1000 / DAY_S;
    if (peer.stop != KR_STOP_NOT) {
        sayf(doctor, PROBLEM, "peers", _(kr_stop_advice(peer.stop)), _("the link with %s is stopped: %s"), name,
             _(kr_stop_reason(peer.stop)));
    } else if (peer.is_pending) {
        sayf(doctor, WARNING, "peers", _("kairan peer code; telephone its operator, and kairan peer confirm"),
             _("the link with %s is not confirmed yet"), name);
    } else if (peer.state == KR_LINK_PAUSED) {
        sayf(doctor, WARNING, "peers", _("kairan peer resume, or kairan peer remove"), _("the link with %s is paused"), name);
    } else if (!is_direct && peer.through != KR_THROUGH_READY && peer.through != KR_THROUGH_ASKING) {
        sayf(doctor, WARNING, "peers", _("kairan peers says through whom; kairan peer remove, where it is not needed"),
             _("the link with %s through a third council is down: %s"), name, _(kr_through_text(peer.through)));
    } else if (days >= SILENT_DAYS) {
        sayf(doctor, WARNING, "peers", _("call them; kairan council NAME shows their contact window"),
             _("%s has been silent for %ju days"), name, days);
    }
    if (peer.claims_key) {
        sayf(doctor, PROBLEM, "peers",
             _("telephone its operator: an error, or hostile (kairan peer block); the log says whose key it is"),
             _("the card of %s lists a transport key that is another's"), name);
    }
    if (peer.refused_records > 0) {
        sayf(doctor, WARNING, "peers", _("the log says what was refused and why"), _("%s sent records that were refused: %ju"),
             name, peer.refused_records);
    }
    return KR_OK;
}

static int compare_clocks(const void *a, const void *b)
{
    const int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    return x < y ? -1 : x > y;
}

static void look_at_links(struct doctor *doctor)
{
    const bool has_endpoint = doctor->status.endpoint.len > 0;
    if (doctor->links == 0) {
        say(doctor, WARNING, "peers", _("this council is linked with nobody"), _("kairan invite, or kairan join TICKET"));
    } else if (doctor->open > 0 && doctor->status.links_online == 0) {
        say(doctor, PROBLEM, "peers", _("no linked council is online"),
            _("is this machine on the network? May the node dial out? See kairan peers and the log"));
    } else if (doctor->open > 0) { /* each that is paused has been told already */
        sayf(doctor, GOOD, "peers", NULL, _("linked councils online: %ju of %ju"), doctor->status.links_online,
             doctor->status.links);
    }
    if (has_endpoint && doctor->dialled_by_them > 0 && doctor->online_by_them == 0) {
        say(doctor, WARNING, "reachable",
            _("none of the councils that dial this node is online: its port may be closed from outside"),
            _("open the port of the endpoint in the firewall, and let a peer try: nc -vz HOST PORT"));
    }
    if (doctor->clock_count == 0) {
        return;
    }
    qsort(doctor->clocks, doctor->clock_count, sizeof *doctor->clocks, compare_clocks);
    const int64_t middle = doctor->clocks[doctor->clock_count / 2];
    if (middle > CLOCK_MS_MAX || middle < -CLOCK_MS_MAX) {
        sayf(doctor, PROBLEM, "clock", _("set it by NTP (timedatectl set-ntp true), then restart the node if it was ahead"),
             middle < 0 ? _("the clock of this machine is %jd s ahead of most peers'")
                        : _("the clock of this machine is %jd s behind most peers'"),
             (middle < 0 ? -middle : middle) / 1000);
    } else {
        say(doctor, GOOD, "clock", _("the clock agrees with the peers'"), NULL);
    }
}

/* ---- the card ---- */

static void look_at_key_dates(struct doctor *doctor, const char *what, const struct kr_card_key *keys, uint32_t count)
{
    const uint64_t now_s = doctor->now_ms / 1000;
    uint64_t last_s = 0; /* until when one of them holds */
    for (uint32_t i = 0; i < count; i++) {
        const uint64_t until_s = keys[i].until_s == 0 ? UINT64_MAX : keys[i].until_s;
        last_s = keys[i].from_s <= now_s && until_s > last_s ? until_s : last_s;
    }
    if (last_s < now_s + (uint64_t)KEY_DAYS * DAY_S) {
        sayf(doctor, last_s <= now_s ? PROBLEM : WARNING, "card",
             _("kairan node rotate, with --root FILE where the root key is on a stick"),
             _("the council's last %s key ends in %ju days"), what, last_s <= now_s ? 0 : (last_s - now_s) / DAY_S);
    }
}

static enum kr_err look_at_card(void *context, struct kr_slice bytes)
{
    static struct kr_council_item item;
    struct doctor *doctor = context;
    struct kr_card card;
    enum kr_err err = kr_council_item_read(bytes, &item);
    if (err != KR_OK || !item.is_self) {
        return err;
    }
    err = kr_card_read(item.card, &card);
    if (err != KR_OK) {
        return err;
    }
    if (card.contact_name.len + card.contact_mail.len + card.contact_telephone.len == 0) {
        say(doctor, WARNING, "card", _("the card names nobody to call"),
            _("kairan council set --contact-name … --contact-mail … --contact-telephone …"));
    } else {
        say(doctor, GOOD, "card", _("the card names whom to call"), NULL);
    }
    look_at_key_dates(doctor, "node", card.node, card.node_count);
    look_at_key_dates(doctor, "transport", card.transport, card.transport_count);
    look_at_key_dates(doctor, "sealing", card.sealing, card.sealing_count);
    return KR_OK;
}

/* ---- the node's own keys ---- */

static void look_at_signing(struct doctor *doctor, const struct kr_key_item *key, bool has_planned)
{
    const uint64_t now_s = doctor->now_ms / 1000;
    const char *rotate =
        _("kairan node rotate, or on a day that suits you: kairan node rotate --at 2027-04-01; with --root FILE where "
          "the root key is on a stick");
    if (key->state == KR_KEY_UNLISTED) {
        say(doctor, PROBLEM, "node-key", _("the key that this node signs with is not on the council's card: nobody accepts it"),
            rotate);
    } else if (key->until_s != 0 && key->until_s < now_s + (uint64_t)KEY_DAYS * DAY_S) {
        sayf(doctor, key->until_s <= now_s ? PROBLEM : WARNING, "node-key", rotate,
             _("the key that this node signs with ends in %ju days"),
             (uintmax_t)(key->until_s <= now_s ? 0 : (key->until_s - now_s) / DAY_S));
    } else if (key->from_s + (uint64_t)KEY_OLD_DAYS * DAY_S < now_s && !has_planned) {
        sayf(doctor, WARNING, "node-key", rotate, _("the key that this node signs with is %ju days old"),
             (uintmax_t)((now_s - key->from_s) / DAY_S));
    } else {
        say(doctor, GOOD, "node-key", _("the key that this node signs with is on the card, and not old"), NULL);
    }
}

/* What takes its place on a day that was named. */
static void look_at_planned(struct doctor *doctor, const struct kr_key_item *planned, bool is_here)
{
    const uint64_t turn_s = kr_key_turn_s(planned->from_s), now_s = doctor->now_ms / 1000;
    char when[48];
    kr_moment_text(turn_s, when, sizeof when);
    if (!is_here) {
        sayf(doctor, WARNING, "node-key",
             _("put the newest copy of the keyring back; or plan it anew: kairan node rotate --at DAY, or --cancel"),
             _("the card names a new key for this node from %s on, and the keyring does not have it"), when);
    } else if (now_s > turn_s + TURN_LATE_S) {
        sayf(doctor, WARNING, "node-key",
             _("it waits until most peers' clocks bear this machine's out (see \"clock\"); or now: kairan node rotate"),
             _("this node was to turn to a new key on %s, and has not"), when);
    } else {
        sayf(doctor, GOOD, "node-key", NULL, _("this node turns to a new key by itself: %s"), when);
    }
}

/* The council's other nodes have keys of their own, and their own doctors. */
static bool look_at_strange_keys(struct doctor *doctor, const struct kr_own_keys *keys, const struct kr_key_item *planned)
{
    struct kr_other_nodes others = {0};
    const uint64_t now_s = doctor->now_ms / 1000;
    if (kr_keys_strange(keys, planned, &others, now_s) == 0) {
        return true;
    }
    if (!kr_nodes_ask_others(doctor->app, &others)) {
        return false;
    }
    const uint32_t count = kr_keys_strange(keys, planned, &others, now_s);
    if (count > 0) {
        sayf(doctor, WARNING, "node-key",
             _("if it was lost or stolen: kairan node revoke KEY --since WHEN (kairan node keys shows it)"),
             _("node keys on the card without an end that no node of this council has: %u"), count);
    }
    return true;
}

static bool look_at_node_keys(struct doctor *doctor)
{
    static struct kr_own_keys keys;
    if (!kr_keys_ask(doctor->app, &keys)) {
        return false;
    }
    bool is_here = false;
    const struct kr_key_item *key = kr_keys_of_node(&keys), *planned = kr_keys_planned(&keys, &is_here);
    if (!look_at_strange_keys(doctor, &keys, planned)) {
        return false;
    }
    for (uint32_t i = 0; i < keys.count; i++) {
        if (keys.items[i].sort == KR_KEY_OF_NODE && keys.items[i].state == KR_KEY_COMES && &keys.items[i] != planned) {
            say(doctor, WARNING, "node-key", _("a new key was made and is not on the card yet"),
                _("kairan node rotate goes on with it"));
        }
    }
    if (planned != NULL) {
        look_at_planned(doctor, planned, is_here);
    }
    if (key != NULL) {
        look_at_signing(doctor, key, planned != NULL);
    }
    return true;
}

/* ---- what may go without waiting ---- */

static void look_at_consent(struct doctor *doctor, const struct kr_duty_item *item)
{
    const uint64_t now_s = doctor->now_ms / 1000;
    const char *fix = _("kairan consent ls; agree anew (kairan consent add), or end it (kairan consent end)");
    if (kr_consent_ends_soon(item, now_s)) {
        sayf(doctor, WARNING, "consents", fix, _("a standing consent ends in %ju days"),
             (uintmax_t)((item->until_s > now_s ? item->until_s - now_s : 0) / DAY_S));
    } else if (item->type == KR_DUTY_CONSENT && (item->state == KR_CONSENT_GIVER_GONE || item->state == KR_CONSENT_PERSON_GONE)) {
        sayf(doctor, WARNING, "consents", fix, _("a standing consent %s"), kr_consent_state_text(item->state));
    }
}

static void look_at_duty_days(struct doctor *doctor, const struct kr_duty *duty)
{
    uint64_t days_s[KR_DUTY_DAYS];
    char first[32];
    const uint32_t bare = kr_duty_bare_days(duty, doctor->now_ms / 1000, days_s);
    if (bare == 0) {
        return;
    }
    const time_t day = (time_t)days_s[0];
    struct tm local;
    if (localtime_r(&day, &local) == NULL || strftime(first, sizeof first, "%Y-%m-%d", &local) == 0) {
        first[0] = 0;
    }
    sayf(doctor, WARNING, "duty", _("kairan duty add PERSON --from --until, or kairan duty set FILE"),
         _("nobody is on duty on %u of the next %u days, first on %s"), bare, KR_DUTY_DAYS, first);
}

static bool look_at_duty(struct doctor *doctor)
{
    struct kr_duty duty = {0};
    if (!doctor->status.needs_approval) {
        return true;
    }
    const bool is_loaded = kr_duty_load(doctor->app, &duty);
    if (is_loaded && duty.sum.unreviewed > 0 && duty.sum.oldest_ms + KR_UNREVIEWED_LATE_MS < doctor->now_ms) {
        sayf(doctor, WARNING, "review", _("kairan drafts --review, then kairan drafts reviewed ID, or kairan retract RECORD"),
             _("sent under a standing consent and not reviewed yet: %ju, the first for %ju days"), (uintmax_t)duty.sum.unreviewed,
             (uintmax_t)((doctor->now_ms - duty.sum.oldest_ms) / 1000 / DAY_S));
    }
    for (uint32_t i = 0; i < duty.count && is_loaded; i++) {
        look_at_consent(doctor, &duty.items[i].item);
    }
    if (is_loaded) {
        look_at_duty_days(doctor, &duty);
    }
    kr_duty_free(&duty);
    return is_loaded;
}

/* ---- who can approve ---- */

static enum kr_err count_approver(void *context, struct kr_slice bytes)
{
    struct doctor *doctor = context;
    struct kr_person_item item;
    struct kr_person_card card;
    enum kr_err err = kr_person_item_read(bytes, &item);
    if (err == KR_OK && item.state == KR_PERSON_STATE_ACTIVE && kr_person_card_parse(item.card, &card) == KR_OK) {
        doctor->approvers += (card.roles & KR_ROLE_APPROVER) != 0;
    }
    return err;
}

/* `*ret_may`: whether the caller may look at persons and bodies. */
static bool may_see_people(struct doctor *doctor, bool *ret_may)
{
    struct kr_slice result;
    struct kr_whoami whoami;
    if (kr_app_ask(doctor->app, KR_OP_WHOAMI, KR_ANSWER_MS, NULL, NULL, &result) != KR_OK) {
        return false;
    }
    if (kr_whoami_read(result, &whoami) != KR_OK) {
        (void)kr_app_unreadable(doctor->app);
        return false;
    }
    *ret_may = (whoami.roles & (KR_ROLE_ADMIN | KR_ROLE_APPROVER | KR_ROLE_INTAKE)) != 0;
    return true;
}

/* Nobody approves what is his own: with one approver that one's own submissions wait for ever, with none everybody's do. */
static bool look_at_approvers(struct doctor *doctor)
{
    if (!doctor->status.needs_approval) {
        return true;
    }
    if (kr_app_ask(doctor->app, KR_OP_PERSONS, KR_ANSWER_MS, count_approver, doctor, NULL) != KR_OK) {
        return false;
    }
    if (doctor->approvers < 2) {
        say(doctor, doctor->approvers == 0 ? PROBLEM : WARNING, "approvers",
            doctor->approvers == 0
                ? _("the configuration demands approval and nobody can approve: what is submitted waits for ever")
                : _("the configuration demands approval and only one person can approve: what that one submits waits for ever"),
            _("kairan person set PERSON --role approver,…, for two at least; or change [approval] in the configuration"));
    } else {
        say(doctor, GOOD, "approvers", _("two persons or more can approve what is submitted"), NULL);
    }
    return true;
}

/* ---- who can open what is for bodies ---- */

static enum kr_err look_at_body(void *context, struct kr_slice bytes)
{
    struct doctor *doctor = context;
    struct kr_body_item item;
    struct kr_body_card card;
    char name[KR_NAME_BYTES_MAX + 1];
    enum kr_err err = kr_body_item_read(bytes, &item);
    if (err != KR_OK || kr_body_card_parse(item.card, &card) != KR_OK || card.standing == KR_STANDING_ENDED || card.key.len == 0) {
        return err;
    }
    doctor->body_keys++;
    if (!kr_slice_text(kr_people_body_name(&card), name, sizeof name)) {
        name[0] = 0;
    }
    doctor->weak_keys += item.holders < 2 || item.is_rotation_due;
    if (item.holders == 0) {
        sayf(doctor, PROBLEM, "body-keys",
             _("one of its persons: kairan key body make --lost; what was sealed to it before can be read by nobody"),
             _("nobody holds the key of %s any more"), name);
    } else if (item.holders == 1) {
        sayf(doctor, WARNING, "body-keys",
             _("a second person of it: kairan key person make; then the first: kairan key body share"),
             _("only one person holds the key of %s: with that person's key all is lost that was sealed to it"), name);
    }
    if (item.holders > 0 && item.is_rotation_due) {
        sayf(doctor, WARNING, "body-keys", _("whoever holds it: kairan key body rotate"),
             _("somebody had the key of %s who is here no more, or has another key now"), name);
    }
    return KR_OK;
}

static bool look_at_body_keys(struct doctor *doctor)
{
    if (kr_app_ask(doctor->app, KR_OP_BODIES, KR_ANSWER_MS, look_at_body, doctor, NULL) != KR_OK) {
        return false;
    }
    if (doctor->body_keys > 0 && doctor->weak_keys == 0) {
        say(doctor, GOOD, "body-keys", _("every body's key is held by two persons or more"), NULL);
    }
    return true;
}

/* As far as the caller may look at persons and bodies. */
static bool look_at_people(struct doctor *doctor)
{
    bool may = false;
    return may_see_people(doctor, &may) && (!may || (look_at_approvers(doctor) && look_at_body_keys(doctor)));
}

/* ---- seen from outside ---- */

#define TRIAL_MS 20000 /* a peer takes eight seconds at most */

/* Where nobody can be asked, what the links tell has to do. */
static void look_from_outside(struct doctor *doctor)
{
    char name[KR_NAME_BYTES_MAX + 1];
    const char *endpoint = doctor->endpoint;
    struct kr_slice result;
    struct kr_tried tried;
    if (doctor->status.links_online == 0 || endpoint[0] == 0 ||
        kr_app_ask(doctor->app, KR_OP_TRIAL, TRIAL_MS, NULL, NULL, &result) != KR_OK || kr_tried_read(result, &tried) != KR_OK ||
        !kr_slice_text(tried.name, name, sizeof name)) {
        return;
    }
    const uintmax_t ago_s = doctor->now_ms > tried.at_ms ? (doctor->now_ms - tried.at_ms) / 1000 : 0;
    switch (tried.outcome) {
    case KR_TRIAL_REACHED:
        sayf(doctor, GOOD, "reachable", NULL, _("%s reached this node at its address %s, %ju s ago"), name, endpoint, ago_s);
        break;
    case KR_TRIAL_REFUSED:
        sayf(doctor, PROBLEM, "reachable",
             _("does the router lead the port to this machine, and does the card name the right address? kairan council set "
               "--endpoint "
               "tcp://HOST:PORT"),
             _("%s tried this node's address %s, %ju s ago: nothing listens there, or something else does"), name, endpoint, ago_s);
        break;
    case KR_TRIAL_SILENT:
        sayf(doctor, PROBLEM, "reachable", _("open the port in the firewall and in the router; is the host name known outside?"),
             _("%s tried this node's address %s, %ju s ago: nothing answered"), name, endpoint, ago_s);
        break;
    case KR_TRIAL_NO_CARD:
        sayf(doctor, WARNING, "reachable", _("kairan council set --endpoint tcp://HOST:PORT"),
             _("the configuration says that this node is reached at %s, and the card that %s has names no address"), endpoint,
             name);
        break;
    default: /* nobody to ask, or no answer: an older program there */
        break;
    }
}

/* ---- all ---- */

static bool ask_all(struct doctor *doctor)
{
    struct kr_app *app = doctor->app;
    if (!kr_app_ask_status(app, &doctor->status)) {
        return false;
    }
    doctor->now_ms = doctor->status.now_ms;
    if (!kr_slice_text(doctor->status.endpoint, doctor->endpoint, sizeof doctor->endpoint)) {
        doctor->endpoint[0] = 0;
    }
    doctor->status.endpoint = (struct kr_slice){(const uint8_t *)doctor->endpoint, strlen(doctor->endpoint)};
    doctor->status.name_ja = doctor->status.name_en = doctor->status.version = (struct kr_slice){0}; /* borrowed from the answer */
    look_at_files(doctor);
    look_at_keys(doctor);
    look_at_store(doctor);
    look_at_growth(doctor);
    look_at_map(doctor);
    look_at_storage_key(doctor);
    look_at_transport_key(doctor);
    look_at_backups(doctor);
    look_at_net(doctor);
    if (kr_app_ask(app, KR_OP_PEERS, KR_ANSWER_MS, look_at_peer, doctor, NULL) != KR_OK) {
        return false;
    }
    look_at_links(doctor);
    if (kr_app_ask(app, KR_OP_COUNCILS, KR_ANSWER_MS, look_at_card, doctor, NULL) != KR_OK) {
        return false;
    }
    if (!look_at_node_keys(doctor) || !look_at_duty(doctor) || !look_at_people(doctor)) {
        return false;
    }
    look_from_outside(doctor);
    look_at_waiting(doctor);
    return doctor->err == KR_OK;
}

int kr_run_doctor(struct kr_app *app, int argc, char **argv)
{
    static struct doctor doctor;
    int rest;
    doctor = (struct doctor){.app = app};
    if (!kr_options_parse(app, argc, argv, NULL, 0, false, &rest)) {
        return KR_EXIT_ERROR;
    }
    if (rest < argc) {
        return kr_app_unwanted(app, argv[rest]);
    }
    if ((app->conn == NULL && !kr_app_place(app)) || !ask_all(&doctor)) {
        return KR_EXIT_ERROR;
    }
    if (!app->is_json) {
        (void)printf(_("problems: %u, warnings: %u\n"), doctor.problems, doctor.warnings);
    }
    return doctor.problems + doctor.warnings == 0 ? KR_EXIT_DONE : KR_EXIT_NONE;
}

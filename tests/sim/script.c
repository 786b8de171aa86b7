#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "tests/sim/hostile.h"
#include "tests/sim/plan.h"

#define WORDS_MAX 600u
#define TIME_MAX  (200ull * 366u * 86400000u)

static const char *const word_names[SIM_WORD_COUNT] = {"vouches", "unvouches", "expels", "readmits"};
static const char *const op_names[SIM_OP_COUNT] = {"submit", "retract", "noise",   "split",     "mute",   "cut",     "slow",
                                                   "crash",  "backup",  "restore", "clock",     "renew",  "through", "say",
                                                   "turn",   "rotate",  "forge",   "unsay",     "revoke", "confirm", "lie",
                                                   "rekey",  "destroy", "body",    "transport", "heal",   "expect"};
static const char *const expected_names[] = {"has", "lacks", "hides", "same"};
static const char *const label_names[] = {"clear", "green", "amber"};
static const enum kr_label labels[] = {KR_TLP_CLEAR, KR_TLP_GREEN, KR_TLP_AMBER};

/* ---- printing ---- */

static void print_time(uint64_t ms, FILE *file)
{
    static const struct {
        uint64_t ms;
        const char *unit;
    } units[] = {{86400000, "d"}, {3600000, "h"}, {60000, "m"}, {1000, ""}};
    for (size_t i = 0; i < sizeof units / sizeof units[0]; i++) {
        if ((ms > 0 || i == 3) && ms % units[i].ms == 0) {
            (void)fprintf(file, "%" PRIu64 "%s", ms / units[i].ms, units[i].unit);
            return;
        }
    }
    (void)fprintf(file, "%" PRIu64 ".%03u", ms / 1000, (unsigned)(ms % 1000));
}

static void print_for(uint64_t ms, FILE *file)
{
    if (ms > 0) {
        (void)fprintf(file, " for ");
        print_time(ms, file);
    }
}

static void print_list(const struct sim_op *op, FILE *file)
{
    for (uint32_t i = 0; i < op->list_count; i++) {
        (void)fprintf(file, " %u", op->list[i]);
    }
}

static void print_submit(const struct sim_op *op, FILE *file)
{
    const char *label = op->label == KR_TLP_CLEAR ? "clear" : (op->label == KR_TLP_GREEN ? "green" : "amber");
    (void)fprintf(file, " %u %s as %u", op->node, label, op->record);
    if (op->list_count > 0) {
        (void)fprintf(file, " to");
        print_list(op, file);
    }
    (void)fprintf(file, "%s", op->is_in_second ? " second" : "");
    (void)fprintf(file, "%s", op->is_large ? " large" : "");
    if (op->lives_ms > 0) {
        (void)fprintf(file, " lives ");
        print_time(op->lives_ms, file);
    }
}

static void print_noise(const struct sim_faults *noise, FILE *file)
{
    const uint32_t values[] = {noise->drop,        noise->duplicate, noise->reorder,
                               noise->fail_commit, noise->crash,     noise->delay_ms_max};
    static const char *const names[] = {"drop", "duplicate", "reorder", "fail", "crash", "delay"};
    for (size_t i = 0; i < sizeof values / sizeof values[0]; i++) {
        if (values[i] > 0) {
            (void)fprintf(file, " %s %u", names[i], values[i]);
        }
    }
}

void sim_op_print(const struct sim_op *op, FILE *file)
{
    (void)fprintf(file, "%s", op_names[op->kind]);
    switch (op->kind) {
    case SIM_OP_SUBMIT:
        print_submit(op, file);
        break;
    case SIM_OP_RETRACT:
        (void)fprintf(file, " %u %u", op->node, op->record);
        break;
    case SIM_OP_NOISE:
        print_noise(&op->noise, file);
        break;
    case SIM_OP_SPLIT:
        print_list(op, file);
        print_for(op->for_ms, file);
        break;
    case SIM_OP_CONFIRM:
        (void)fprintf(file, " %u %u", op->node, op->other);
        break;
    case SIM_OP_MUTE:
    case SIM_OP_CUT:
        (void)fprintf(file, " %u %u", op->node, op->other);
        print_for(op->for_ms, file);
        break;
    case SIM_OP_SLOW:
        (void)fprintf(file, " %u %u %u", op->node, op->other, op->number);
        print_for(op->for_ms, file);
        break;
    case SIM_OP_CRASH:
        (void)fprintf(file, " %u", op->node);
        print_for(op->for_ms, file);
        break;
    case SIM_OP_BACKUP:
    case SIM_OP_RENEW:
        (void)fprintf(file, " %u", op->node);
        break;
    case SIM_OP_RESTORE:
        (void)fprintf(file, " %u%s", op->node, op->is_told ? " told" : "");
        break;
    case SIM_OP_THROUGH:
        (void)fprintf(file, " %u %u %u%s", op->node, op->list[0], op->other, op->number == 0 ? " not" : "");
        break;
    case SIM_OP_ROTATE:
    case SIM_OP_REVOKE:
    case SIM_OP_REKEY:
    case SIM_OP_DESTROY:
    case SIM_OP_BODY:
    case SIM_OP_TRANSPORT:
        (void)fprintf(file, " %u", op->node);
        break;
    case SIM_OP_LIE:
        (void)fprintf(file, " %u %u", op->node, op->other);
        break;
    case SIM_OP_FORGE:
        (void)fprintf(file, " %u %u as %u", op->node, op->other, op->record);
        if (op->back_ms > 0) {
            (void)fprintf(file, " back ");
            print_time(op->back_ms, file);
        }
        break;
    case SIM_OP_UNSAY:
        (void)fprintf(file, " %u %u %u", op->node, op->other, op->record);
        break;
    case SIM_OP_CLOCK:
        (void)fprintf(file, " %u %s", op->node, op->skew_ms < 0 ? "-" : "");
        print_time((uint64_t)llabs(op->skew_ms), file);
        break;
    case SIM_OP_SAY:
        (void)fprintf(file, " %u %s %u%s", op->node, word_names[op->number], op->other, op->is_in_second ? " second" : "");
        break;
    case SIM_OP_TURN:
        (void)fprintf(file, " %u %s", op->node, sim_turn_names[op->number]);
        break;
    case SIM_OP_EXPECT:
        if (op->number == SIM_EXPECT_SAME) {
            (void)fprintf(file, " same");
        } else {
            (void)fprintf(file, " %u %s %u", op->node, expected_names[op->number], op->record);
        }
        break;
    case SIM_OP_HEAL:
    case SIM_OP_COUNT:
        break;
    }
}

static void print_pending(const struct sim_plan *plan, FILE *file)
{
    bool has_any = false;
    for (uint32_t i = 0; i < plan->edges.count; i++) {
        const struct sim_edge *edge = &plan->edges.items[i];
        if (edge->is_pending) {
            (void)fprintf(file, "%s %u-%u", has_any ? "" : "\npending", edge->a, edge->b);
            has_any = true;
        }
    }
}

static void print_second(const struct sim_plan *plan, FILE *file)
{
    (void)fprintf(file, "\nsecond");
    for (uint32_t i = 0; i < plan->second_count; i++) {
        (void)fprintf(file, " %u", plan->second[i]);
    }
    if (plan->has_life) {
        const struct sim_charter *charter = &plan->charter;
        (void)fprintf(file, "\ncharter %u %u%s", charter->needed, charter->quorum, charter->is_from_now_on ? " now" : "");
    }
    if (sim_edges_on_time(&plan->edges) < plan->edges.count) {
        (void)fprintf(file, "\nnamed");
    }
    for (uint32_t i = 0; i < plan->edges.count; i++) {
        if (plan->edges.items[i].is_late) {
            (void)fprintf(file, " %u-%u", plan->edges.items[i].a, plan->edges.items[i].b);
        }
    }
}

void sim_plan_print(const struct sim_plan *plan, FILE *file)
{
    (void)fprintf(file, "seed %" PRIu64 "\nnodes %u\nlinks", plan->seed, plan->node_count);
    for (uint32_t i = 0; i < plan->edges.count; i++) {
        if (!plan->edges.items[i].is_late) {
            (void)fprintf(file, " %u-%u", plan->edges.items[i].a, plan->edges.items[i].b);
        }
    }
    print_pending(plan, file);
    if (plan->second != NULL) {
        print_second(plan, file);
    }
    if (plan->has_sister) {
        (void)fprintf(file, "\nsister %u", plan->sister_of);
    }
    if (plan->newcomers > 0) {
        (void)fprintf(file, "\nnewcomers %u", plan->newcomers);
    }
    (void)fprintf(file, "\n%s", plan->doubts_clocks ? "doubt\n" : "");
    for (uint32_t i = 0; i < plan->op_count; i++) {
        (void)fprintf(file, "at ");
        print_time(plan->ops[i].at_ms, file);
        (void)fprintf(file, " ");
        sim_op_print(&plan->ops[i], file);
        (void)fprintf(file, "\n");
    }
    (void)fprintf(file, "end ");
    print_time(plan->end_ms, file);
    (void)fprintf(file, "\nsettle ");
    print_time(plan->settle_ms, file);
    (void)fprintf(file, "\n");
}

/* ---- reading ---- */

struct words {
    char *items[WORDS_MAX];
    uint32_t count, at;
    const char *why; /* NULL as long as all is well */
};

static bool next_is(struct words *words, const char *word)
{
    if (words->why == NULL && words->at < words->count && strcmp(words->items[words->at], word) == 0) {
        words->at++;
        return true;
    }
    return false;
}

static const char *next_word(struct words *words)
{
    if (words->at >= words->count) {
        words->why = words->why == NULL ? "something is missing" : words->why;
        return "";
    }
    return words->items[words->at++];
}

static bool is_number_next(const struct words *words)
{
    return words->at < words->count && words->items[words->at][0] >= '0' && words->items[words->at][0] <= '9';
}

static uint64_t next_number(struct words *words, uint64_t max)
{
    const char *word = next_word(words);
    char *end = NULL;
    unsigned long long value = strtoull(word, &end, 10);
    if (words->why == NULL && (word[0] < '0' || word[0] > '9' || *end != 0 || value > max)) {
        words->why = "not a number in bounds";
    }
    return words->why == NULL ? value : 0;
}

static uint64_t parse_time(struct words *words, const char *word)
{
    char *end = NULL;
    double value = strtod(word, &end);
    double unit = *end == 'd' ? 86400e3 : (*end == 'h' ? 3600e3 : (*end == 'm' ? 60e3 : 1e3));
    end += *end == 'd' || *end == 'h' || *end == 'm';
    if (words->why == NULL && (word[0] < '0' || word[0] > '9' || *end != 0 || value * unit > (double)TIME_MAX)) {
        words->why = "not a time";
    }
    return words->why == NULL ? (uint64_t)(value * unit + 0.5) : 0;
}

static uint64_t next_time(struct words *words)
{
    return parse_time(words, next_word(words));
}

static uint32_t next_named(struct words *words, const char *const *names, uint32_t count)
{
    const char *word = next_word(words);
    for (uint32_t i = 0; i < count; i++) {
        if (strcmp(word, names[i]) == 0) {
            return i;
        }
    }
    words->why = words->why == NULL ? "an unknown word" : words->why;
    return 0;
}

static uint32_t next_node(struct words *words, const struct sim_plan *plan)
{
    const uint32_t count = plan->node_count + (plan->has_sister ? 1 : 0);
    return (uint32_t)next_number(words, count == 0 ? 0 : count - 1);
}

static void read_list(struct words *words, const struct sim_plan *plan, struct sim_op *op)
{
    op->list = calloc(words->count + 1, sizeof *op->list);
    KR_ASSERT(op->list != NULL);
    while (is_number_next(words) && words->why == NULL) {
        op->list[op->list_count++] = next_node(words, plan);
    }
}

static void read_for(struct words *words, struct sim_op *op)
{
    op->for_ms = next_is(words, "for") ? next_time(words) : 0;
}

static void read_submit(struct words *words, const struct sim_plan *plan, struct sim_op *op)
{
    op->node = next_node(words, plan);
    op->label = labels[next_named(words, label_names, 3)];
    if (!next_is(words, "as")) {
        words->why = "a submission needs a number: as N";
    }
    op->record = (uint32_t)next_number(words, UINT32_MAX);
    if (next_is(words, "to")) {
        read_list(words, plan, op);
    }
    op->is_in_second = next_is(words, "second");
    op->is_large = next_is(words, "large");
    op->lives_ms = next_is(words, "lives") ? next_time(words) : 0;
}

static void read_noise(struct words *words, struct sim_faults *noise)
{
    static const char *const names[] = {"drop", "duplicate", "reorder", "fail", "crash", "delay"};
    uint32_t *const values[] = {&noise->drop,        &noise->duplicate, &noise->reorder,
                                &noise->fail_commit, &noise->crash,     &noise->delay_ms_max};
    while (words->at < words->count && words->why == NULL) {
        uint32_t which = next_named(words, names, 6);
        *values[which] = (uint32_t)next_number(words, which == 5 ? 3600000 : 1000);
    }
}

static void read_expect(struct words *words, const struct sim_plan *plan, struct sim_op *op)
{
    if (next_is(words, "same")) {
        op->number = SIM_EXPECT_SAME;
        return;
    }
    op->node = next_node(words, plan);
    op->number = next_named(words, expected_names, 3);
    op->record = (uint32_t)next_number(words, UINT32_MAX);
}

static void read_clock(struct words *words, const struct sim_plan *plan, struct sim_op *op)
{
    op->node = next_node(words, plan);
    const char *word = next_word(words);
    int64_t skew_ms = (int64_t)parse_time(words, word[0] == '-' ? word + 1 : word);
    op->skew_ms = word[0] == '-' ? -skew_ms : skew_ms;
}

static void read_forge(struct words *words, const struct sim_plan *plan, struct sim_op *op)
{
    op->node = next_node(words, plan);
    op->other = next_node(words, plan);
    if (!next_is(words, "as")) {
        words->why = "a record needs a number: as N";
    }
    op->record = (uint32_t)next_number(words, UINT32_MAX);
    op->back_ms = next_is(words, "back") ? next_time(words) : 0;
}

/* Both ends are linked with the one in between, and not with each other. */
static void read_through(struct words *words, const struct sim_plan *plan, struct sim_op *op)
{
    op->node = next_node(words, plan);
    op->list = calloc(1, sizeof *op->list);
    KR_ASSERT(op->list != NULL);
    op->list[0] = next_node(words, plan);
    op->list_count = 1;
    op->other = next_node(words, plan);
    op->number = !next_is(words, "not");
    if (words->why == NULL &&
        (op->node == op->other || !sim_edges_have(&plan->edges, op->node, op->list[0]) ||
         !sim_edges_have(&plan->edges, op->list[0], op->other) || sim_edges_have(&plan->edges, op->node, op->other))) {
        words->why = "a link through a third node has ends that are linked with that, and not with each other";
    }
}

static void read_op(struct words *words, struct sim_plan *plan)
{
    struct sim_op op = {.at_ms = next_time(words)};
    op.kind = (enum sim_op_kind)next_named(words, op_names, SIM_OP_COUNT);
    switch (op.kind) {
    case SIM_OP_SUBMIT:
        read_submit(words, plan, &op);
        break;
    case SIM_OP_RETRACT:
        op.node = next_node(words, plan);
        op.record = (uint32_t)next_number(words, UINT32_MAX);
        break;
    case SIM_OP_NOISE:
        read_noise(words, &op.noise);
        break;
    case SIM_OP_SPLIT:
        read_list(words, plan, &op);
        read_for(words, &op);
        break;
    case SIM_OP_CONFIRM:
        op.node = next_node(words, plan);
        op.other = next_node(words, plan);
        break;
    case SIM_OP_MUTE:
    case SIM_OP_CUT:
    case SIM_OP_SLOW:
        op.node = next_node(words, plan);
        op.other = next_node(words, plan);
        op.number = op.kind == SIM_OP_SLOW ? (uint32_t)next_number(words, UINT32_MAX) : 0;
        read_for(words, &op);
        break;
    case SIM_OP_CRASH:
        op.node = next_node(words, plan);
        read_for(words, &op);
        break;
    case SIM_OP_BACKUP:
    case SIM_OP_RESTORE:
    case SIM_OP_RENEW:
        op.node = next_node(words, plan);
        op.is_told = op.kind == SIM_OP_RESTORE && next_is(words, "told");
        break;
    case SIM_OP_ROTATE:
    case SIM_OP_REVOKE:
    case SIM_OP_REKEY:
    case SIM_OP_DESTROY:
    case SIM_OP_BODY:
    case SIM_OP_TRANSPORT:
        op.node = next_node(words, plan);
        break;
    case SIM_OP_LIE:
        op.node = next_node(words, plan);
        op.other = next_node(words, plan);
        break;
    case SIM_OP_FORGE:
        read_forge(words, plan, &op);
        break;
    case SIM_OP_UNSAY:
        op.node = next_node(words, plan);
        op.other = next_node(words, plan);
        op.record = (uint32_t)next_number(words, UINT32_MAX);
        break;
    case SIM_OP_THROUGH:
        read_through(words, plan, &op);
        break;
    case SIM_OP_CLOCK:
        read_clock(words, plan, &op);
        break;
    case SIM_OP_SAY:
        op.node = next_node(words, plan);
        op.number = next_named(words, word_names, SIM_WORD_COUNT);
        op.other = next_node(words, plan);
        op.is_in_second = next_is(words, "second");
        break;
    case SIM_OP_TURN:
        op.node = next_node(words, plan);
        op.number = next_named(words, sim_turn_names, SIM_TURN_COUNT);
        break;
    case SIM_OP_EXPECT:
        read_expect(words, plan, &op);
        break;
    case SIM_OP_HEAL:
    case SIM_OP_COUNT:
        break;
    }
    sim_plan_add(plan, &op);
}

static void read_links(struct words *words, struct sim_plan *plan)
{
    if (next_is(words, "chain")) {
        sim_edges_chain(&plan->edges, plan->node_count);
    } else if (next_is(words, "ring")) {
        sim_edges_ring(&plan->edges, plan->node_count);
    } else if (next_is(words, "star")) {
        sim_edges_star(&plan->edges, plan->node_count);
    }
    while (words->at < words->count && words->why == NULL) {
        unsigned a, b;
        char rest;
        if (sscanf(next_word(words), "%u-%u%c", &a, &b, &rest) != 2 || a >= plan->node_count || b >= plan->node_count || a == b) {
            words->why = "not a link between two nodes: A-B";
        } else {
            sim_edges_add(&plan->edges, a, b);
        }
    }
}

static void read_pending(struct words *words, struct sim_plan *plan)
{
    while (words->at < words->count && words->why == NULL) {
        unsigned a = 0, b = 0;
        char rest;
        bool is_link = sscanf(next_word(words), "%u-%u%c", &a, &b, &rest) == 2;
        for (uint32_t i = 0; i < plan->edges.count && is_link; i++) {
            struct sim_edge *edge = &plan->edges.items[i];
            edge->is_pending = edge->is_pending || (edge->a == a && edge->b == b) || (edge->a == b && edge->b == a);
        }
        if (!is_link || !sim_edges_have(&plan->edges, a, b)) {
            words->why = "not one of the links: A-B";
        }
    }
}

/* Each once, and linked with the first. */
static void read_second(struct words *words, struct sim_plan *plan)
{
    free(plan->second);
    plan->second = calloc(words->count, sizeof *plan->second);
    KR_ASSERT(plan->second != NULL);
    for (plan->second_count = 0; words->at < words->count && words->why == NULL; plan->second_count++) {
        const uint32_t node = next_node(words, plan);
        bool is_good = plan->second_count == 0 || sim_edges_have(&plan->edges, node, plan->second[0]);
        for (uint32_t i = 0; i < plan->second_count; i++) {
            is_good = is_good && node != plan->second[i];
        }
        plan->second[plan->second_count] = node;
        if (words->why == NULL && !is_good) {
            words->why = "a second community names each node once, and all are linked with the first";
        }
    }
    if (words->why == NULL && (plan->second_count == 0 || plan->second_count > KR_FOUNDERS_MAX)) {
        words->why = "a second community has one node or more, and not so many";
    }
}

static bool is_founder(const struct sim_plan *plan, uint32_t node)
{
    bool is_it = false;
    for (uint32_t i = 0; i < plan->second_count; i++) {
        is_it = is_it || plan->second[i] == node;
    }
    return is_it;
}

static bool is_named(const struct sim_plan *plan, uint32_t node)
{
    bool is_it = false;
    for (uint32_t i = 0; i < plan->edges.count; i++) {
        is_it = is_it || (plan->edges.items[i].is_late && plan->edges.items[i].b == node);
    }
    return is_it;
}

static void read_charter(struct words *words, struct sim_plan *plan)
{
    plan->has_life = true;
    plan->charter.needed = (uint32_t)next_number(words, plan->second_count);
    plan->charter.quorum = (uint32_t)next_number(words, plan->second_count);
    plan->charter.is_from_now_on = next_is(words, "now");
    if (words->why == NULL && (plan->charter.needed == 0 || plan->charter.quorum == 0 || plan->node_count > MODEL_COUNCILS_MAX)) {
        words->why = "a charter is one of a second community among few nodes, and asks for 1 at least and no more than found it";
    }
}

static void read_named(struct words *words, struct sim_plan *plan)
{
    while (words->at < words->count && words->why == NULL) {
        unsigned a = 0, b = 0;
        char rest;
        const bool is_read =
            sscanf(next_word(words), "%u-%u%c", &a, &b, &rest) == 2 && a < plan->node_count && b < plan->node_count;
        if (!is_read || !plan->has_life || !is_founder(plan, a) || is_founder(plan, b) || is_named(plan, b) ||
            sim_edges_have(&plan->edges, a, b)) {
            words->why =
                "a founder and a node that is to be let in, once, and is not linked with that one: A-B, behind the charter";
            return;
        }
        sim_edges_add(&plan->edges, a, b);
        plan->edges.items[plan->edges.count - 1].is_late = true;
    }
}

static void read_line(struct words *words, struct sim_plan *plan)
{
    if (next_is(words, "at")) {
        read_op(words, plan);
    } else if (next_is(words, "seed")) {
        plan->seed = next_number(words, UINT64_MAX);
    } else if (next_is(words, "nodes")) {
        plan->node_count = (uint32_t)next_number(words, 10000);
    } else if (next_is(words, "links")) {
        read_links(words, plan);
    } else if (next_is(words, "pending")) {
        read_pending(words, plan);
    } else if (next_is(words, "second")) {
        read_second(words, plan);
    } else if (next_is(words, "charter")) {
        read_charter(words, plan);
    } else if (next_is(words, "named")) {
        read_named(words, plan);
    } else if (next_is(words, "sister")) {
        plan->sister_of = next_node(words, plan);
        plan->has_sister = true;
    } else if (next_is(words, "newcomers")) {
        plan->newcomers = (uint32_t)next_number(words, plan->node_count > 1 ? plan->node_count - 1 : 0);
    } else if (next_is(words, "doubt")) {
        plan->doubts_clocks = true;
    } else if (next_is(words, "end")) {
        plan->end_ms = next_time(words);
    } else if (next_is(words, "settle")) {
        plan->settle_ms = next_time(words);
    } else {
        words->why = "an unknown word";
    }
    if (words->why == NULL && words->at < words->count) {
        words->why = "more than belongs there";
    }
}

static void split_words(char *line, struct words *ret_words)
{
    memset(ret_words, 0, sizeof *ret_words);
    char *comment = strchr(line, '#'), *rest = NULL;
    if (comment != NULL) {
        *comment = 0;
    }
    for (char *word = strtok_r(line, " \t\r", &rest); word != NULL && ret_words->count < WORDS_MAX;
         word = strtok_r(NULL, " \t\r", &rest)) {
        ret_words->items[ret_words->count++] = word;
    }
}

static bool are_members(const struct sim_plan *plan)
{
    for (uint32_t i = 0; i < plan->op_count; i++) {
        const struct sim_op *op = &plan->ops[i];
        const uint32_t council = op->node == plan->node_count ? plan->sister_of : op->node;
        const bool may_be = op->kind == SIM_OP_SAY
                                ? plan->has_life
                                : op->label == KR_TLP_GREEN && (is_founder(plan, council) || is_named(plan, council));
        if (op->is_in_second && !may_be) {
            return false;
        }
    }
    return true;
}

bool sim_plan_parse(struct sim_plan *ret_plan, const char *text, char *ret_why, size_t size)
{
    struct sim_plan plan = {.end_ms = 60000, .settle_ms = 180000};
    struct words *words = malloc(sizeof *words);
    char *copy = strdup(text), *line = copy;
    KR_ASSERT(words != NULL && copy != NULL);
    bool is_good = true;
    for (uint32_t number = 1; line != NULL && is_good; number++) {
        char *end = strchr(line, '\n');
        if (end != NULL) {
            *end = 0;
        }
        split_words(line, words);
        if (words->count > 0) {
            read_line(words, &plan);
        }
        if (words->why != NULL) {
            (void)snprintf(ret_why, size, "line %u: %s", number, words->why);
            is_good = false;
        }
        line = end == NULL ? NULL : end + 1;
    }
    if (is_good && !are_members(&plan)) {
        (void)snprintf(ret_why, size, "only who is in the second community, and only what is green, goes there");
        is_good = false;
    }
    if (is_good && (plan.node_count == 0 || !sim_edges_connect(&plan.edges, plan.node_count))) {
        (void)snprintf(ret_why, size, "the links do not reach every node");
        is_good = false;
    }
    free(copy);
    free(words);
    if (is_good) {
        *ret_plan = plan;
    } else {
        sim_plan_free(&plan);
    }
    return is_good;
}

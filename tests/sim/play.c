/* A plan in action, in two phases: safety while things go wrong, then healing and convergence within a bound. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/sim/disk.h"
#include "tests/sim/hostile.h"
#include "tests/sim/plan.h"

#define LOOKS       10u /* at safety in the first phase */
#define PROBES      3u
#define PROBES_FROM 1000000u /* their names */
#define PROMPT_MS   4000u
#define FORCED_MS   60000u /* until what clients had to wait with is everywhere */

static struct sim_record *record_named(struct sim_world *world, uint32_t name)
{
    for (uint32_t i = 0; i < world->record_count; i++) {
        if (world->records[i].name == name) {
            return &world->records[i];
        }
    }
    return NULL;
}

/* ---- what a plan does ---- */

static void do_submit(struct sim_world *world, const struct sim_op *op)
{
    struct sim_submission submission = {.node = op->node,
                                        .name = op->record,
                                        .label = op->label,
                                        .audience = op->list,
                                        .audience_count = op->list_count,
                                        .text_bytes = op->is_large ? 48u * KR_KIB : 0,
                                        .lives_ms = op->lives_ms,
                                        .is_in_second = op->is_in_second};
    (void)sim_world_submit_as(world, &submission, world->now_ms);
}

static enum sim_verdict expect(struct sim_world *world, const struct sim_op *op)
{
    const struct sim_record *record = record_named(world, op->record);
    if (op->number == SIM_EXPECT_SAME) {
        return sim_check_same(world);
    }
    if (record == NULL) {
        return sim_fail(world, SIM_UNEXPECTED, "there is no record %u", op->record);
    }
    static const char *const said[] = {"does not have", "has, hidden,", "has"};
    enum sim_held held = sim_held(world->nodes[op->node], record->id);
    enum sim_held wanted =
        op->number == SIM_EXPECT_LACKS ? SIM_HELD_NOT : (op->number == SIM_EXPECT_HIDES ? SIM_HELD_HIDDEN : SIM_HELD_SHOWN);
    return held == wanted ? SIM_HOLDS : sim_fail(world, SIM_UNEXPECTED, "node %u %s record %u", op->node, said[held], op->record);
}

static enum sim_verdict do_op(struct sim_world *world, const struct sim_op *op)
{
    uint64_t until_ms = op->for_ms == 0 ? UINT64_MAX : world->now_ms + op->for_ms;
    switch (op->kind) {
    case SIM_OP_SUBMIT:
        do_submit(world, op);
        break;
    case SIM_OP_RETRACT:
        sim_world_retract(world, record_named(world, op->record));
        break;
    case SIM_OP_NOISE:
        world->faults = op->noise;
        world->is_quiet = false;
        break;
    case SIM_OP_SPLIT:
        sim_world_split(world, op->list, op->list_count, until_ms);
        break;
    case SIM_OP_MUTE:
        sim_world_wire(world, op->node, op->other, (struct sim_wire){.is_mute = true, .until_ms = until_ms});
        break;
    case SIM_OP_CUT:
        sim_world_wire(world, op->node, op->other, (struct sim_wire){.is_cut = true, .until_ms = until_ms});
        sim_world_wire(world, op->other, op->node, (struct sim_wire){.is_cut = true, .until_ms = until_ms});
        break;
    case SIM_OP_SLOW:
        sim_world_wire(world, op->node, op->other, (struct sim_wire){.bytes_per_s = op->number, .until_ms = until_ms});
        break;
    case SIM_OP_CRASH:
        sim_world_crash(world, op->node, op->for_ms == 0 ? 1000 : op->for_ms);
        break;
    case SIM_OP_BACKUP:
        return sim_world_backup(world, op->node);
    case SIM_OP_RESTORE:
        return sim_world_restore(world, op->node, op->is_told);
    case SIM_OP_CLOCK:
        sim_world_clock(world, op->node, op->skew_ms);
        break;
    case SIM_OP_RENEW:
        return sim_world_state(world, op->node, NULL, SIM_WORD_COUNT);
    case SIM_OP_THROUGH:
        sim_world_through(world, op->node, op->list[0], op->other, op->number != 0);
        break;
    case SIM_OP_SAY:
        if (op->is_in_second) {
            sim_life_say(world, op->node, op->other, (enum sim_word)op->number);
            break;
        }
        return sim_world_state(world, op->node, world->nodes[op->other], (enum sim_word)op->number);
    case SIM_OP_TURN:
        world->nodes[op->node]->is_hostile = true;
        world->nodes[op->node]->turns |= 1u << op->number;
        break;
    case SIM_OP_ROTATE:
        return sim_world_rotate(world, op->node);
    case SIM_OP_FORGE:
        return sim_world_forge(world, op->node, op->other, op->record, op->back_ms);
    case SIM_OP_UNSAY:
        return sim_world_unsay(world, op->node, op->other, record_named(world, op->record));
    case SIM_OP_REVOKE:
        return sim_world_revoke(world, op->node);
    case SIM_OP_CONFIRM:
        sim_world_confirm(world, op->node, op->other);
        break;
    case SIM_OP_LIE:
        return sim_world_lie(world, op->node, op->other);
    case SIM_OP_REKEY:
        return sim_world_rekey(world, op->node);
    case SIM_OP_DESTROY:
        sim_world_destroy(world, op->node);
        break;
    case SIM_OP_BODY:
        sim_world_body(world, op->node);
        break;
    case SIM_OP_TRANSPORT:
        sim_world_transport(world, op->node);
        break;
    case SIM_OP_HEAL:
        sim_world_heal(world);
        break;
    case SIM_OP_EXPECT:
        return expect(world, op);
    case SIM_OP_COUNT:
        break;
    }
    return SIM_HOLDS;
}

static void tell_op(struct sim_world *world, const struct sim_op *op)
{
    char *text = NULL;
    size_t len = 0;
    FILE *file = open_memstream(&text, &len);
    KR_ASSERT(file != NULL);
    sim_op_print(op, file);
    (void)fclose(file);
    sim_tell(world, "* %s", text);
    free(text);
}

/* ---- the two phases ---- */

static enum sim_verdict look(struct sim_world *world)
{
    enum sim_verdict verdict = sim_check_leaks(world);
    if (verdict == SIM_HOLDS) {
        verdict = sim_check_accepted(world);
    }
    if (verdict == SIM_HOLDS) {
        verdict = sim_check_marks(world);
    }
    if (verdict == SIM_HOLDS) {
        verdict = sim_check_membership(world);
    }
    return verdict == SIM_HOLDS ? sim_check_bounds(world) : verdict;
}

static enum sim_verdict run_until(struct sim_world *world, uint64_t until_ms, uint64_t look_ms)
{
    enum sim_verdict verdict = SIM_HOLDS;
    while (verdict == SIM_HOLDS && world->now_ms < until_ms) {
        uint64_t next_ms = world->now_ms - world->now_ms % look_ms + look_ms;
        verdict = sim_world_run(world, next_ms < until_ms ? next_ms : until_ms);
        if (verdict == SIM_HOLDS && next_ms <= until_ms) {
            verdict = look(world);
            sim_throughs_again(world);
        }
    }
    return verdict;
}

/* ---- promptly ---- */

static uint32_t one_here(const struct sim_world *world)
{
    uint32_t node = 0;
    while (world->nodes[node]->is_gone) {
        node++;
    }
    return node;
}

static bool is_dead(const struct sim_world *world, const struct sim_edge *edge)
{
    return world->nodes[edge->a]->is_gone || world->nodes[edge->b]->is_gone;
}

/* A link without which all nodes are still connected; the number of links where there is none. */
static uint32_t spare_edge(struct sim_world *world)
{
    const uint32_t count = world->edges.count, first = sim_world_below(world, count);
    for (uint32_t i = 0; i < count; i++) {
        struct sim_edges others = {0};
        for (uint32_t j = 0; j < count; j++) {
            const struct sim_edge *edge = &world->edges.items[j];
            if (j != (first + i) % count && !is_dead(world, edge)) {
                sim_edges_add(&others, edge->a, edge->b);
            }
        }
        bool is_spare = sim_edges_connect(&others, world->node_count);
        sim_edges_free(&others);
        if (is_spare) {
            return (first + i) % count;
        }
    }
    return count;
}

static enum sim_verdict probe(struct sim_world *world, uint32_t node)
{
    struct sim_submission submission = {.node = node, .name = PROBES_FROM + world->record_count, .label = KR_TLP_CLEAR};
    uint32_t record = sim_world_submit_as(world, &submission, world->now_ms);
    enum sim_verdict verdict = sim_world_run(world, world->now_ms + PROMPT_MS);
    for (uint32_t i = 0; i < world->node_count && verdict == SIM_HOLDS; i++) {
        if (!world->nodes[i]->is_gone && !sim_holds(world->nodes[i], world->records[record].id)) {
            verdict = sim_fail(world, SIM_LATE, "%s lacks a record %u ms after %s took it", world->nodes[i]->name, PROMPT_MS,
                               world->nodes[node]->name);
        }
    }
    return verdict;
}

/* With everything quiet, what is new is everywhere at once: also when a link of the tree that has settled is dead and nobody knows
 * it yet. */
static enum sim_verdict check_prompt(struct sim_world *world)
{
    const uint32_t drawn = sim_world_below(world, world->node_count), edge = spare_edge(world);
    const uint32_t node = world->nodes[drawn]->is_gone ? one_here(world) : drawn;
    enum sim_verdict verdict = SIM_HOLDS;
    for (uint32_t i = 0; i < PROBES && verdict == SIM_HOLDS; i++) {
        verdict = probe(world, node);
    }
    if (verdict != SIM_HOLDS || edge == world->edges.count) {
        return verdict;
    }
    const uint32_t a = world->edges.items[edge].a, b = world->edges.items[edge].b;
    sim_tell(world, "the link of %u and %u goes dead", a, b);
    sim_world_wire(world, a, b, (struct sim_wire){.is_mute = true, .until_ms = UINT64_MAX});
    sim_world_wire(world, b, a, (struct sim_wire){.is_mute = true, .until_ms = UINT64_MAX});
    return probe(world, node);
}

static bool has_hostile(const struct sim_world *world)
{
    for (uint32_t i = 0; i < world->node_count; i++) {
        if (world->nodes[i]->is_hostile) {
            return true;
        }
    }
    return false;
}

#define ASK_AGAIN_MS  10000u /* nodes that were down are up again, and operators look at codes */
#define ASK_AGAIN_MAX 6u

static enum sim_verdict settle(struct sim_world *world, uint64_t until_ms)
{
    enum sim_verdict verdict = SIM_HOLDS;
    for (uint32_t i = 0; i < ASK_AGAIN_MAX && world->through_count > 0 && verdict == SIM_HOLDS; i++) {
        verdict = sim_world_run(world, world->now_ms + ASK_AGAIN_MS);
        sim_throughs_again(world);
    }
    return verdict == SIM_HOLDS ? sim_world_run(world, until_ms) : verdict;
}

/* Who waits for a member that means ill, or for what a wrong clock has dated, waits until its operator has had enough. */
static enum sim_verdict end_waiting(struct sim_world *world)
{
    enum sim_verdict verdict = sim_check_held(world);
    bool has_any = false;
    for (uint32_t i = 0; i < world->node_count && verdict == SIM_HOLDS; i++) {
        if (sim_is_held(world->nodes[i])) {
            sim_world_force(world, i);
            has_any = true;
        }
    }
    return verdict == SIM_HOLDS && has_any ? sim_world_run(world, world->now_ms + FORCED_MS) : verdict;
}

static enum sim_verdict play(struct sim_world *world, const struct sim_plan *plan, const struct sim_listener *listener)
{
    enum sim_verdict verdict =
        sim_world_init_with(world, plan->seed, plan->node_count, &plan->edges, 0, plan->newcomers, listener->trace);
    if (verdict == SIM_HOLDS && plan->second != NULL) {
        const struct sim_charter plain = {.needed = 1, .quorum = 1};
        verdict = sim_world_found(world, plan->has_life ? &plan->charter : &plain, plan->second, plan->second_count);
    }
    if (verdict == SIM_HOLDS && plan->has_life) {
        verdict = sim_life_begin(world, plan->second, plan->second_count, plan->end_ms);
    }
    if (verdict == SIM_HOLDS && plan->has_sister) {
        verdict = sim_world_take_in(world, plan->sister_of);
    }
    const uint64_t begin_ms = world->now_ms, look_ms = plan->end_ms / LOOKS + 1;
    world->doubts_clocks = plan->doubts_clocks;
    world->story = listener->story;
    world->story_ms = begin_ms;
    for (uint32_t i = 0; i < world->node_count && verdict == SIM_HOLDS; i++) {
        verdict = sim_world_backup(world, i);
    }
    for (uint32_t i = 0; i < plan->op_count && verdict == SIM_HOLDS; i++) {
        verdict = run_until(world, begin_ms + plan->ops[i].at_ms, look_ms);
        if (verdict == SIM_HOLDS) {
            tell_op(world, &plan->ops[i]);
            verdict = do_op(world, &plan->ops[i]);
        }
    }
    if (verdict == SIM_HOLDS) {
        verdict = run_until(world, begin_ms + plan->end_ms, look_ms);
    }
    if (verdict == SIM_HOLDS) {
        sim_world_heal(world);
        verdict = sim_world_confirm_all(world);
    }
    if (verdict == SIM_HOLDS) {
        verdict = settle(world, world->now_ms + plan->settle_ms);
    }
    if (verdict == SIM_HOLDS) {
        verdict = end_waiting(world);
    }
    if (verdict == SIM_HOLDS) {
        verdict = look(world);
    }
    if (verdict == SIM_HOLDS) {
        verdict = sim_check_disks(world);
    }
    if (verdict == SIM_HOLDS) {
        verdict = sim_check_convergence(world);
    }
    return verdict == SIM_HOLDS && !has_hostile(world) ? check_prompt(world) : verdict;
}

void sim_play(const struct sim_plan *plan, const struct sim_listener *listener, struct sim_result *ret_result)
{
    struct sim_world *world = malloc(sizeof *world);
    KR_ASSERT(world != NULL);
    enum sim_verdict verdict = play(world, plan, listener);
    sim_world_trace_hash(world, ret_result->hash);
    ret_result->verdict = verdict;
    (void)snprintf(ret_result->complaint, sizeof ret_result->complaint, "%s", verdict == SIM_HOLDS ? "" : world->complaint);
    ret_result->simulated_ms = world->now_ms - SIM_EPOCH_MS;
    ret_result->nodes_ms = ret_result->simulated_ms * world->node_count;
    ret_result->events = world->events_run;
    ret_result->frames = world->frames;
    ret_result->bytes = world->frame_bytes;
    ret_result->dropped = world->dropped;
    ret_result->crashes = world->crashes;
    ret_result->failed_commits = world->failed_commits;
    ret_result->records = world->record_count;
    ret_result->retractions = world->retractions;
    ret_result->minute_frames = world->minute_frames;
    ret_result->minute_bytes = world->minute_bytes;
    sim_world_deinit(world);
    free(world);
}

void sim_play_apart(const struct sim_plan *plan, const struct sim_listener *listener, struct sim_result *ret_result)
{
    char root[128];
    KR_ASSERT(sim_disk_new(root, sizeof root));
    struct sim_result *shared = mmap(NULL, sizeof *shared, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    KR_ASSERT(shared != MAP_FAILED);
    (void)fflush(NULL);
    pid_t pid = fork();
    KR_ASSERT(pid >= 0);
    if (pid == 0) {
        sim_disk_within(root);
        sim_play(plan, listener, shared);
        (void)fflush(NULL);
        _exit(0);
    }
    int status = 0;
    KR_ASSERT(waitpid(pid, &status, 0) == pid);
    *ret_result = *shared;
    (void)munmap(shared, sizeof *shared);
    if (!WIFEXITED(status) || WEXITSTATUS(status) != 0) {
        ret_result->verdict = SIM_CRASH;
        (void)snprintf(ret_result->complaint, sizeof ret_result->complaint, "the process died of signal %d, status %d",
                       WIFSIGNALED(status) ? WTERMSIG(status) : 0, WIFEXITED(status) ? WEXITSTATUS(status) : 0);
    }
    sim_disk_free(root);
}

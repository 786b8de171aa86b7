#include "node/keeper/room.h"

/* No reader begins with a snapshot that is not the newest: the same one, seen behind twice, is the same reader, or began before. */
static void note(struct kr_held *held, const struct kr_store_room *room, uint64_t now_ms)
{
    if (room->reader_process == 0 || room->reader_snapshot >= room->newest) {
        *held = (struct kr_held){0};
    } else if (held->process != room->reader_process || held->snapshot != room->reader_snapshot) {
        *held = (struct kr_held){.snapshot = room->reader_snapshot, .since_ms = now_ms, .process = room->reader_process};
    }
}

struct kr_status_room kr_room_look(struct kr_held *held, struct kr_store *store, uint32_t own_process, uint64_t now_ms)
{
    struct kr_store_room room;
    if (kr_store_room(store, &room) != KR_OK) {
        return (struct kr_status_room){0};
    }
    note(held, &room, now_ms);
    struct kr_status_room status = {.map_bytes = room.map_bytes, .used_bytes = room.used_bytes, .free_bytes = room.free_bytes};
    if (held->process != 0) {
        status.reader_commits = room.newest - held->snapshot;
        status.reader_s = (now_ms - held->since_ms) / 1000;
        status.reader_process = held->process;
        status.is_reader_own = held->process == own_process;
    }
    return status;
}

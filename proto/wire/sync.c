#include "proto/wire/sync.h"

#include <string.h>

static uint32_t bits(uint32_t mask)
{
    uint32_t count = 0;
    for (; mask != 0; mask &= mask - 1) {
        count++;
    }
    return count;
}

static uint32_t prefix_bytes(uint32_t nibbles)
{
    return (nibbles + 1) / 2;
}

static uint16_t get_be16(const uint8_t *bytes)
{
    return (uint16_t)(bytes[0] << 8 | bytes[1]);
}

/* Months ascend, so that one list has one encoding. */
static bool months_are_sound(struct kr_sync_part *part, struct kr_slice payload)
{
    uint32_t before = 0;
    if (part->month != 0 || part->nibbles != 0 || payload.len % KR_SYNC_MONTH_BYTES != 0) {
        return false;
    }
    part->items = payload.bytes;
    part->count = (uint32_t)(payload.len / KR_SYNC_MONTH_BYTES);
    for (uint32_t i = 0; i < part->count; i++) {
        const uint32_t month = kr_sync_month(part->items + (size_t)i * KR_SYNC_MONTH_BYTES) + 1;
        if (month <= before) {
            return false;
        }
        before = month;
    }
    return true;
}

static bool node_is_sound(struct kr_sync_part *part, struct kr_slice payload)
{
    if (payload.len < KR_SYNC_NODE_BYTES) {
        return false;
    }
    part->from = payload.bytes[0];
    part->present = get_be16(payload.bytes + 1);
    part->shown = get_be16(payload.bytes + 3);
    part->items = payload.bytes + KR_SYNC_NODE_BYTES;
    part->count = bits(part->present & (uint32_t)~part->shown);
    return part->from <= part->nibbles && part->nibbles < KR_SYNC_NIBBLES && bits(part->present) >= 2 &&
           (part->shown & ~part->present) == 0 && payload.len == KR_SYNC_NODE_BYTES + part->count * KR_SYNC_DIGEST_BYTES;
}

static bool names_are_sound(struct kr_sync_part *part, struct kr_slice payload)
{
    part->items = payload.bytes;
    part->count = (uint32_t)(payload.len / KR_SYNC_NAME_BYTES);
    return payload.len % KR_SYNC_NAME_BYTES == 0 && part->count <= KR_SYNC_LIST_MAX &&
           (part->count > 0 || part->what == KR_SYNC_LIST);
}

void kr_sync_part_read(struct kr_reader *reader, struct kr_sync_part *ret_part)
{
    struct kr_sync_part part = {0};
    kr_reader_array(reader, 5);
    part.what = (uint32_t)kr_reader_uint(reader, UINT8_MAX);
    part.month = (uint32_t)kr_reader_uint(reader, UINT16_MAX);
    part.nibbles = (uint32_t)kr_reader_uint(reader, KR_SYNC_NIBBLES);
    const struct kr_slice prefix = kr_reader_bin(reader, prefix_bytes(part.nibbles), prefix_bytes(part.nibbles));
    struct kr_slice payload = kr_reader_bin(reader, 0, KR_SYNC_BYTES_MAX);
    kr_reader_close(reader);
    if (prefix.len > 0) {
        memcpy(part.prefix, prefix.bytes, prefix.len);
    }
    bool is_sound = part.nibbles % 2 == 0 || (part.prefix[part.nibbles / 2] & 15u) == 0;
    switch (part.what) {
    case KR_SYNC_MONTHS:
        is_sound = is_sound && months_are_sound(&part, payload);
        break;
    case KR_SYNC_NODES:
        is_sound = is_sound && node_is_sound(&part, payload);
        break;
    case KR_SYNC_LIST:
    case KR_SYNC_WANT:
        is_sound = is_sound && names_are_sound(&part, payload);
        break;
    default:
        is_sound = false;
        break;
    }
    if (!is_sound) {
        kr_reader_fail(reader, KR_MALFORMED);
    }
    *ret_part = reader->err == KR_OK ? part : (struct kr_sync_part){0};
}

uint32_t kr_sync_month(const uint8_t item[static KR_SYNC_MONTH_BYTES])
{
    return get_be16(item);
}

void kr_sync_month_write(uint8_t ret_item[static KR_SYNC_MONTH_BYTES], uint32_t month,
                         const uint8_t digest8[static KR_SYNC_DIGEST_BYTES])
{
    ret_item[0] = (uint8_t)(month >> 8);
    ret_item[1] = (uint8_t)month;
    memcpy(ret_item + 2, digest8, KR_SYNC_DIGEST_BYTES);
}

void kr_sync_part_write(const struct kr_sync_part *part, struct kr_writer *writer)
{
    uint8_t payload[KR_SYNC_NODE_BYTES + 16 * KR_SYNC_DIGEST_BYTES];
    kr_writer_array(writer, 5);
    kr_writer_uint(writer, part->what);
    kr_writer_uint(writer, part->month);
    kr_writer_uint(writer, part->nibbles);
    kr_writer_bin(writer, part->prefix, prefix_bytes(part->nibbles));
    switch (part->what) {
    case KR_SYNC_NODES:
        KR_ASSERT(part->count == bits(part->present & (uint32_t)~part->shown));
        payload[0] = (uint8_t)part->from;
        payload[1] = (uint8_t)(part->present >> 8);
        payload[2] = (uint8_t)part->present;
        payload[3] = (uint8_t)(part->shown >> 8);
        payload[4] = (uint8_t)part->shown;
        if (part->count > 0) {
            memcpy(payload + KR_SYNC_NODE_BYTES, part->items, (size_t)part->count * KR_SYNC_DIGEST_BYTES);
        }
        kr_writer_bin(writer, payload, KR_SYNC_NODE_BYTES + part->count * KR_SYNC_DIGEST_BYTES);
        break;
    case KR_SYNC_MONTHS:
        kr_writer_bin(writer, part->items, (size_t)part->count * KR_SYNC_MONTH_BYTES);
        break;
    default:
        kr_writer_bin(writer, part->items, (size_t)part->count * KR_SYNC_NAME_BYTES);
        break;
    }
}

void kr_sync_key(uint8_t ret_key[static KR_SHORT_KEY_BYTES], const uint8_t session_salt[static 16], uint64_t walk)
{
    uint8_t bytes[24], hash[KR_HASH_BYTES];
    memcpy(bytes, session_salt, 16);
    for (uint32_t i = 0; i < 8; i++) {
        bytes[16 + i] = (uint8_t)(walk >> (56 - 8 * i));
    }
    kr_hash(hash, "kairan walk key", bytes, sizeof bytes);
    memcpy(ret_key, hash, KR_SHORT_KEY_BYTES);
}

void kr_sync_name(uint8_t ret_name[static KR_SYNC_NAME_BYTES], const uint8_t key[static KR_SHORT_KEY_BYTES],
                  const uint8_t id[static 32])
{
    uint8_t hash[KR_SHORT_BYTES];
    kr_hash_short(hash, key, id, 32);
    memcpy(ret_name, hash, KR_SYNC_NAME_BYTES);
}

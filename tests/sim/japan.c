#include "tests/sim/japan.h"

#include <stdbool.h>
#include <stdlib.h>

#include "crypto/err.h"

struct prefecture {
    uint8_t municipalities, region;
    bool is_seat; /* of the bureau */
};

/* Hokkaido · Tohoku · Kanto · Shin'etsu · Hokuriku · Tokai · Kinki · Chugoku · Shikoku · Kyushu · Okinawa, as of 2024. */
static const struct prefecture prefectures[SIM_JAPAN_PREFECTURES] = {
    {179, 0, true},                                                 /* Hokkaido */
    {40, 1, false}, {33, 1, false}, {35, 1, true},  {25, 1, false}, /* Aomori, Iwate, Miyagi, Akita */
    {35, 1, false}, {59, 1, false},                                 /* Yamagata, Fukushima */
    {44, 2, false}, {25, 2, false}, {35, 2, false}, {63, 2, false}, /* Ibaraki, Tochigi, Gunma, Saitama */
    {54, 2, false}, {62, 2, true},  {33, 2, false},                 /* Chiba, Tokyo, Kanagawa */
    {30, 3, false}, {15, 4, false}, {19, 4, true},  {17, 4, false}, /* Niigata, Toyama, Ishikawa, Fukui */
    {27, 2, false}, {77, 3, true},                                  /* Yamanashi, Nagano */
    {42, 5, false}, {35, 5, false}, {54, 5, true},  {29, 5, false}, /* Gifu, Shizuoka, Aichi, Mie */
    {19, 6, false}, {26, 6, false}, {43, 6, true},  {41, 6, false}, /* Shiga, Kyoto, Osaka, Hyogo */
    {39, 6, false}, {30, 6, false},                                 /* Nara, Wakayama */
    {19, 7, false}, {19, 7, false}, {27, 7, false}, {23, 7, true},
    {19, 7, false},                                                 /* Tottori, Shimane, Okayama, Hiroshima, Yamaguchi */
    {24, 8, false}, {17, 8, false}, {20, 8, true},  {34, 8, false}, /* Tokushima, Kagawa, Ehime, Kochi */
    {60, 9, false}, {20, 9, false}, {21, 9, false}, {45, 9, true},  /* Fukuoka, Saga, Nagasaki, Kumamoto */
    {18, 9, false}, {26, 9, false}, {43, 9, false},                 /* Oita, Miyazaki, Kagoshima */
    {41, 10, true},                                                 /* Okinawa */
};

void sim_japan_parents(uint32_t node_count, uint32_t *ret_parents)
{
    const uint32_t all = SIM_JAPAN_NODES - SIM_JAPAN_PREFECTURES, here = node_count - SIM_JAPAN_PREFECTURES;
    uint32_t node = SIM_JAPAN_PREFECTURES, before = 0;
    KR_ASSERT(node_count >= SIM_JAPAN_PREFECTURES);
    for (uint32_t i = 0; i < SIM_JAPAN_PREFECTURES; i++) {
        ret_parents[i] = i;
        before += prefectures[i].municipalities;
        for (const uint32_t end = SIM_JAPAN_PREFECTURES + (uint32_t)((uint64_t)here * before / all); node < end; node++) {
            ret_parents[node] = i;
        }
    }
    KR_ASSERT(before == all && node == node_count);
}

void sim_edges_japan(struct sim_edges *edges, uint32_t node_count)
{
    uint32_t *parents = calloc(node_count, sizeof *parents);
    KR_ASSERT(parents != NULL);
    sim_japan_parents(node_count, parents);
    for (uint32_t i = 0; i < SIM_JAPAN_PREFECTURES; i++) {
        for (uint32_t j = 0; j < i; j++) {
            const struct prefecture *a = &prefectures[i], *b = &prefectures[j];
            if (a->region == b->region || (a->is_seat && b->is_seat)) {
                sim_edges_add(edges, j, i);
            }
        }
    }
    for (uint32_t i = SIM_JAPAN_PREFECTURES; i < node_count; i++) {
        sim_edges_add(edges, parents[i], i);
    }
    free(parents);
}

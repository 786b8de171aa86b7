/* Where the simulated stores lie: a directory of its own on tmpfs if there is one, removed at the end. */
#ifndef KR_TESTS_SIM_DISK_H
#define KR_TESTS_SIM_DISK_H

#include <stdbool.h>
#include <stddef.h>

bool sim_disk_new(char *ret_path, size_t size);
/* From now on new ones are made in this one. */
void sim_disk_within(const char *path);
bool sim_disk_copy(const char *from, const char *to);
void sim_disk_free(const char *path);

#endif

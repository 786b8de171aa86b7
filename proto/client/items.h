/* Parts that several answers have in common; for the files of this folder. */
#ifndef KR_PROTO_CLIENT_ITEMS_H
#define KR_PROTO_CLIENT_ITEMS_H

#include "proto/client/client.h"

/* A summary as an element of something larger. */
void kr_summary_element_read(struct kr_reader *reader, struct kr_summary *ret_summary);
void kr_taken_write(const struct kr_taken *taken, struct kr_writer *writer);
void kr_taken_element_read(struct kr_reader *reader, struct kr_taken *ret_taken);
void kr_forced_write(const struct kr_forced *forced, struct kr_writer *writer);
void kr_forced_element_read(struct kr_reader *reader, struct kr_forced *ret_forced);

#endif

/* A text as a QR code on the terminal, for a telephone's camera. */
#ifndef KR_TOOLS_KAIRAN_QR_H
#define KR_TOOLS_KAIRAN_QR_H

#include <stdbool.h>
#include <stdio.h>

/* Black on white whatever the terminal's colours, two rows a line, with the margin that the standard asks for. In capital letters,
 * for QR's alphanumeric mode has no others, and makes it smaller; a ticket may be written in them. False where it is longer than
 * any ticket, or memory or `out` failed. */
bool kr_qr_print_ticket(FILE *out, const char *ticket);
/* The same without colours, for a letter: what is drawn is ink. */
bool kr_qr_draw_ticket(FILE *out, const char *ticket);

#endif

#include "tools/kairan/qr.h"

#include <qrencode.h>

#include "proto/wire/ticket.h"

#define MARGIN 4 /* modules, on each side */

static bool is_black(const QRcode *code, int row, int column)
{
    const bool is_inside = row >= 0 && column >= 0 && row < code->width && column < code->width;
    return is_inside && (code->data[row * code->width + column] & 1) != 0;
}

/* The upper row is drawn in the foreground's colour, the lower one in the background's. */
static void print_rows(FILE *out, const QRcode *code, int row, bool has_colours)
{
    (void)fputs(has_colours ? "\033[30;107m" : "", out); /* black on bright white */
    for (int column = -MARGIN; column < code->width + MARGIN; column++) {
        const bool upper = is_black(code, row, column), lower = is_black(code, row + 1, column);
        (void)fputs(upper ? (lower ? "\xE2\x96\x88" : "\xE2\x96\x80") : (lower ? "\xE2\x96\x84" : " "), out);
    }
    (void)fputs(has_colours ? "\033[0m\n" : "\n", out);
}

static bool print(FILE *out, const char *text, bool has_colours)
{
    QRcode *code = QRcode_encodeString(text, 0, QR_ECLEVEL_L, QR_MODE_8, 1);
    if (code == NULL) {
        return false;
    }
    for (int row = -MARGIN; row < code->width + MARGIN; row += 2) {
        print_rows(out, code, row, has_colours);
    }
    QRcode_free(code);
    return ferror(out) == 0;
}

static bool print_ticket(FILE *out, const char *ticket, bool has_colours)
{
    char capital[KR_TICKET_TEXT_BYTES_MAX + 1];
    size_t len = 0;
    for (; ticket[len] != 0 && len < KR_TICKET_TEXT_BYTES_MAX; len++) {
        capital[len] = (char)(ticket[len] >= 'a' && ticket[len] <= 'z' ? ticket[len] - 'a' + 'A' : ticket[len]);
    }
    capital[len] = 0;
    return ticket[len] == 0 && print(out, capital, has_colours);
}

bool kr_qr_print_ticket(FILE *out, const char *ticket)
{
    return print_ticket(out, ticket, true);
}

bool kr_qr_draw_ticket(FILE *out, const char *ticket)
{
    return print_ticket(out, ticket, false);
}

/* A QR code as it is drawn: read back from the half blocks, it has a margin, three finders, and the size that the text needs. */
#include "kairan_test.h"

#include <unistd.h>

#include "tools/kairan/qr.h"

#define SIDE_MAX 200

struct drawing {
    bool black[SIDE_MAX][SIDE_MAX];
    int width, height;
};

/* The bytes of one line between its two colour sequences. */
static void read_line(struct drawing *drawing, const char *line)
{
    static const char begin[] = "\033[30;107m", end[] = "\033[0m";
    int column = 0;
    assert_memory_equal(line, begin, sizeof begin - 1);
    line += sizeof begin - 1;
    while (strncmp(line, end, sizeof end - 1) != 0) {
        bool upper = false, lower = false;
        assert_true(column < SIDE_MAX);
        if (*line != ' ') {
            assert_memory_equal(line, "\xE2\x96", 2);
            upper = line[2] != '\x84';
            lower = line[2] != '\x80';
            line += 2;
        }
        line++;
        drawing->black[drawing->height][column] = upper;
        drawing->black[drawing->height + 1][column++] = lower;
    }
    assert_string_equal(line, "\033[0m\n");
    assert_true(drawing->width == 0 || drawing->width == column);
    drawing->width = column;
    drawing->height += 2;
}

static void draw(const char *text, struct drawing *drawing)
{
    char line[4096];
    FILE *file = tmpfile();
    assert_non_null(file);
    memset(drawing, 0, sizeof *drawing);
    assert_true(kr_qr_print_ticket(file, text));
    rewind(file);
    while (fgets(line, sizeof line, file) != NULL) {
        read_line(drawing, line);
    }
    assert_int_equal(fclose(file), 0);
}

/* Seven by seven: a black ring, a white one, a black square of three; and white around. */
static void assert_finder(const struct drawing *drawing, int row, int column)
{
    for (int i = -1; i <= 7; i++) {
        for (int j = -1; j <= 7; j++) {
            const int a = i < 3 ? 3 - i : i - 3, b = j < 3 ? 3 - j : j - 3, ring = a > b ? a : b;
            assert_int_equal(drawing->black[row + i][column + j], ring == 3 || ring <= 1);
        }
    }
}

static void a_code_has_margin_finders_and_timing(void **state)
{
    static struct drawing drawing;
    (void)state;
    draw("KAIRAN1QYQSZQGPQYQSZQGPQYQSZQGP", &drawing);
    const int side = drawing.width - 8;
    assert_int_equal((side - 17) % 4, 0); /* a version's size */
    assert_true(drawing.height == drawing.width || drawing.height == drawing.width + 1);
    for (int i = 0; i < drawing.width; i++) {
        for (int j = 0; j < 4; j++) {
            assert_false(drawing.black[j][i] || drawing.black[i][j] || drawing.black[i][drawing.width - 1 - j] ||
                         drawing.black[drawing.width - 1 - j][i]);
        }
    }
    assert_finder(&drawing, 4, 4);
    assert_finder(&drawing, 4, 4 + side - 7);
    assert_finder(&drawing, 4 + side - 7, 4);
    for (int i = 8; i < side - 8; i++) { /* the timing patterns between the finders */
        assert_int_equal(drawing.black[4 + 6][4 + i], i % 2 == 0);
        assert_int_equal(drawing.black[4 + i][4 + 6], i % 2 == 0);
    }
}

/* On paper it is the same code in ink: the same lines, and no colours. */
static void on_paper_it_has_no_colours(void **state)
{
    static const char begin[] = "\033[30;107m", end[] = "\033[0m\n";
    char colours[4096], ink[4096];
    FILE *files[2] = {tmpfile(), tmpfile()};
    uint32_t lines = 0;
    (void)state;
    assert_true(files[0] != NULL && files[1] != NULL);
    assert_true(kr_qr_print_ticket(files[0], "kairan1ticket") && kr_qr_draw_ticket(files[1], "kairan1ticket"));
    rewind(files[0]);
    rewind(files[1]);
    while (fgets(colours, sizeof colours, files[0]) != NULL) {
        assert_non_null(fgets(ink, sizeof ink, files[1]));
        const size_t len = strlen(ink) - 1;
        assert_int_equal(strlen(colours), sizeof begin - 1 + len + sizeof end - 1);
        assert_memory_equal(colours + sizeof begin - 1, ink, len);
        lines++;
    }
    assert_null(fgets(ink, sizeof ink, files[1]));
    assert_true(lines > 10);
    assert_int_equal(fclose(files[0]) + fclose(files[1]), 0);
}

static void a_ticket_fits_and_a_book_does_not(void **state)
{
    static struct drawing drawing;
    static char text[5000];
    FILE *file = tmpfile();
    (void)state;
    assert_non_null(file);
    memset(text, 'Q', 400);
    draw(text, &drawing);
    assert_true(drawing.width <= 80); /* a terminal's usual width */
    memset(text, 'Q', sizeof text - 1);
    assert_false(kr_qr_print_ticket(file, text));
    assert_int_equal(fclose(file), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_code_has_margin_finders_and_timing),
        cmocka_unit_test(on_paper_it_has_no_colours),
        cmocka_unit_test(a_ticket_fits_and_a_book_does_not),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

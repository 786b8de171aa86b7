#include "plot.h"

#include <stdarg.h>
#include <stdio.h>

#include "bench.h"

#define WIDTH  420.0
#define HEIGHT 240.0
#define LEFT   56.0
#define TOP    40.0
#define PANEL  (WIDTH + LEFT + 24.0)
#define LEGEND 18.0

struct plot_curve *plot_curve(struct plot_panel *panel, const char *colour, bool is_dashed, const char *fmt, ...)
{
    BENCH_MUST(panel->count < PLOT_CURVES);
    struct plot_curve *curve = &panel->curves[panel->count++];
    va_list args;
    va_start(args, fmt);
    (void)vsnprintf(curve->name, sizeof curve->name, fmt, args);
    va_end(args);
    curve->colour = colour;
    curve->is_dashed = is_dashed;
    return curve;
}

void plot_add(struct plot_curve *curve, uint64_t after_ms)
{
    curve->expected += 1;
    for (uint64_t i = (after_ms > PLOT_MS_MAX ? PLOT_MS_MAX + 1 : after_ms + PLOT_STEP_MS - 1) / PLOT_STEP_MS; i < PLOT_POINTS;
         i++) {
        curve->arrived[i] += after_ms <= PLOT_MS_MAX ? 1 : 0;
    }
}

static double x_of(double left, double ms)
{
    return left + WIDTH * ms / PLOT_MS_MAX;
}

static double y_of(double percent)
{
    return TOP + HEIGHT * (1 - percent / 100);
}

static void write_axes(FILE *file, double left, const char *title)
{
    (void)fprintf(file, "<text x=\"%.0f\" y=\"22\" font-weight=\"bold\">%s</text>\n", left, title);
    for (uint32_t percent = 0; percent <= 100; percent += 25) {
        (void)fprintf(file,
                      "<path d=\"M%.0f %.1fh%.0f\" stroke=\"#ddd\"/><text x=\"%.0f\" y=\"%.1f\" text-anchor=\"end\">%u %%</text>\n",
                      left, y_of(percent), WIDTH, left - 6, y_of(percent) + 4, percent);
    }
    for (uint32_t ms = 0; ms <= PLOT_MS_MAX; ms += PLOT_MS_MAX / 4) {
        (void)fprintf(file, "<text x=\"%.0f\" y=\"%.0f\" text-anchor=\"middle\">%u ms</text>\n", x_of(left, ms), TOP + HEIGHT + 18,
                      ms);
    }
}

static void write_curve(FILE *file, double left, const struct plot_curve *curve, uint32_t row)
{
    const char *dashes = curve->is_dashed ? " stroke-dasharray=\"5 3\"" : "";
    const double at = TOP + HEIGHT + 40 + row * LEGEND;
    (void)fprintf(file, "<path fill=\"none\" stroke=\"%s\" stroke-width=\"1.6\"%s d=\"", curve->colour, dashes);
    for (uint32_t i = 0; i < PLOT_POINTS; i++) {
        double percent = curve->expected > 0 ? 100 * curve->arrived[i] / curve->expected : 0;
        (void)fprintf(file, "%c%.1f %.1f", i == 0 ? 'M' : 'L', x_of(left, i * PLOT_STEP_MS), y_of(percent));
    }
    (void)fprintf(file,
                  "\"/>\n<path stroke=\"%s\" stroke-width=\"1.6\"%s d=\"M%.0f %.0fh28\"/><text x=\"%.0f\" y=\"%.0f\">%s</text>\n",
                  curve->colour, dashes, left, at, left + 36, at + 4, curve->name);
}

bool plot_write(const char *path, const struct plot_panel *panels, uint32_t count)
{
    FILE *file = fopen(path, "we");
    if (file == NULL) {
        return false;
    }
    (void)fprintf(file,
                  "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"%.0f\" height=\"%.0f\" font-family=\"sans-serif\" "
                  "font-size=\"12\">\n<rect width=\"100%%\" height=\"100%%\" fill=\"#fff\"/>\n",
                  PANEL * count + 16, TOP + HEIGHT + 44 + PLOT_CURVES * LEGEND);
    for (uint32_t i = 0; i < count; i++) {
        const double left = LEFT + i * PANEL;
        write_axes(file, left, panels[i].title);
        for (uint32_t j = 0; j < panels[i].count; j++) {
            write_curve(file, left, &panels[i].curves[j], j);
        }
    }
    (void)fprintf(file, "</svg>\n");
    return fclose(file) == 0;
}

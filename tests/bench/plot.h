/* Lines of coverage over time as an SVG that any browser shows. */
#ifndef KR_BENCH_PLOT_H
#define KR_BENCH_PLOT_H

#include <stdbool.h>
#include <stdint.h>

#define PLOT_MS_MAX  400u
#define PLOT_STEP_MS 5u
#define PLOT_POINTS  (PLOT_MS_MAX / PLOT_STEP_MS + 1u)
#define PLOT_CURVES  6u /* at most, of one panel */

struct plot_curve {
    char name[64];
    const char *colour;
    bool is_dashed;
    double arrived[PLOT_POINTS]; /* nodes that had it no later than that, summed over all that is counted */
    double expected;             /* nodes that should have it, likewise */
};
struct plot_panel {
    const char *title;
    struct plot_curve curves[PLOT_CURVES];
    uint32_t count;
};
struct plot_curve *plot_curve(struct plot_panel *panel, const char *colour, bool is_dashed, const char *fmt, ...);
/* One node that should have it and had it after so long; UINT64_MAX: never. */
void plot_add(struct plot_curve *curve, uint64_t after_ms);
/* False where the file cannot be written. */
bool plot_write(const char *path, const struct plot_panel *panels, uint32_t count);

#endif

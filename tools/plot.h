/* Error against yield as a picture (SVG): what a site gives up for fewer wrong texts. */
#ifndef LANEWARD_TOOLS_PLOT_H
#define LANEWARD_TOOLS_PLOT_H

#include "base/err.h"
#include "tools/score.h"

/* Writes the curve with its 95 % band and the reject point to `path`. Sorts score->given. ERR_IO.
 */
enum err plot_write(const char *path, struct score *score, struct fault *why) MUST_USE;

#endif

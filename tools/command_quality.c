/* laneward quality: how well the lane reads, as totals that tell of no vehicle. */
#include <stdio.h>
#include <string.h>

#include "config/config.h"
#include "tools/client.h"
#include "tools/command.h"
#include "tools/plain.h"
#include "tools/sheet.h"

static const char usage[] =
    "usage: laneward quality [--json] [--socket PATH]\n\n"
    "Shows how well each camera's plates are read since the daemon's start: totals alone, no plate "
    "and no picture.\n"
    "For the group of maintenance; needs no reason.\n\n"
    "      --json         one JSON object\n"
    "      --socket PATH  maintenance's socket (default: %s)\n"
    "  -h, --help\n\n"
    "UNREAD: vehicles whose plate was seen and not read. MATCH: texts that a jurisdiction's "
    "pattern knows. AGREE: of\n"
    "the texts that both readers gave, those that were the same. <20 .. 100: passages by their "
    "confidence, in percent.\n\n"
    "Exit status: 0 answered, 1 error, 2 wrong use.\n";

enum { BINS = 10 };

static void print_share(struct sheet *sheet, const json_t *camera, const char *part,
                        const char *whole)
{
    int64_t n = client_number(camera, whole);
    if (n == 0)
        sheet_cell(sheet, "-");
    else
        sheet_cell(sheet, "%.1f %%", 100.0 * (double)client_number(camera, part) / (double)n);
}

static void print_table(const json_t *cameras)
{
    static struct sheet sheet;
    size_t i;
    const json_t *camera;
    sheet_begin(&sheet, "CAMERA|>PASSAGES|>UNREAD|>MATCH|>AGREE|><20|><40|><60|><80|><90|>90..100");
    json_array_foreach(cameras, i, camera)
    {
        static const int ends[] = {2, 4, 6, 8, 9, BINS};
        const json_t *bins = json_object_get(camera, "confidence");
        if (i >= CONFIG_MAX_CAMERAS)
            break;
        sheet_line(&sheet);
        sheet_cell(&sheet, "%s", client_text(camera, "camera_id"));
        sheet_cell(&sheet, "%lld", (long long)client_number(camera, "passages"));
        sheet_cell(&sheet, "%lld", (long long)client_number(camera, "unread"));
        print_share(&sheet, camera, "matched", "read");
        print_share(&sheet, camera, "agreed", "compared");
        for (size_t k = 0, bin = 0; k < sizeof ends / sizeof *ends; k++) {
            int64_t sum = 0;
            for (; bin < (size_t)ends[k]; bin++)
                sum += json_integer_value(json_array_get(bins, bin));
            sheet_cell(&sheet, "%lld", (long long)sum);
        }
    }
    sheet_print(&sheet, stdout);
}

static const char *default_socket(void)
{
    static char path[CONFIG_PATH_SIZE + 32];
    static struct config config;
    config_defaults(&config);
    snprintf(path, sizeof path, "%s/maintenance.sock", config.run_dir);
    return path;
}

static void print_help(const char *socket)
{
    printf(usage, socket);
}

static void print_quality(const json_t *answer)
{
    print_table(json_object_get(answer, "quality"));
}

int command_quality(int argc, char **argv)
{
    const struct plain plain = {"quality", default_socket(), print_help, QUERY_QUALITY,
                                print_quality};
    return plain_run(&plain, argc, argv);
}

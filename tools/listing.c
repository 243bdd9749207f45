/* A table, JSON or CSV of passages. */
#include "tools/listing.h"

#include <stdio.h>
#include <string.h>

#include "tools/client.h"
#include "tools/sheet.h"
#include "tools/when.h"

static double percent(const json_t *group)
{
    return json_number_value(json_object_get(group, "best_confidence"));
}

/* What an officer has to know before trusting the line. */
static void note_text(const json_t *group, char *out, size_t size)
{
    snprintf(out, size, "%s%s%s",
             strcmp(client_text(group, "state"), "lost") != 0 ? "in view " : "",
             client_true(group, "needs_review") ? "check-picture " : "",
             client_true(group, "clock_synchronised") ? "" : "clock-unsure");
}

static void print_table(const json_t *results)
{
    static struct sheet sheet;
    size_t i;
    const json_t *group;
    sheet_begin(&sheet, "SEEN|>FOR|PLATE|>CONF|REGION|LANE|>FRAMES|NOTE|ID");
    json_array_foreach(results, i, group)
    {
        char seen[WHEN_TEXT_SIZE], note[SHEET_CELL_SIZE];
        int64_t start = client_number(group, "epoch_start"),
                end = client_number(group, "epoch_end");
        const char *plate = client_text(group, "best_plate_number");
        when_text(start, seen);
        note_text(group, note, sizeof note);
        sheet_line(&sheet);
        sheet_cell(&sheet, "%s", seen);
        sheet_cell(&sheet, "%.1f s", (double)(end - start) / 1000);
        sheet_cell(&sheet, "%s", plate[0] != '\0' ? plate : "(not read)");
        if (plate[0] != '\0')
            sheet_cell(&sheet, "%.1f %%", percent(group));
        else
            sheet_cell(&sheet, "-");
        sheet_cell(&sheet, "%s", client_text(group, "best_region"));
        sheet_cell(&sheet, "%s", client_text(group, "lane"));
        sheet_cell(&sheet, "%lld", (long long)client_number(group, "frames"));
        sheet_cell(&sheet, "%s", note);
        sheet_cell(&sheet, "%s", client_text(group, "best_uuid"));
    }
    if (json_array_size(results) > 0)
        sheet_print(&sheet, stdout);
}

static void print_json(const json_t *answer)
{
    size_t i;
    json_t *object;
    json_array_foreach(json_object_get(answer, "results"), i, object)
    {
        json_dumpf(object, stdout, JSON_COMPACT | JSON_REAL_PRECISION(9));
        putchar('\n');
    }
    json_array_foreach(json_object_get(answer, "gaps"), i, object)
    {
        json_object_set_new(object, "data_type", json_string("laneward_gap"));
        json_dumpf(object, stdout, JSON_COMPACT);
        putchar('\n');
    }
}

static void print_csv(const json_t *results)
{
    size_t i;
    const json_t *group;
    puts("epoch_start,epoch_end,plate,confidence,region,lane,camera,frames,state,needs_review,"
         "clock_synchronised,uuid");
    json_array_foreach(results, i, group) printf(
        "%lld,%lld,%s,%.2f,%s,%s,%s,%lld,%s,%d,%d,%s\n",
        (long long)client_number(group, "epoch_start"),
        (long long)client_number(group, "epoch_end"), client_text(group, "best_plate_number"),
        percent(group), client_text(group, "best_region"), client_text(group, "lane"),
        client_text(group, "camera_id"), (long long)client_number(group, "frames"),
        client_text(group, "state"), client_true(group, "needs_review"),
        client_true(group, "clock_synchronised"), client_text(group, "best_uuid"));
}

/* What the passages alone do not tell: blind times, a full page. JSON holds the gaps itself. */
static void print_remarks(const json_t *answer, enum listing_form form)
{
    size_t i;
    const json_t *gap;
    FILE *to = form == LISTING_TABLE ? stdout : stderr;
    json_array_foreach(json_object_get(answer, "gaps"), i, gap)
    {
        char from[WHEN_TEXT_SIZE], until[WHEN_TEXT_SIZE];
        when_text(client_number(gap, "from"), from);
        when_text(client_number(gap, "to"), until);
        if (form != LISTING_JSON)
            fprintf(to, "gap: lane %s, %s to %s: %s\n", client_text(gap, "lane"), from, until,
                    client_text(gap, "why"));
    }
    size_t n = json_array_size(json_object_get(answer, "results"));
    if (form == LISTING_TABLE)
        printf("%zu passage%s, binding=%s\n", n, n == 1 ? "" : "s", client_text(answer, "binding"));
    if (client_true(answer, "limit_reached"))
        fprintf(to,
                "There may be more: the answer is limited to %lld. Narrow it with --plate, --lane, "
                "--from or --to.\n",
                (long long)client_number(answer, "limit"));
}

void listing_print(const json_t *answer, enum listing_form form)
{
    const json_t *results = json_object_get(answer, "results");
    if (form == LISTING_JSON)
        print_json(answer);
    else if (form == LISTING_CSV)
        print_csv(results);
    else
        print_table(results);
    print_remarks(answer, form);
}

/* Columns that are as wide as their widest cell, to the left or to the right. */
#include "tools/sheet.h"

#include <assert.h>
#include <stdarg.h>
#include <stdbool.h>
#include <string.h>

void sheet_begin(struct sheet *sheet, const char *headings)
{
    memset(sheet, 0, sizeof *sheet);
    sheet->n_lines = 1;
    while (*headings != '\0') {
        size_t length = strcspn(headings, "|");
        assert(sheet->n_columns < SHEET_MAX_COLUMNS);
        snprintf(sheet->cells[0][sheet->n_columns++], SHEET_CELL_SIZE, "%.*s", (int)length,
                 headings);
        headings += length + (headings[length] == '|');
    }
}

void sheet_line(struct sheet *sheet)
{
    assert(sheet->n_lines < SHEET_MAX_LINES);
    sheet->n_lines++;
    sheet->column = 0;
}

void sheet_cell(struct sheet *sheet, const char *format, ...)
{
    assert(sheet->n_lines > 1 && sheet->column < sheet->n_columns);
    va_list args;
    va_start(args, format);
    vsnprintf(sheet->cells[sheet->n_lines - 1][sheet->column++], SHEET_CELL_SIZE, format, args);
    va_end(args);
}

static bool is_right(const struct sheet *sheet, unsigned column)
{
    return sheet->cells[0][column][0] == '>';
}

static const char *cell(const struct sheet *sheet, unsigned line, unsigned column)
{
    return sheet->cells[line][column] + (line == 0 && is_right(sheet, column));
}

void sheet_print(const struct sheet *sheet, FILE *to)
{
    int width[SHEET_MAX_COLUMNS] = {0};
    for (unsigned i = 0; i < sheet->n_lines; i++)
        for (unsigned k = 0; k < sheet->n_columns; k++)
            if ((int)strlen(cell(sheet, i, k)) > width[k])
                width[k] = (int)strlen(cell(sheet, i, k));
    for (unsigned i = 0; i < sheet->n_lines; i++) {
        for (unsigned k = 0; k < sheet->n_columns; k++) {
            bool is_last = k + 1 == sheet->n_columns;
            const char *text = cell(sheet, i, k);
            if (is_right(sheet, k))
                fprintf(to, "%*s%s", width[k], text, is_last ? "" : "  ");
            else
                fprintf(to, "%-*s%s", is_last ? 0 : width[k], text, is_last ? "" : "  ");
        }
        fputc('\n', to);
    }
}

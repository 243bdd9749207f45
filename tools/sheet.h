/* A table of text in aligned columns, printed when it is complete. */
#ifndef LANEWARD_TOOLS_SHEET_H
#define LANEWARD_TOOLS_SHEET_H

#include <stdio.h>

#include "base/err.h"

enum { SHEET_MAX_COLUMNS = 14, SHEET_MAX_LINES = 64, SHEET_CELL_SIZE = 48 };

struct sheet {
    unsigned n_columns, n_lines, column; /* column: the next cell of the last line */
    char cells[SHEET_MAX_LINES][SHEET_MAX_COLUMNS][SHEET_CELL_SIZE];
};

/* Begins with the headings, separated by '|'. A heading that begins with '>' has its column aligned
 * to the right. */
void sheet_begin(struct sheet *sheet, const char *headings);
void sheet_line(struct sheet *sheet);
void sheet_cell(struct sheet *sheet, const char *format, ...) PRINTF_LIKE(2, 3);
void sheet_print(const struct sheet *sheet, FILE *to);

#endif

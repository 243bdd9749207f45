/* The options that `laneward read` and `laneward bench` share, and the recognition engine they open
 * with them. */
#ifndef LANEWARD_TOOLS_ENGINE_H
#define LANEWARD_TOOLS_ENGINE_H

#include "ocr/ocr.h"

struct engine {
    const char *models;  /* --models DIR; NULL: beside the program */
    const char *regions; /* --regions DIR; NULL: beside the program */
    const char *country; /* --country CC; NULL: all */
    unsigned topn;
    bool plate_only;
    enum ocr_reader reader;
};

/* Opens the engine; what is wrong is told on stderr, after `command`. NULL: it could not be opened.
 */
struct ocr *engine_open(const struct engine *engine, const char *command);

/* Where data lies: PREFIX/share/laneward/NAME of a program PREFIX/bin/laneward. */
void engine_beside(const char *name, char *out, size_t size);

/* --reader network, tesseract or both. False: another word; told on stderr. */
bool engine_reader(const char *command, const char *text, enum ocr_reader *out);

/* A count from an option's argument, low..high. False: it is none; told on stderr. */
bool engine_number(const char *command, const char *option, const char *text, unsigned low,
                   unsigned high, unsigned *out);

#endif

/* The auditor's list of honey plates: whatever it holds, what is taken makes a proper passage. */
#include <assert.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "daemon/honey.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    static struct config config;
    static struct honey honey;
    static struct config_report report;
    struct row row;
    config_defaults(&config);
    config.n_cameras = 1;
    snprintf(config.cameras[0].lane, sizeof config.cameras[0].lane, "north");
    snprintf(config.cameras[0].name, sizeof config.cameras[0].name, "north-1");
    honey_parse((const char *)bytes, size, "fuzz", &config, &honey, &report);
    assert(honey.n <= HONEY_MAX);
    for (uint32_t i = 0; i < honey.n; i++) {
        honey_row(&honey.entry[i], &config, NULL, &row);
        assert(row.first_ms < row.last_ms && row.n_candidates >= 1 &&
               row.n_candidates <= ROW_MAX_CANDIDATES);
        assert(strlen(row.plate) >= 1 && row.confidence < 1);
    }
    return 0;
}

/* Any bytes as a configuration: no crash, and either a sound configuration or complaints that can
 * be shown. */
#include <assert.h>
#include <math.h>
#include <string.h>

#include "config/config.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

static void check_sound(const struct config *config)
{
    assert(config->n_cameras <= CONFIG_MAX_CAMERAS);
    assert(config->topn >= 1 && config->topn <= 10 && config->max_rows >= 1 &&
           config->max_rows <= 50);
    assert(config->detection_threshold >= 0 && config->detection_threshold <= 1);
    assert(config->state_dir[0] == '/' && config->run_dir[0] == '/');
    assert((uint64_t)config->passage_parked_s * 1000 > config->passage_gap_ms);
    for (uint32_t i = 0; i < config->n_cameras; i++) {
        const struct config_camera *camera = &config->cameras[i];
        assert(camera->name[0] != '\0' && camera->lane[0] != '\0');
        assert(memchr(camera->source, '\0', sizeof camera->source) != NULL);
        assert((camera->source[0] == '/') == (camera->kind != CONFIG_MJPEG));
        assert(camera->kind != CONFIG_MJPEG || strchr(camera->source, '@') == NULL);
        assert(isfinite(camera->rate) && camera->rate >= 0 && camera->rate <= 120);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    static struct config_report report;
    static struct config config;
    struct fault why = {0};
    enum err code = config_parse((const char *)bytes, size, "fuzz.conf", &config, &report, &why);
    if (code == ERR_OK) {
        assert(report.n_complaints == 0);
        check_sound(&config);
        return 0;
    }
    assert(code == ERR_INPUT && why.code == code && why.text[0] != '\0' && report.n_complaints > 0);
    for (uint32_t i = 0; i < report.n_complaints && i < CONFIG_MAX_COMPLAINTS; i++) {
        char line[1024];
        int length = config_complaint_text(&report.complaints[i], line, sizeof line);
        assert(length > 0 && (size_t)length < sizeof line && strchr(line, '\n') == NULL);
        assert(report.complaints[i].reason[0] != '\0');
    }
    return 0;
}

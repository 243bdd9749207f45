/* One value's text into its field of the configuration. */
#ifndef LANEWARD_CONFIG_VALUE_H
#define LANEWARD_CONFIG_VALUE_H

#include "base/err.h"
#include "config/option.h"

/* `base` is the struct config or struct config_camera that the row's offset counts from. ERR_INPUT:
 * the reason is in the fault, never with the value in it; nothing is written then. */
enum err value_set(const struct option *option, const char *text, void *base,
                   struct fault *why) MUST_USE;

/* May this text be shown in a complaint? Addresses, and whatever could hold a login, may not. */
bool value_is_public(const char *key, const char *text);

/* [a-z0-9-], begins with a letter or a digit, and fits `room` with its closing zero. */
enum err value_check_name(const char *text, size_t room, struct fault *why) MUST_USE;

#endif

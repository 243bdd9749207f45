/* Checking and converting the values of options; nothing is guessed and nothing is cut. */
#include "config/value.h"

#include <assert.h>
#include <stdint.h>
#include <string.h>

#include "config/config.h"

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static bool is_lower(char c)
{
    return c >= 'a' && c <= 'z';
}

/* Digits, at most nine before and nine behind a point. Not strtod: that one follows the locale, and
 * takes hexadecimal, "inf" and blanks. Returns what stands behind the number, or NULL if there is
 * none. */
static const char *scan_number(const char *text, bool with_point, double *out)
{
    double value = 0, place = 1;
    int before = 0, behind = 0;
    for (; is_digit(*text); text++, before++)
        value = value * 10 + (*text - '0');
    if (before == 0 || before > 9)
        return NULL;
    if (with_point && *text == '.') {
        for (text++; is_digit(*text); text++, behind++)
            value += (*text - '0') * (place /= 10);
        if (behind == 0 || behind > 9)
            return NULL;
    }
    *out = value;
    return text;
}

/* The factor of a unit, to the unit of the row's field; 0: unknown. */
static double unit_factor(enum option_type type, const char *unit)
{
    static const struct {
        enum option_type type;
        const char *unit;
        double factor;
    } units[] = {
        {OPTION_SIZE, "", 1},        {OPTION_SIZE, "K", 1 << 10}, {OPTION_SIZE, "M", 1 << 20},
        {OPTION_SIZE, "G", 1 << 30}, {OPTION_MS, "ms", 1},        {OPTION_MS, "s", 1e3},
        {OPTION_MS, "min", 60e3},    {OPTION_MS, "h", 3600e3},    {OPTION_SECONDS, "s", 1},
        {OPTION_SECONDS, "min", 60}, {OPTION_SECONDS, "h", 3600}, {OPTION_NUMBER, "", 1},
        {OPTION_DECIMAL, "", 1},
    };
    for (size_t i = 0; i < sizeof units / sizeof units[0]; i++)
        if (units[i].type == type && strcmp(units[i].unit, unit) == 0)
            return units[i].factor;
    return 0;
}

static enum err set_number(const struct option *option, const char *text, void *field,
                           struct fault *why)
{
    double value;
    const char *unit = scan_number(text, option->type == OPTION_DECIMAL, &value);
    if (unit == NULL)
        return fault_set(why, ERR_INPUT, "is not a number");
    double factor = unit_factor(option->type, unit);
    if (value == 0 && *unit == '\0' && option->type == OPTION_SECONDS && option->min == 0)
        factor = 1;
    if (factor == 0) {
        bool time = option->type == OPTION_MS || option->type == OPTION_SECONDS;
        if (time)
            return fault_set(why, ERR_INPUT,
                             *unit == '\0' ? "needs a unit: %ss, min or h"
                                           : "has an unknown unit: %ss, min or h",
                             option->type == OPTION_MS ? "ms, " : "");
        return fault_set(why, ERR_INPUT,
                         option->type == OPTION_SIZE
                             ? "has an unknown unit: K, M or G, or none for bytes"
                             : "has something behind the number");
    }
    value *= factor;
    char range[96];
    option_range(option, range, sizeof range);
    if (value < option->min || value > option->max)
        return fault_set(why, ERR_INPUT, "is out of range: %s", range);
    if (option->type == OPTION_DECIMAL)
        *(float *)field = (float)value;
    else
        *(uint32_t *)field = (uint32_t)value;
    return ERR_OK;
}

static enum err set_choice(const struct option *option, const char *text, void *field,
                           struct fault *why)
{
    static const struct {
        enum option_type type;
        const char *word;
        uint32_t value;
    } choices[] = {
        {OPTION_LEVEL, "error", 3},
        {OPTION_LEVEL, "warning", 4},
        {OPTION_LEVEL, "notice", 5},
        {OPTION_LEVEL, "info", 6},
        {OPTION_LEVEL, "debug", 7},
        {OPTION_READER, "network", CONFIG_READER_NETWORK},
        {OPTION_READER, "tesseract", CONFIG_READER_TESSERACT},
        {OPTION_READER, "both", CONFIG_READER_BOTH},
        {OPTION_MODE, "once", CONFIG_DIR_ONCE},
        {OPTION_MODE, "watch", CONFIG_DIR_WATCH},
        {OPTION_FLAG, "0", 0},
        {OPTION_FLAG, "1", 1},
    };
    for (size_t i = 0; i < sizeof choices / sizeof choices[0]; i++) {
        uint32_t value = choices[i].value;
        if (choices[i].type != option->type || strcmp(choices[i].word, text) != 0)
            continue;
        if (option->type == OPTION_FLAG)
            *(bool *)field = value != 0;
        else if (option->type == OPTION_MODE)
            *(enum config_source *)field = (enum config_source)value;
        else
            *(uint32_t *)field = value;
        return ERR_OK;
    }
    char range[96];
    option_range(option, range, sizeof range);
    return fault_set(why, ERR_INPUT, "must be %s", range);
}

/* "7 11". */
static enum err set_pcrs(const char *text, uint32_t *field, struct fault *why)
{
    uint32_t mask = 0;
    while (*text != '\0') {
        double number;
        const char *end = scan_number(text, false, &number);
        if (end == NULL || (*end != '\0' && *end != ' ' && *end != '\t') || number > 23)
            return fault_set(why, ERR_INPUT, "must be numbers of 0 to 23 apart by spaces");
        uint32_t bit = UINT32_C(1) << (unsigned)number;
        if (mask & bit)
            return fault_set(why, ERR_INPUT, "names PCR %u twice", (unsigned)number);
        mask |= bit;
        text = end + strspn(end, " \t");
    }
    *field = mask;
    return ERR_OK;
}

static enum err set_handle(const struct option *option, const char *text, uint32_t *field,
                           struct fault *why)
{
    static const char digits[] = "0123456789abcdef0123456789ABCDEF";
    uint32_t value = 0;
    bool right = strlen(text) == 10 && strncmp(text, "0x", 2) == 0;
    for (const char *c = text + 2; right && *c != '\0'; c++) {
        const char *digit = strchr(digits, *c);
        right = digit != NULL;
        if (right)
            value = value << 4 | (uint32_t)((digit - digits) & 15);
    }
    if (!right || value < option->min || value > option->max)
        return fault_set(why, ERR_INPUT,
                         "is no index of the owner's: 0x01800000 to 0x01bfffff, 8 digits");
    *field = value;
    return ERR_OK;
}

enum err value_check_name(const char *text, size_t room, struct fault *why)
{
    if (strlen(text) >= room)
        return fault_set(why, ERR_INPUT, "is longer than %zu characters", room - 1);
    if (!is_lower(text[0]) && !is_digit(text[0]))
        return fault_set(why, ERR_INPUT, "must begin with one of a-z or 0-9");
    for (; *text != '\0'; text++)
        if (!is_lower(*text) && !is_digit(*text) && *text != '-')
            return fault_set(why, ERR_INPUT, "may hold a-z, 0-9 and - only");
    return ERR_OK;
}

static enum err check_account(const char *text, struct fault *why)
{
    if (!is_lower(text[0]) && text[0] != '_')
        return fault_set(why, ERR_INPUT, "is no account name: it must begin with one of a-z or _");
    for (; *text != '\0'; text++)
        if (!is_lower(*text) && !is_digit(*text) && *text != '-' && *text != '_')
            return fault_set(why, ERR_INPUT, "is no account name: a-z, 0-9, - and _ only");
    return ERR_OK;
}

static enum err check_path(const char *text, struct fault *why)
{
    if (text[0] == '"' || text[0] == '\'')
        return fault_set(why, ERR_INPUT, "is in quotes, which are not taken off");
    if (text[0] != '/')
        return fault_set(why, ERR_INPUT, "is not an absolute path (it must begin with /)");
    if (strstr(text, " #") != NULL || strstr(text, "\t#") != NULL)
        return fault_set(why, ERR_INPUT,
                         "has a # behind a space: a comment behind a value begins with ;");
    return ERR_OK;
}

static enum err check_regions(const char *text, struct fault *why)
{
    enum { LONGEST = 11 }; /* characters of a jurisdiction's name */
    while (*text != '\0') {
        size_t length = strcspn(text, " \t");
        for (size_t i = 0; i < length; i++) {
            bool star = text[i] == '*' && i + 1 == length;
            if (!star && !is_lower(text[i]) && !is_digit(text[i]) && text[i] != '-')
                return fault_set(why, ERR_INPUT,
                                 "has a name with other characters than a-z, 0-9, - "
                                 "and a * at its end (names are apart by spaces)");
        }
        if (length > LONGEST)
            return fault_set(why, ERR_INPUT, "has a name of more than %d characters", LONGEST);
        text += length;
        text += strspn(text, " \t");
    }
    return ERR_OK;
}

/* HOST[:PORT][/path], HOST a name, an IPv4 address, or an IPv6 address in brackets. */
static enum err check_address(const char *text, const char *instead, struct fault *why)
{
    if (strchr(text, '@') != NULL)
        return fault_set(why, ERR_INPUT, "holds a login: %s", instead);
    for (const char *c = text; *c != '\0'; c++)
        if (*c <= ' ' || *c > '~' || *c == '#')
            return fault_set(why, ERR_INPUT,
                             "has a blank, a # or a character beyond ASCII in the address");
    const char *end = text;
    if (*end == '[') {
        end += 1 + strspn(end + 1, "0123456789abcdefABCDEF:.");
        if (*end++ != ']')
            return fault_set(why, ERR_INPUT, "has no ] behind the IPv6 address");
    } else {
        end += strspn(end, "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ.-");
    }
    if (end - text < 1 || end - text > 255 || end - text == (*text == '[' ? 2 : 0))
        return fault_set(why, ERR_INPUT, "has no host behind //");
    if (*end == ':') {
        double port;
        end = scan_number(end + 1, false, &port);
        if (end == NULL || port < 1 || port > 65535)
            return fault_set(why, ERR_INPUT, "has a port that is not 1 to 65535");
    }
    if (*end != '\0' && *end != '/' && *end != '?')
        return fault_set(why, ERR_INPUT, "has a host or port with a character that none has");
    return ERR_OK;
}

static enum err check_https(const char *text, struct fault *why)
{
    if (strncmp(text, "https://", 8) != 0)
        return fault_set(why, ERR_INPUT, "must be https://host[:port]/path: nothing goes in clear");
    return check_address(text + 8, "name a certificate and its key with witness_cert, witness_key",
                         why);
}

/* Kept without "dir:" or "mjpeg:"; the draft sees by the first letter which it was. */
static enum err set_source(const struct option *option, const char *text, char *field,
                           struct fault *why)
{
    bool dir = strncmp(text, "dir:", 4) == 0;
    if (!dir && strncmp(text, "mjpeg:http://", 13) != 0)
        return fault_set(why, ERR_INPUT, "must be dir:/path or mjpeg:http://host[:port]/path");
    enum err failed = dir ? check_path(text + 4, why)
                          : check_address(text + 13,
                                          "write user:password into a file of mode 0600 and name "
                                          "that with credentials_file",
                                          why);
    if (failed)
        return failed;
    const char *rest = dir ? text + 4 : text + 6;
    if (strlen(rest) >= option->room)
        return fault_set(why, ERR_INPUT, "is longer than %zu characters", option->room - 1);
    memcpy(field, rest, strlen(rest) + 1);
    return ERR_OK;
}

static enum err set_text(const struct option *option, const char *text, char *field,
                         struct fault *why)
{
    enum err failed = ERR_OK;
    size_t size = strlen(text) + 1;
    if (size > option->room)
        return fault_set(why, ERR_INPUT, "is longer than %zu characters", option->room - 1);
    if (option->type == OPTION_PATH)
        failed = check_path(text, why);
    else if (option->type == OPTION_NAME)
        failed = value_check_name(text, option->room, why);
    else if (option->type == OPTION_ACCOUNT)
        failed = check_account(text, why);
    else if (option->type == OPTION_REGIONS)
        failed = check_regions(text, why);
    else if (option->type == OPTION_ADDRESS)
        failed = check_https(text, why);
    else if (strpbrk(text, " \t") != NULL)
        failed = fault_set(why, ERR_INPUT, "must be one word");
    if (!failed)
        memcpy(field, text, size);
    return failed;
}

enum err value_set(const struct option *option, const char *text, void *base, struct fault *why)
{
    assert(option->offset < sizeof(struct config));
    char *field = (char *)base + option->offset;
    if (*text == '\0')
        return fault_set(why, ERR_INPUT, "has no value; leave the line out for the default");
    if (option->type == OPTION_SOURCE)
        return set_source(option, text, field, why);
    if (option_is_text(option))
        return set_text(option, text, field, why);
    if (option->type <= OPTION_FLAG)
        return set_choice(option, text, field, why);
    if (option->type == OPTION_PCRS)
        return set_pcrs(text, (uint32_t *)(void *)field, why);
    if (option->type == OPTION_HANDLE)
        return set_handle(option, text, (uint32_t *)(void *)field, why);
    return set_number(option, text, field, why);
}

bool value_is_public(const char *key, const char *text)
{
    static const char *const secret[] = {"pass",  "pw",    "secret", "cred", "token",
                                         "login", "user_", "auth",   "url"};
    if (strchr(text, '@') != NULL || strstr(text, "//") != NULL)
        return false;
    if (strcmp(key, "credentials_file") == 0)
        return text[0] == '/';
    if (strcmp(key, "source") == 0)
        return text[0] == '/' || strncmp(text, "dir:", 4) == 0;
    for (size_t i = 0; i < sizeof secret / sizeof secret[0]; i++)
        if (strstr(key, secret[i]) != NULL)
            return false;
    return true;
}

/* Syntax: the chosen patterns as one distribution over texts, mixed with free text.
 *
 * A pattern has each of its texts with probability 1 / count. Regions are as likely as
 * their vehicles are many, a region's patterns as their weights. Free text (personal plates,
 * serials that no file knows) is a chain of letters and digits that tends to stay with one kind,
 * each letter with 1 / 26 and each digit with 1 / 10. Against texts drawn from all 36 characters
 * alike the odds of a text of n characters are
 *
 *     ((1 - PATTERN_SHARE) * 36^n * P(free) + PATTERN_SHARE * 36^n * sum of share / count) ^ TRUST
 *
 * TRUST is below 1, because the network has seen real plates and knows a part of it already. It and
 * PATTERN_SHARE are chosen on the validation split of the training crops, the chain is counted on
 * the training split (docs/recognition.md). */
#include "ocr/syntax.h"

#include <dirent.h>
#include <errno.h>
#include <fnmatch.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ocr/file.h"

static const double PATTERN_SHARE = 0.9, TRUST = 0.5;

/* Free text begins with a letter, stays with letters, stays with digits. */
static const double FREE_LETTER_FIRST = 0.6, FREE_LETTER_AGAIN = 0.75, FREE_DIGIT_AGAIN = 0.8;

enum {
    ALPHABET = 36,
    DIGITS = 10,
    ZERO = 1,
    LETTER_O = 25,
    SYNTAX_FILE_BYTES = 1024 * 1024,
    CHOICE_SIZE = 64
};

/* A pattern ready for judging. */
struct rule {
    uint64_t allow[READING_MAX_CHARS];
    double odds; /* of each of its texts against free text */
    uint16_t region;
};

struct syntax {
    struct pattern_list list;
    struct rule *rules;                  /* by length */
    size_t first[READING_MAX_CHARS + 2]; /* rules[first[n] .. first[n + 1]] have n places */
};

/* Is the region named by the choice? A plain name takes in its parts: "us" takes "us-ny". */
static bool is_chosen(const char *choice, const char *region)
{
    size_t n = strlen(choice);
    return fnmatch(choice, region, 0) == 0 || (strncmp(choice, region, n) == 0 && region[n] == '-');
}

/* Marks the regions that the choices name. */
static enum err choose(const struct pattern_list *list, const char *chosen, bool *in,
                       struct fault *why)
{
    bool all = chosen == NULL || chosen[strspn(chosen, " ,\t")] == 0;
    for (size_t i = 0; i < list->n_regions; i++)
        in[i] = all;
    for (const char *at = all ? "" : chosen; *(at += strspn(at, " ,\t")) != 0;) {
        char choice[CHOICE_SIZE];
        size_t n = strcspn(at, " ,\t");
        if (n >= sizeof choice)
            return fault_set(why, ERR_INPUT, "regions: '%.40s...' is no region's name", at);
        memcpy(choice, at, n);
        choice[n] = 0;
        at += n;
        bool found = false;
        for (size_t i = 0; i < list->n_regions; i++)
            if (is_chosen(choice, list->regions[i].name))
                in[i] = found = true;
        if (!found)
            return fault_set(why, ERR_INPUT, "regions: no pattern file has a region '%s'", choice);
    }
    return ERR_OK;
}

/* Each chosen pattern as a rule, sorted by length; weights become shares of the whole. */
static void lay_out(struct syntax *syntax, const bool *in, const double *weights, double vehicles)
{
    const struct pattern_list *list = &syntax->list;
    size_t n = 0;
    for (uint8_t length = 0; length <= READING_MAX_CHARS; length++) {
        syntax->first[length] = n;
        for (size_t i = 0; i < list->n_patterns; i++) {
            const struct pattern *pattern = &list->patterns[i];
            double count = pattern_count(list, pattern);
            if (pattern->n != length || !in[pattern->region] || count < 1)
                continue;
            struct rule *rule = &syntax->rules[n++];
            double share = pattern->weight / weights[pattern->region] *
                           list->regions[pattern->region].vehicles / vehicles;
            rule->odds = share * pow(ALPHABET, length) / count;
            rule->region = pattern->region;
            for (size_t k = 0; k < length; k++)
                rule->allow[k] = pattern_allowed(list, pattern, k);
        }
    }
    syntax->first[READING_MAX_CHARS + 1] = n;
}

enum err syntax_of(struct syntax **out, struct pattern_list *list, const char *chosen,
                   struct fault *why)
{
    bool in[PATTERN_MAX_REGIONS];
    double weights[PATTERN_MAX_REGIONS] = {0};
    double vehicles = 0;
    enum err err = choose(list, chosen, in, why);
    if (err)
        return err;
    struct syntax *syntax = calloc(1, sizeof *syntax);
    struct rule *rules = calloc(list->n_patterns + 1, sizeof *rules);
    if (syntax == NULL || rules == NULL) {
        free(syntax);
        free(rules);
        return fault_set(why, ERR_MEMORY, "no memory for %zu patterns", list->n_patterns);
    }
    syntax->rules = rules;
    for (size_t i = 0; i < list->n_patterns; i++)
        weights[list->patterns[i].region] += list->patterns[i].weight;
    for (size_t i = 0; i < list->n_regions; i++)
        vehicles += in[i] && weights[i] > 0 ? list->regions[i].vehicles : 0;
    syntax->list = *list;
    *list = (struct pattern_list){0};
    lay_out(syntax, in, weights, vehicles);
    *out = syntax;
    return ERR_OK;
}

static int is_conf(const struct dirent *entry)
{
    size_t n = strlen(entry->d_name);
    return entry->d_name[0] != '.' && n > 5 && strcmp(entry->d_name + n - 5, ".conf") == 0;
}

static enum err read_pattern_file(const char *dir, const char *name, struct pattern_list *list,
                                  struct fault *why)
{
    char path[512];
    struct file file;
    int n = snprintf(path, sizeof path, "%s/%s", dir, name);
    if (n < 0 || (size_t)n >= sizeof path)
        return fault_set(why, ERR_INPUT, "%s: too long a path", dir);
    enum err err = file_read(path, SYNTAX_FILE_BYTES, &file, why);
    if (err)
        return err;
    err = pattern_parse((const char *)file.bytes, file.size, path, list, why);
    file_release(&file);
    return err;
}

enum err syntax_open(struct syntax **out, const char *dir, const char *chosen, struct fault *why)
{
    struct pattern_list list = {0};
    struct dirent **entries = NULL;
    enum err err = ERR_OK;
    int n = dir ? scandir(dir, &entries, is_conf, alphasort) : 0;
    if (n < 0)
        return fault_errno(why, ERR_IO, errno, "%s", dir);
    for (int i = 0; i < n; i++) {
        if (!err)
            err = read_pattern_file(dir, entries[i]->d_name, &list, why);
        free(entries[i]);
    }
    free(entries);
    if (!err)
        err = syntax_of(out, &list, chosen, why);
    pattern_list_release(&list);
    return err;
}

void syntax_close(struct syntax **syntax)
{
    struct syntax *gone = *syntax;
    *syntax = NULL;
    if (gone == NULL)
        return;
    pattern_list_release(&gone->list);
    free(gone->rules);
    free(gone);
}

static bool rule_fits(const struct rule *rule, const uint8_t *code, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (!(rule->allow[i] >> (code[i] - 1) & 1))
            return false;
    return true;
}

/* Of a text as free text, against all 36 characters alike. The round sign of a word is written
 * either way on personal plates: there it is left to the reader. */
static double free_odds(const uint8_t *code, size_t n)
{
    double odds = 1, letter = FREE_LETTER_FIRST; /* the chance of a letter here */
    for (size_t i = 0; i < n; i++) {
        bool is_letter = code[i] > DIGITS;
        double as_letter = letter * ALPHABET / (ALPHABET - DIGITS),
               as_digit = (1 - letter) * ALPHABET / DIGITS;
        if (letter > 0.5 && (code[i] == ZERO || code[i] == LETTER_O)) {
            odds *= (as_letter + as_digit) / 2;
            continue;
        }
        odds *= is_letter ? as_letter : as_digit;
        letter = is_letter ? FREE_LETTER_AGAIN : 1 - FREE_DIGIT_AGAIN;
    }
    return odds;
}

struct syntax_fit syntax_judge(const struct syntax *syntax, const uint8_t *code, size_t n)
{
    struct syntax_fit fit = {0};
    double sum = 0;
    for (size_t i = syntax->first[n]; i < syntax->first[n + 1]; i++)
        if (rule_fits(&syntax->rules[i], code, n))
            sum += syntax->rules[i].odds;
    fit.matches = sum > 0;
    double share = syntax->first[READING_MAX_CHARS + 1] > 0 ? PATTERN_SHARE : 0;
    fit.odds = pow((1 - share) * free_odds(code, n) + share * sum, TRUST);
    return fit;
}

/* A region with the most of `odds`, alone (`parts`) or with all of its country; *most is how much.
 */
static size_t heaviest(const struct syntax *syntax, const double *odds, bool parts, double *most)
{
    const struct pattern_region *regions = syntax->list.regions;
    size_t best = 0;
    *most = 0;
    for (size_t i = 0; i < syntax->list.n_regions; i++) {
        size_t stem = strcspn(regions[i].name, "-");
        double sum = parts ? odds[i] : 0;
        for (size_t k = 0; k < syntax->list.n_regions && !parts && odds[i] > 0; k++)
            if (strcspn(regions[k].name, "-") == stem &&
                memcmp(regions[k].name, regions[i].name, stem) == 0)
                sum += odds[k];
        if (sum > *most) {
            *most = sum;
            best = i;
        }
    }
    return best;
}

struct syntax_origin syntax_origin_of(const struct syntax *syntax, const uint8_t *code, size_t n)
{
    struct syntax_origin origin = {.region = ""};
    double odds[PATTERN_MAX_REGIONS] = {0}, sum = 0, most = 0;
    for (size_t i = syntax->first[n]; i < syntax->first[n + 1]; i++) {
        if (!rule_fits(&syntax->rules[i], code, n))
            continue;
        odds[syntax->rules[i].region] += syntax->rules[i].odds;
        sum += syntax->rules[i].odds;
    }
    bool whole = true;
    size_t best = heaviest(syntax, odds, true, &most);
    if (most < sum / 2) {
        whole = false;
        best = heaviest(syntax, odds, false, &most);
    }
    if (sum <= 0 || most < sum / 2)
        return origin;
    const char *name = syntax->list.regions[best].name;
    memcpy(origin.region, name, whole ? strlen(name) : strcspn(name, "-"));
    origin.share = (float)(most / sum);
    return origin;
}

/* The keys in a TPM: a real swtpm as this host's, a second one as another host's. */
#include "storage/tpm.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "fixture.h"
#include "memory.h"
#include "steps.h"
#include "storage/counter.h"
#include "storage/legacy.h"
#include "storage/oldkey.h"
#include "storage/ring.h"
#include "swtpm.h"
#include "world.h"

static struct swtpm here, elsewhere;

static int setup(void **state)
{
    (void)world_setup(state);
    struct world *w = *state;
    swtpm_new(&here, w->root, "here");
    w->options.tpm = here.tcti;
    world_open(w);
    return 0;
}

static int teardown(void **state)
{
    struct world *w = *state;
    keyring_close(&w->ring);
    swtpm_off(&here);
    swtpm_off(&elsewhere);
    return world_teardown(state);
}

static void the_tpm_gives_the_same_keys_after_a_restart(void **state)
{
    struct world *w = *state;
    struct keyring_state first = keyring_state(w->ring);
    assert_int_equal(first.binding, BINDING_TPM);
    assert_string_equal(binding_name(first.binding), "tpm");
    assert_int_equal(first.pcr_mask, TPM_DEFAULT_PCRS);
    assert_int_equal(first.is_new, 1);
    assert_null(keyring_key(w->ring, KEYRING_SIGN, 0));
    world_make_all(w);
    struct shot made = world_shoot(w->ring);
    keyring_close(&w->ring);
    swtpm_off(&here);
    swtpm_on(&here);
    world_open(w);
    world_assert(w->ring, &made);
    struct keyring_state again = keyring_state(w->ring);
    assert_int_equal(again.is_new, 0);
    assert_int_equal(again.epoch, first.epoch);
    assert_memory_equal(again.host, first.host, sizeof again.host);
    assert_memory_equal(again.public_point, first.public_point, sizeof again.public_point);
}

static void the_tpm_signs_with_a_key_that_stays_in_it(void **state)
{
    struct world *w = *state;
    struct signature signature;
    struct signature_key *key = NULL;
    world_make_all(w);
    for (uint8_t i = 0; i < 6; i++) {
        uint8_t message[3] = {'a', 'b', i};
        world_must(w, keyring_sign(w->ring, message, sizeof message, &signature, &w->why));
        struct keyring_state now = keyring_state(w->ring);
        world_must(w, signature_key_from_point(&key, now.public_point, &w->why));
        assert_true(signature_holds(key, message, sizeof message, &signature));
        message[2] ^= 1;
        assert_false(signature_holds(key, message, sizeof message, &signature));
        signature_key_free(&key);
        if (i == 3) {
            uint32_t n;
            world_must(w, keyring_forget(w->ring, world_two_days, &n, &w->why));
        }
    }
}

static void no_file_of_a_tpm_folder_holds_a_key(void **state)
{
    struct world *w = *state;
    struct stat status;
    world_make_all(w);
    for (uint32_t i = 0; i < N_DAYS; i++)
        assert_false(fixture_folder_holds(w->dir, keyring_key(w->ring, KEYRING_HIT, DAY + i),
                                          KEYRING_KEY_SIZE));
    assert_false(fixture_folder_holds(w->dir, w->ring->now.wrap, EPOCH_KEY_SIZE));
    assert_int_equal(access(world_path(w, "host.key"), F_OK), -1);
    assert_int_equal(stat(world_path(w, "tpm.blob"), &status), 0);
    assert_int_equal(status.st_mode & 07777, 0600);
}

static void another_tpm_does_not_open_a_copy(void **state)
{
    struct world *w = *state;
    world_make_all(w);
    struct shot made = world_shoot(w->ring);
    keyring_close(&w->ring);
    swtpm_new(&elsewhere, w->root, "elsewhere");
    char copy[160], own[160];
    (void)snprintf(copy, sizeof copy, "%s/copy", w->root);
    (void)snprintf(own, sizeof own, "%s/own", w->root);
    fixture_copy_folder(w->dir, copy);
    w->options.dir = copy;
    w->options.tpm = elsewhere.tcti;
    world_refuses(w, ERR_IDENTITY, "another TPM");
    w->options.machine_id = w->other_id;
    world_refuses(w, ERR_IDENTITY, "another machine-id");
    /* Nor one that has a store, and its counter, of its own. */
    assert_int_equal(mkdir(own, 0700), 0);
    w->options.machine_id = w->machine_id;
    w->options.dir = own;
    world_reopen(w);
    keyring_close(&w->ring);
    w->options.dir = copy;
    world_refuses(w, ERR_IDENTITY, "another TPM");
    w->options.tpm = here.tcti;
    world_open(w);
    world_assert(w->ring, &made);
}

static void a_changed_boot_state_says_what_to_do(void **state)
{
    struct world *w = *state;
    keyring_close(&w->ring);
    swtpm_extend(&here, 8); /* of no concern */
    world_reopen(w);
    keyring_close(&w->ring);
    swtpm_extend(&here, 7);
    world_refuses(w, ERR_IDENTITY, "PCR 7");
    assert_non_null(strstr(w->why.text, "undo the change"));
    swtpm_off(&here);
    swtpm_on(&here); /* the change is undone */
    world_reopen(w);
}

static void the_pcrs_and_the_counter_are_those_of_the_options(void **state)
{
    struct world *w = *state;
    char dir[160];
    (void)snprintf(dir, sizeof dir, "%s/pcr-state", w->root);
    assert_int_equal(mkdir(dir, 0700), 0);
    keyring_close(&w->ring);
    w->options.dir = dir;
    w->options.pcr_mask = 1U << 7 | 1U << 11 | 1U << 23;
    world_refuses(w, ERR_IDENTITY, "another store's");
    assert_non_null(strstr(w->why.text, "tpm_nv_index"));
    w->options.nv_index = BINDING_DEFAULT_NV + 1;
    world_reopen(w);
    struct keyring_state state_now = keyring_state(w->ring);
    assert_int_equal(state_now.pcr_mask, w->options.pcr_mask);
    assert_int_equal(state_now.first_epoch, state_now.epoch);
    w->options.pcr_mask = 0; /* both matter when a folder is enrolled, and not afterwards */
    w->options.nv_index = 0;
    world_reopen(w);
    assert_int_equal(keyring_state(w->ring).pcr_mask, 1U << 7 | 1U << 11 | 1U << 23);
    keyring_close(&w->ring);
    swtpm_extend(&here, 11);
    world_refuses(w, ERR_IDENTITY, "PCR 7+11+23");
    w->options.dir = w->dir;
    world_open(w); /* the first store lives beside it */
}

static void an_enrolled_folder_never_falls_back(void **state)
{
    struct world *w = *state;
    keyring_close(&w->ring);
    swtpm_off(&here);
    world_refuses(w, ERR_IO, "no TPM answers");
    assert_non_null(strstr(w->why.text, "bound to this host's TPM"));
    w->options.tpm = "auto"; /* /dev/tpmrm0 is missing, or another TPM */
    struct keyring *ring = NULL;
    assert_int_not_equal(keyring_open(&ring, &w->options, &w->why), ERR_OK);
    assert_null(ring);
    w->options.tpm = "none";
    world_refuses(w, ERR_IDENTITY, "bound to a TPM");
    assert_int_equal(access(world_path(w, "host.key"), F_OK), -1);
}

/* The counter of a store that opens here no more may not be left to the next one. */
static void a_counter_that_is_gone_is_told(void **state)
{
    struct world *w = *state;
    world_make_all(w);
    keyring_close(&w->ring);
    swtpm_talk(&here);
    ESYS_TR index;
    assert_int_equal(Esys_TR_FromTPMPublic(here.esys, BINDING_DEFAULT_NV, ESYS_TR_NONE,
                                           ESYS_TR_NONE, ESYS_TR_NONE, &index),
                     TSS2_RC_SUCCESS);
    assert_int_equal(Esys_NV_UndefineSpace(here.esys, ESYS_TR_RH_OWNER, index, ESYS_TR_PASSWORD,
                                           ESYS_TR_NONE, ESYS_TR_NONE),
                     TSS2_RC_SUCCESS);
    swtpm_hang_up(&here);
    world_refuses(w, ERR_IDENTITY, "the counter was removed");
    /* Defined again as it was, with the right value, it stands higher than before. */
    struct tpm *tpm = NULL;
    struct counter counter = {.index = BINDING_DEFAULT_NV};
    struct binding binding;
    bool is_there;
    uint64_t value = 0;
    world_must(w, binding_read(&binding, &w->options, &is_there, &w->why));
    world_must(w, binding_derive(&binding, NULL, "laneward counter auth 2", counter.auth, &w->why));
    world_must(w, tpm_open(&tpm, here.tcti, &w->why));
    world_must(w, counter_define(tpm, &counter, &value, &w->why));
    tpm_close(&tpm);
    assert_true(value > 1);
    world_refuses(w, ERR_IDENTITY, "older than its TPM");
    /* So does that of a store that begins anew. */
    char dir[160];
    (void)snprintf(dir, sizeof dir, "%s/anew", w->root);
    assert_int_equal(mkdir(dir, 0700), 0);
    w->options.dir = dir;
    w->options.nv_index = BINDING_DEFAULT_NV + 1;
    world_open(w);
    assert_true(keyring_state(w->ring).epoch > 1);
    assert_int_equal(keyring_state(w->ring).first_epoch, keyring_state(w->ring).epoch);
}

/* Another program's object, guessed at until the TPM refuses all that counts guesses. */
static void lock_out(struct swtpm *chip)
{
    swtpm_talk(chip);
    TPM2B_SENSITIVE_CREATE inside = {
        .sensitive = {.userAuth = {.size = 2, .buffer = {7, 7}}, .data = {.size = 4}}};
    const TPM2B_PUBLIC template = {
        .publicArea = {.type = TPM2_ALG_KEYEDHASH,
                       .nameAlg = TPM2_ALG_SHA256,
                       .objectAttributes = TPMA_OBJECT_FIXEDTPM | TPMA_OBJECT_FIXEDPARENT |
                                           TPMA_OBJECT_USERWITHAUTH,
                       .parameters.keyedHashDetail.scheme.scheme = TPM2_ALG_NULL}};
    const TPM2B_PUBLIC parent = {
        .publicArea = {.type = TPM2_ALG_ECC,
                       .nameAlg = TPM2_ALG_SHA256,
                       .objectAttributes = TPMA_OBJECT_RESTRICTED | TPMA_OBJECT_DECRYPT |
                                           TPMA_OBJECT_FIXEDTPM | TPMA_OBJECT_FIXEDPARENT |
                                           TPMA_OBJECT_SENSITIVEDATAORIGIN |
                                           TPMA_OBJECT_USERWITHAUTH,
                       .parameters.eccDetail = {.symmetric = {.algorithm = TPM2_ALG_AES,
                                                              .keyBits = {.aes = 128},
                                                              .mode = {.aes = TPM2_ALG_CFB}},
                                                .scheme = {.scheme = TPM2_ALG_NULL},
                                                .curveID = TPM2_ECC_NIST_P256,
                                                .kdf = {.scheme = TPM2_ALG_NULL}}}};
    const TPM2B_SENSITIVE_CREATE nothing = {0};
    const TPM2B_DATA outside = {0};
    const TPML_PCR_SELECTION none = {0};
    ESYS_TR root, object;
    TPM2B_PRIVATE *private = NULL;
    TPM2B_PUBLIC *public = NULL;
    assert_int_equal(Esys_CreatePrimary(chip->esys, ESYS_TR_RH_OWNER, ESYS_TR_PASSWORD,
                                        ESYS_TR_NONE, ESYS_TR_NONE, &nothing, &parent, &outside,
                                        &none, &root, NULL, NULL, NULL, NULL),
                     TSS2_RC_SUCCESS);
    assert_int_equal(Esys_Create(chip->esys, root, ESYS_TR_PASSWORD, ESYS_TR_NONE, ESYS_TR_NONE,
                                 &inside, &template, &outside, &none, &private, &public, NULL, NULL,
                                 NULL),
                     TSS2_RC_SUCCESS);
    assert_int_equal(Esys_Load(chip->esys, root, ESYS_TR_PASSWORD, ESYS_TR_NONE, ESYS_TR_NONE,
                               private, public, &object),
                     TSS2_RC_SUCCESS);
    TSS2_RC status = TSS2_RC_SUCCESS;
    for (int i = 0; i < 100 && status != TPM2_RC_LOCKOUT; i++) {
        TPM2B_SENSITIVE_DATA *data = NULL;
        status =
            Esys_Unseal(chip->esys, object, ESYS_TR_PASSWORD, ESYS_TR_NONE, ESYS_TR_NONE, &data);
        assert_int_not_equal(status, TSS2_RC_SUCCESS);
    }
    assert_int_equal(status, TPM2_RC_LOCKOUT);
    Esys_Free(private);
    Esys_Free(public);
    (void)Esys_FlushContext(chip->esys, object);
    (void)Esys_FlushContext(chip->esys, root);
    swtpm_hang_up(chip);
}

static void a_tpm_that_others_have_locked_still_serves(void **state)
{
    struct world *w = *state;
    struct signature signature;
    uint32_t n;
    world_make_all(w);
    struct shot kept = world_without_two_days(world_shoot(w->ring));
    keyring_close(&w->ring);
    lock_out(&here);
    world_open(w);
    world_must(w, keyring_forget(w->ring, world_two_days, &n, &w->why));
    world_must(w, keyring_sign(w->ring, "a head", 6, &signature, &w->why));
    world_reopen(w);
    world_assert(w->ring, &kept);
}

static void wrong_guesses_do_not_lock_the_tpm(void **state)
{
    struct world *w = *state;
    struct tpm *tpm = NULL;
    struct counter counter = {.index = BINDING_DEFAULT_NV + 5, .auth = {4}}, wrong = counter;
    struct tpm_terms terms = {.pcr_mask = TPM_DEFAULT_PCRS, .auth = {1}}, guess = terms;
    struct tpm_blob blob;
    uint8_t secret[TPM_SECRET_SIZE] = {2}, out[TPM_SECRET_SIZE] = {0};
    uint64_t value;
    keyring_close(&w->ring);
    world_must(w, tpm_open(&tpm, here.tcti, &w->why));
    world_must(w, counter_define(tpm, &counter, &value, &w->why));
    world_must(w, tpm_seal(tpm, &terms, secret, &blob, &w->why));
    guess.auth[0] = 3;
    wrong.auth[0] = 5;
    for (int i = 0; i < 12; i++) { /* swtpm locks after three that count */
        assert_int_equal(tpm_unseal(tpm, &guess, &blob, out, &w->why), ERR_IDENTITY);
        assert_int_equal(counter_read(tpm, &wrong, &value, &w->why), ERR_IDENTITY);
    }
    assert_int_equal(out[0], 0);
    world_must(w, tpm_unseal(tpm, &terms, &blob, out, &w->why));
    assert_memory_equal(out, secret, sizeof secret);
    tpm_close(&tpm);
    assert_int_equal(swtpm_property(&here, TPM2_PT_LOCKOUT_COUNTER), 0);
}

static void a_secret_comes_back_at_its_count_alone(void **state)
{
    struct world *w = *state;
    struct tpm *tpm = NULL;
    struct counter counter = {.index = BINDING_DEFAULT_NV + 5, .auth = {4}};
    uint64_t value;
    uint8_t secret[TPM_SECRET_SIZE] = {2}, out[TPM_SECRET_SIZE] = {0};
    keyring_close(&w->ring);
    world_must(w, tpm_open(&tpm, here.tcti, &w->why));
    world_must(w, counter_define(tpm, &counter, &value, &w->why));
    struct tpm_terms now = {.pcr_mask = 1 << 7, .nv_index = counter.index, .count = value};
    memcpy(now.counter_auth, counter.auth, sizeof counter.auth);
    struct tpm_terms next = now;
    next.count++;
    struct tpm_blob blob, next_blob;
    world_must(w, tpm_seal(tpm, &now, secret, &blob, &w->why));
    world_must(w, tpm_seal(tpm, &next, secret, &next_blob, &w->why));
    world_must(w, tpm_unseal(tpm, &now, &blob, out, &w->why));
    assert_int_equal(tpm_unseal(tpm, &next, &next_blob, out, &w->why), ERR_IDENTITY);
    world_must(w, counter_step(tpm, &counter, value, &w->why));
    world_must(w, counter_step(tpm, &counter, value, &w->why)); /* it is there already */
    assert_int_equal(counter_step(tpm, &counter, value + 5, &w->why), ERR_IDENTITY);
    memset(out, 0, sizeof out);
    assert_int_equal(tpm_unseal(tpm, &now, &blob, out, &w->why), ERR_IDENTITY);
    assert_int_equal(tpm_unseal(tpm, &next, &blob, out, &w->why), ERR_IDENTITY);
    assert_int_equal(out[0], 0);
    world_must(w, tpm_unseal(tpm, &next, &next_blob, out, &w->why));
    assert_memory_equal(out, secret, sizeof secret);
    for (unsigned i = 0; i < next_blob.size; i += 23) {
        next_blob.bytes[i] ^= 0x40;
        assert_int_not_equal(tpm_unseal(tpm, &next, &next_blob, out, &w->why), ERR_OK);
        next_blob.bytes[i] ^= 0x40;
    }
    next_blob.size--;
    assert_int_equal(tpm_unseal(tpm, &next, &next_blob, out, &w->why), ERR_CORRUPT);
    tpm_close(&tpm);
}

static void a_suspension_lasts_for_one_change(void **state)
{
    struct world *w = *state;
    world_make_all(w);
    struct shot made = world_shoot(w->ring);
    uint64_t epoch = keyring_state(w->ring).epoch;
    char copy[160];
    (void)snprintf(copy, sizeof copy, "%s/copy", w->root);
    world_must(w, keyring_suspend(w->ring, &w->why));
    assert_int_equal(keyring_state(w->ring).is_suspended, 1);
    assert_int_equal(keyring_state(w->ring).epoch, epoch + 1);
    world_assert(w->ring, &made);
    keyring_close(&w->ring);
    fixture_copy_folder(w->dir, copy);
    swtpm_extend(&here, 7);
    world_open(w);
    struct keyring_state now = keyring_state(w->ring);
    assert_int_equal(now.was_resealed, 1);
    assert_int_equal(now.is_suspended, 0);
    assert_int_equal(now.pcr_mask, TPM_DEFAULT_PCRS);
    assert_int_equal(now.epoch, epoch + 2);
    assert_int_equal(now.first_epoch, epoch);
    world_assert(w->ring, &made);
    world_reopen(w);
    assert_int_equal(keyring_state(w->ring).was_resealed, 0);
    keyring_close(&w->ring);
    w->options.dir = copy; /* the file without PCRs is worth nothing now */
    world_refuses(w, ERR_IDENTITY, "older than its TPM");
    w->options.dir = w->dir;
    swtpm_extend(&here, 7);
    world_refuses(w, ERR_IDENTITY, "PCR 7");
}

static void a_store_of_the_first_format_keeps_its_key_until_it_is_moved(void **state)
{
    struct world *w = *state;
    struct binding old;
    struct tpm_terms terms;
    struct tpm_blob blob;
    struct tpm *tpm = NULL;
    bool is_there;
    uint8_t key[BINDING_KEY_SIZE], secret[TPM_SECRET_SIZE] = {9};
    char dir[160], kept[320];
    keyring_close(&w->ring);
    (void)snprintf(dir, sizeof dir, "%s/old", w->root);
    (void)snprintf(kept, sizeof kept, "%s/blob", w->root);
    assert_int_equal(mkdir(dir, 0700), 0);
    w->options.dir = dir;
    w->options.nv_index = BINDING_DEFAULT_NV + 1;
    world_must(w, binding_read(&old, &w->options, &is_there, &w->why));
    world_must(w, binding_draw(&old, BINDING_TPM, TPM_DEFAULT_PCRS, &w->why));
    world_must(w, oldkey_terms(&old, &terms, &w->why));
    world_must(w, tpm_open(&tpm, here.tcti, &w->why));
    world_must(w, tpm_seal(tpm, &terms, secret, &blob, &w->why));
    old.file.sealed_size = blob.size;
    memcpy(old.file.sealed, blob.bytes, blob.size);
    world_must(w, binding_write(&old, dir, false, &w->why));
    world_must(w, oldkey_make(&old, tpm, key, &w->why));
    tpm_close(&tpm);
    world_write(world_path(w, "laneward.db"), "rows");

    world_reopen(w);
    assert_memory_equal(legacy_key(w->ring), key, sizeof key);
    world_make_all(w);
    struct shot made = world_shoot(w->ring);
    world_reopen(w); /* the move was cut short */
    assert_memory_equal(legacy_key(w->ring), key, sizeof key);
    assert_true(fixture_folder_holds(dir, blob.bytes, blob.size));
    assert_int_equal(unlink(world_path(w, "laneward.db")), 0);
    world_must(w, legacy_end(w->ring, &w->why));
    assert_null(legacy_key(w->ring));
    assert_false(fixture_folder_holds(dir, blob.bytes, blob.size));
    world_reopen(w);
    assert_null(legacy_key(w->ring));
    world_assert(w->ring, &made);
}

/* A child begins a new folder, and ends at its n-th step; false: it came through. */
static bool enrol_in_child(struct world *w, uint32_t nth)
{
    int status;
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        struct keyring *ring = NULL;
        steps_begin(STEPS_KILL, nth, w->trash);
        _exit(keyring_open(&ring, &w->options, &w->why) == ERR_OK ? 0 : 1);
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFEXITED(status));
    if (WEXITSTATUS(status) != 0 && WEXITSTATUS(status) != STEPS_STATUS)
        fail_msg("the child ended with %d", WEXITSTATUS(status));
    return WEXITSTATUS(status) == STEPS_STATUS;
}

static void an_enrolment_that_ends_anywhere_is_gone_on_with(void **state)
{
    struct world *w = *state;
    keyring_close(&w->ring);
    char dir[160];
    bool goes_on = true;
    uint32_t n = 0;
    for (uint32_t nth = 1; goes_on; nth++) {
        (void)snprintf(dir, sizeof dir, "%s/enrol-%u", w->root, (unsigned)nth);
        assert_int_equal(mkdir(dir, 0700), 0);
        w->options.dir = dir;
        w->options.nv_index = BINDING_DEFAULT_NV + 1 + nth;
        goes_on = enrol_in_child(w, nth);
        n += goes_on;
        world_open(w);
        world_make_all(w);
        struct shot made = world_shoot(w->ring);
        world_reopen(w);
        world_assert(w->ring, &made);
        keyring_close(&w->ring);
    }
    print_message("%u enrolments cut short\n", n);
    assert_true(n >= 10);
}

static void nothing_is_left_in_the_tpm(void **state)
{
    struct world *w = *state;
    struct signature signature;
    uint32_t n, first_kept[KEYRING_PERIODIC] = {0};
    for (uint32_t i = 0; i < 6; i++) {
        world_must(w, keyring_make(w->ring, KEYRING_HIT, DAY + i, 1, &w->why));
        first_kept[KEYRING_HIT] = DAY + i;
        world_must(w, keyring_forget(w->ring, first_kept, &n, &w->why));
        world_must(w, keyring_sign(w->ring, "a head", 6, &signature, &w->why));
        world_reopen(w);
    }
    keyring_close(&w->ring);
    swtpm_extend(&here, 7);
    for (int i = 0; i < 6; i++)
        world_refuses(w, ERR_IDENTITY, "PCR 7");
    swtpm_talk(&here);
    static const uint32_t kinds[] = {TPM2_TRANSIENT_FIRST, TPM2_LOADED_SESSION_FIRST};
    for (int i = 0; i < 2; i++) {
        TPMI_YES_NO more;
        TPMS_CAPABILITY_DATA *data = NULL;
        assert_int_equal(Esys_GetCapability(here.esys, ESYS_TR_NONE, ESYS_TR_NONE, ESYS_TR_NONE,
                                            TPM2_CAP_HANDLES, kinds[i], 8, &more, &data),
                         TSS2_RC_SUCCESS);
        assert_int_equal(data->data.handles.count, 0);
        Esys_Free(data);
    }
    swtpm_hang_up(&here);
}

static void mask(const uint8_t *key, uint8_t out[MEMORY_WORD])
{
    for (int i = 0; i < MEMORY_WORD; i++)
        out[i] = key[i] ^ MEMORY_MASK;
}

static uint8_t last_secret[MEMORY_WORD]; /* masked */
enum err __real_tpm_unseal(struct tpm *tpm, const struct tpm_terms *terms,
                           const struct tpm_blob *blob, uint8_t *secret, struct fault *why);
enum err __wrap_tpm_unseal(struct tpm *tpm, const struct tpm_terms *terms,
                           const struct tpm_blob *blob, uint8_t *secret, struct fault *why);

enum err __wrap_tpm_unseal(struct tpm *tpm, const struct tpm_terms *terms,
                           const struct tpm_blob *blob, uint8_t *secret, struct fault *why)
{
    enum err result = __real_tpm_unseal(tpm, terms, blob, secret, why);
    if (result == ERR_OK)
        mask(secret, last_secret);
    return result;
}

static void nothing_of_a_key_stays_in_memory(void **state)
{
    struct world *w = *state;
    uint8_t gone[MEMORY_WORD], live[MEMORY_WORD], wrap[MEMORY_WORD];
    uint32_t n;
    world_make_all(w);
    world_reopen(w);
    mask(keyring_key(w->ring, KEYRING_HIT, DAY), gone);
    mask(keyring_key(w->ring, KEYRING_HIT, DAY + 3), live);
    mask(w->ring->now.wrap, wrap);
    assert_int_equal(memory_count(live), 1);
    assert_int_equal(memory_count(gone), 1);
    assert_int_equal(memory_count(wrap), 1);
    assert_int_equal(memory_count(last_secret), 0);
    world_must(w, keyring_forget(w->ring, world_two_days, &n, &w->why));
    assert_int_equal(memory_count(gone), 0);
    assert_int_equal(memory_count(wrap), 0); /* and what the old file is wrapped with */
    mask(w->ring->now.wrap, wrap);
    keyring_close(&w->ring);
    assert_int_equal(memory_count(live), 0);
    assert_int_equal(memory_count(wrap), 0);
    assert_int_equal(memory_count(last_secret), 0);
}

static double now_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec * 1e3 + (double)now.tv_nsec / 1e6;
}

static void the_cost_is_measured(void **state)
{
    enum { ROUNDS = 8 };
    struct world *w = *state;
    struct signature signature;
    double opening = 0, forgetting = 0, signing = 0;
    uint32_t n, first_kept[KEYRING_PERIODIC] = {0};
    for (uint32_t i = 0; i < ROUNDS; i++) {
        world_must(w, keyring_make(w->ring, KEYRING_HIT, DAY + i, 1, &w->why));
        keyring_close(&w->ring);
        double begin = now_ms();
        world_open(w);
        opening += now_ms() - begin;
        first_kept[KEYRING_HIT] = DAY + i + 1;
        begin = now_ms();
        world_must(w, keyring_forget(w->ring, first_kept, &n, &w->why));
        forgetting += now_ms() - begin;
        begin = now_ms();
        world_must(w, keyring_sign(w->ring, "a head", 6, &signature, &w->why));
        signing += now_ms() - begin;
    }
    print_message("with swtpm, mean of %d: open %.1f ms, forget %.1f ms, sign %.1f ms\n", ROUNDS,
                  opening / ROUNDS, forgetting / ROUNDS, signing / ROUNDS);
    assert_true(opening / ROUNDS < 1000);
}

int main(void)
{
    if (!swtpm_is_installed()) {
        puts("skipped: swtpm is not installed");
        return 77;
    }
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        T(the_tpm_gives_the_same_keys_after_a_restart),
        T(the_tpm_signs_with_a_key_that_stays_in_it),
        T(no_file_of_a_tpm_folder_holds_a_key),
        T(another_tpm_does_not_open_a_copy),
        T(a_changed_boot_state_says_what_to_do),
        T(the_pcrs_and_the_counter_are_those_of_the_options),
        T(an_enrolled_folder_never_falls_back),
        T(a_counter_that_is_gone_is_told),
        T(a_tpm_that_others_have_locked_still_serves),
        T(wrong_guesses_do_not_lock_the_tpm),
        T(a_secret_comes_back_at_its_count_alone),
        T(a_suspension_lasts_for_one_change),
        T(a_store_of_the_first_format_keeps_its_key_until_it_is_moved),
        T(an_enrolment_that_ends_anywhere_is_gone_on_with),
        T(nothing_is_left_in_the_tpm),
        T(nothing_of_a_key_stays_in_memory),
        T(the_cost_is_measured),
    };
    return cmocka_run_group_tests_name("tpm", tests, NULL, NULL);
}

/* Turns ONNX operations into convolutions that take their ReLU and their sum along. */
#include "ocr/plan.h"

#include <string.h>

/* Names of values; several name the same when operations were joined. */
struct naming {
    const struct onnx *onnx;
    struct {
        struct onnx_text name;
        uint32_t value;
    } known[ONNX_MAX_NODES + 1];
    uint32_t n_known;
    struct plan *plan;
};

static enum err refuse(const struct onnx_node *node, const char *what, struct fault *why)
{
    return fault_set(why, ERR_INPUT, "%.*s: %s", (int)(node->op.size < 40 ? node->op.size : 40),
                     node->op.at, what);
}

static bool value_of(const struct naming *naming, struct onnx_text name, uint32_t *value)
{
    for (uint32_t i = 0; i < naming->n_known; i++)
        if (onnx_same(naming->known[i].name, name)) {
            *value = naming->known[i].value;
            return true;
        }
    return false;
}

static void name_value(struct naming *naming, struct onnx_text name, uint32_t value)
{
    naming->known[naming->n_known].name = name;
    naming->known[naming->n_known++].value = value;
}

/* Who else needs it as it is now? */
static bool is_used_once(const struct naming *naming, struct onnx_text name)
{
    const struct onnx *onnx = naming->onnx;
    unsigned uses = onnx_same(onnx->output, name);
    for (uint32_t i = 0; i < onnx->n_nodes; i++)
        for (uint32_t j = 0; j < onnx->node[i].n_inputs; j++)
            uses += onnx_same(onnx->node[i].input[j], name);
    return uses == 1;
}

/* A pair of an attribute, `usual` where the node has none. */
static bool read_pair(const struct onnx_list *list, uint32_t least, uint32_t most, uint32_t usual,
                      uint32_t out[2])
{
    for (uint32_t i = 0; i < 2; i++) {
        int64_t value = list->n == 0 ? (int64_t)usual : list->at[i];
        if ((list->n != 0 && list->n != 2) || value < least || value > most)
            return false;
        out[i] = (uint32_t)value;
    }
    return true;
}

/* y and x before, then y and x after. */
static bool read_pads(const struct onnx_list *list, struct plan_step *step)
{
    for (uint32_t i = 0; i < 4; i++) {
        int64_t value = list->n == 0 ? 0 : list->at[i];
        if ((list->n != 0 && list->n != 4) || value < 0 || value > PLAN_MAX_PAD)
            return false;
        *(i < 2 ? &step->pad_before[i] : &step->pad_after[i - 2]) = (uint32_t)value;
    }
    return true;
}

static bool read_weights(const struct onnx *onnx, const struct onnx_node *node,
                         struct plan_step *step)
{
    const struct onnx_tensor *weights = onnx_find(onnx, node->input[1]), *bias = NULL;
    if (weights == NULL || weights->type != ONNX_FLOAT || weights->n_dims != 4 ||
        weights->dims[0] > PLAN_MAX_CHANNELS || weights->dims[1] > PLAN_MAX_CHANNELS)
        return false;
    for (int i = 0; i < 2; i++) {
        if (weights->dims[2 + i] > PLAN_MAX_KERNEL)
            return false;
        step->kernel[i] = (uint32_t)weights->dims[2 + i];
    }
    step->n_out = (uint32_t)weights->dims[step->transposed ? 1 : 0];
    step->n_in = (uint32_t)weights->dims[step->transposed ? 0 : 1];
    if (node->n_inputs == 3) {
        bias = onnx_find(onnx, node->input[2]);
        if (bias == NULL || bias->type != ONNX_FLOAT || bias->n_values != step->n_out)
            return false;
    }
    step->weights = weights;
    step->bias = bias;
    return true;
}

static bool read_form(const struct onnx_node *node, struct plan_step *step)
{
    uint32_t kernel[2];
    bool is_plain = node->group.n == 0 || (node->group.n == 1 && node->group.at[0] == 1);
    if (!is_plain || !read_pair(&node->strides, 1, PLAN_MAX_KERNEL, 1, step->stride) ||
        !read_pair(&node->dilations, 1, PLAN_MAX_KERNEL, 1, step->dilation) ||
        !read_pads(&node->pads, step))
        return false;
    for (int i = 0; i < 2; i++) {
        if (!read_pair(&node->kernel, 1, PLAN_MAX_KERNEL, step->kernel[i], kernel) ||
            kernel[i] != step->kernel[i])
            return false;
        if (step->transposed && (step->stride[i] != step->kernel[i] || step->dilation[i] != 1 ||
                                 step->pad_before[i] != 0 || step->pad_after[i] != 0))
            return false;
    }
    return true;
}

static uint32_t channels_of(const struct plan *plan, uint32_t value)
{
    return value == 0 ? plan->n_in : plan->step[value - 1].n_out;
}

static enum err add_convolution(struct naming *naming, const struct onnx_node *node,
                                struct fault *why)
{
    struct plan *plan = naming->plan;
    struct plan_step step = {.transposed = onnx_is(node->op, "ConvTranspose")};
    if (plan->n_steps == PLAN_MAX_STEPS)
        return refuse(node, "too many", why);
    if (node->n_inputs < 2 || !value_of(naming, node->input[0], &step.from) ||
        !read_weights(naming->onnx, node, &step))
        return refuse(node, "needs an input, weights and perhaps a bias", why);
    if (!read_form(node, &step))
        return refuse(node, "of a form that is not known here", why);
    if (plan->n_steps == 0)
        plan->n_in = step.n_in;
    if (channels_of(plan, step.from) != step.n_in)
        return refuse(node, "weights for another number of channels", why);
    plan->step[plan->n_steps++] = step;
    name_value(naming, node->output, plan->n_steps);
    return ERR_OK;
}

static enum err join_relu(struct naming *naming, const struct onnx_node *node, struct fault *why)
{
    uint32_t value;
    if (node->n_inputs != 1 || !value_of(naming, node->input[0], &value) || value == 0 ||
        !is_used_once(naming, node->input[0]))
        return refuse(node, "not behind a convolution of its own", why);
    struct plan_step *step = &naming->plan->step[value - 1];
    *(step->sum == 0 ? &step->relu_before_sum : &step->relu_after_sum) = true;
    name_value(naming, node->output, value);
    return ERR_OK;
}

/* The later of both takes the earlier along. */
static enum err join_sum(struct naming *naming, const struct onnx_node *node, struct fault *why)
{
    uint32_t value[2];
    if (node->n_inputs != 2 || !value_of(naming, node->input[0], &value[0]) ||
        !value_of(naming, node->input[1], &value[1]) || value[0] == value[1])
        return refuse(node, "not of two results", why);
    int late = value[1] > value[0];
    uint32_t other = value[!late];
    struct plan_step *step = &naming->plan->step[value[late] - 1];
    if (other == 0 || step->sum != 0 || !is_used_once(naming, node->input[late]) ||
        channels_of(naming->plan, other) != step->n_out)
        return refuse(node, "cannot be joined to a convolution", why);
    step->sum = other;
    name_value(naming, node->output, value[late]);
    return ERR_OK;
}

/* A number that is taken from the input, or that it is multiplied with. */
static enum err join_constant(struct naming *naming, const struct onnx_node *node,
                              struct fault *why)
{
    struct plan *plan = naming->plan;
    const struct onnx_tensor *constant =
        node->n_inputs == 2 ? onnx_find(naming->onnx, node->input[1]) : NULL;
    uint32_t value;
    if (constant == NULL || constant->type != ONNX_FLOAT || constant->n_values != 1 ||
        !value_of(naming, node->input[0], &value) || value != 0 ||
        !is_used_once(naming, node->input[0]))
        return refuse(node, "not of the input and a number", why);
    float number = onnx_float(constant, 0);
    if (onnx_is(node->op, "Sub")) {
        plan->shift -= number;
    } else {
        plan->scale *= number;
        plan->shift *= number;
    }
    name_value(naming, node->output, 0);
    return ERR_OK;
}

static enum err join_transpose(struct naming *naming, const struct onnx_node *node,
                               struct fault *why)
{
    static const int64_t wanted[] = {0, 2, 3, 1};
    uint32_t value;
    if (node->n_inputs != 1 || !value_of(naming, node->input[0], &value) || value == 0 ||
        value != naming->plan->n_steps || !is_used_once(naming, node->input[0]) ||
        node->perm.n != 4 || memcmp(node->perm.at, wanted, sizeof wanted) != 0)
        return refuse(node, "not of the last result, or in another order than 0 2 3 1", why);
    naming->plan->channels_last = true;
    name_value(naming, node->output, value);
    return ERR_OK;
}

static enum err join_reshape(struct naming *naming, const struct onnx_node *node, struct fault *why)
{
    uint32_t value;
    const struct onnx_tensor *shape =
        node->n_inputs == 2 ? onnx_find(naming->onnx, node->input[1]) : NULL;
    if (shape == NULL || shape->type != ONNX_INT64 || shape->n_dims != 1 ||
        shape->n_values > ONNX_MAX_DIMS || !value_of(naming, node->input[0], &value) ||
        value == 0 || value != naming->plan->n_steps || !is_used_once(naming, node->input[0]))
        return refuse(node, "not of the last result to a fixed shape", why);
    uint32_t *dims = naming->plan->dims;
    for (size_t i = 0; i < ONNX_MAX_DIMS; i++)
        dims[i] = 1;
    for (size_t i = 0; i < shape->n_values; i++) {
        int64_t number;
        memcpy(&number, shape->bytes + i * sizeof number, sizeof number);
        if (number < 1 || number > INT16_MAX)
            return refuse(node, "to a size that is not known here", why);
        dims[ONNX_MAX_DIMS - shape->n_values + i] = (uint32_t)number;
    }
    name_value(naming, node->output, value);
    return ERR_OK;
}

static enum err add_node(struct naming *naming, const struct onnx_node *node, struct fault *why)
{
    static const struct {
        const char *op;
        enum err (*add)(struct naming *, const struct onnx_node *, struct fault *);
        bool is_end; /* it can only be followed by such as itself */
    } known[] = {{"Conv", add_convolution, false},    {"ConvTranspose", add_convolution, false},
                 {"Relu", join_relu, false},          {"Add", join_sum, false},
                 {"Sub", join_constant, false},       {"Mul", join_constant, false},
                 {"Transpose", join_transpose, true}, {"Reshape", join_reshape, true}};
    bool is_ending = naming->plan->channels_last || naming->plan->dims[0] != 0;
    for (size_t i = 0; i < sizeof known / sizeof *known; i++)
        if (onnx_is(node->op, known[i].op))
            return is_ending && !known[i].is_end ? refuse(node, "behind the network's end", why)
                                                 : known[i].add(naming, node, why);
    return refuse(node, "an operation that is not known here", why);
}

enum err plan_make(const struct onnx *onnx, struct plan *out, struct fault *why)
{
    struct plan plan = {.scale = 1};
    struct naming naming = {.onnx = onnx, .plan = &plan};
    uint32_t value;
    name_value(&naming, onnx->input, 0);
    for (uint32_t i = 0; i < onnx->n_nodes; i++) {
        enum err err = add_node(&naming, &onnx->node[i], why);
        if (err)
            return err;
    }
    if (!value_of(&naming, onnx->output, &value) || value == 0 || value != plan.n_steps)
        return fault_set(why, ERR_INPUT, "the last result is not the network's output");
    *out = plan;
    return ERR_OK;
}

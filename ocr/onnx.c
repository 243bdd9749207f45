/* Reads ONNX, which is a protocol buffer: numbered fields, each a number or a length and bytes.
 *
 * The numbers are those of onnx.proto. What could change a result and is not known is refused. */
#include "ocr/onnx.h"

#include <string.h>

/* Bytes that are yet to be read. */
struct rest {
    const uint8_t *at, *end;
};

/* One field: `number` for varints, `body` for what has a length. */
struct field {
    uint32_t id;
    enum { VARINT = 0, FIXED64 = 1, BYTES = 2, FIXED32 = 5 } wire;
    uint64_t number;
    struct rest body;
};

typedef enum err (*take_field)(const struct field *field, void *into, struct fault *why);

static enum err broken(struct fault *why)
{
    return fault_set(why, ERR_INPUT, "no ONNX file, or one that is cut short");
}

static bool take_varint(struct rest *rest, uint64_t *out)
{
    uint64_t value = 0;
    for (unsigned shift = 0; shift < 64 && rest->at < rest->end; shift += 7) {
        uint8_t byte = *rest->at++;
        value |= (uint64_t)(byte & 0x7f) << shift;
        if (byte < 0x80) {
            *out = value;
            return true;
        }
    }
    return false;
}

static bool take(struct rest *rest, struct field *out)
{
    uint64_t key, size;
    if (!take_varint(rest, &key) || key >> 3 == 0 || key >> 3 > UINT32_MAX)
        return false;
    *out = (struct field){.id = (uint32_t)(key >> 3)};
    switch (key & 7) {
    case VARINT:
        return take_varint(rest, &out->number);
    case FIXED64:
        out->wire = FIXED64;
        size = 8;
        break;
    case FIXED32:
        out->wire = FIXED32;
        size = 4;
        break;
    case BYTES:
        out->wire = BYTES;
        if (!take_varint(rest, &size))
            return false;
        break;
    default:
        return false;
    }
    if (size > (size_t)(rest->end - rest->at))
        return false;
    out->body = (struct rest){rest->at, rest->at + size};
    rest->at += size;
    return true;
}

static enum err each_field(struct rest rest, take_field taker, void *into, struct fault *why)
{
    while (rest.at < rest.end) {
        struct field field;
        if (!take(&rest, &field))
            return broken(why);
        enum err err = taker(&field, into, why);
        if (err)
            return err;
    }
    return ERR_OK;
}

static struct onnx_text text_of(const struct field *field)
{
    return (struct onnx_text){(const char *)field->body.at,
                              (size_t)(field->body.end - field->body.at)};
}

/* A repeated number: one, or several packed into bytes. */
static enum err take_numbers(const struct field *field, int64_t *to, uint32_t most, uint32_t *n,
                             struct fault *why)
{
    struct rest rest = field->body;
    if (field->wire == VARINT) {
        if (*n >= most)
            return fault_set(why, ERR_INPUT, "a list of more than %u numbers", most);
        to[(*n)++] = (int64_t)field->number;
        return ERR_OK;
    }
    if (field->wire != BYTES)
        return broken(why);
    while (rest.at < rest.end) {
        uint64_t value;
        if (!take_varint(&rest, &value))
            return broken(why);
        if (*n >= most)
            return fault_set(why, ERR_INPUT, "a list of more than %u numbers", most);
        to[(*n)++] = (int64_t)value;
    }
    return ERR_OK;
}

/* TensorProto */
static enum err take_tensor_field(const struct field *field, void *into, struct fault *why)
{
    struct onnx_tensor *tensor = into;
    switch (field->id) {
    case 1:
        return take_numbers(field, tensor->dims, ONNX_MAX_DIMS, &tensor->n_dims, why);
    case 2:
        if (field->wire != VARINT || (field->number != ONNX_FLOAT && field->number != ONNX_INT64))
            return fault_set(why, ERR_INPUT, "a tensor that is neither float nor int64");
        tensor->type = (enum onnx_type)field->number;
        return ERR_OK;
    case 8:
        if (field->wire != BYTES)
            return broken(why);
        tensor->name = text_of(field);
        return ERR_OK;
    case 9:
        if (field->wire != BYTES)
            return broken(why);
        tensor->bytes = field->body.at;
        tensor->n_values = (size_t)(field->body.end - field->body.at); /* bytes as yet */
        return ERR_OK;
    case 12: /* a sentence about it */
        return ERR_OK;
    default:
        return fault_set(why, ERR_INPUT, "a tensor whose numbers are not raw bytes");
    }
}

static enum err take_tensor(struct rest body, struct onnx_tensor *tensor, struct fault *why)
{
    *tensor = (struct onnx_tensor){0};
    enum err err = each_field(body, take_tensor_field, tensor, why);
    if (err)
        return err;
    size_t size = tensor->type == ONNX_INT64 ? sizeof(int64_t) : sizeof(float), values = 1;
    for (uint32_t i = 0; i < tensor->n_dims; i++) {
        if (tensor->dims[i] < 1 || tensor->dims[i] > INT32_MAX / (int64_t)values)
            return fault_set(why, ERR_INPUT, "a tensor of impossible size");
        values *= (size_t)tensor->dims[i];
    }
    if (tensor->type == 0 || tensor->bytes == NULL || tensor->n_values != values * size)
        return fault_set(why, ERR_INPUT, "a tensor with too few or too many numbers");
    tensor->n_values = values;
    return ERR_OK;
}

/* AttributeProto */
struct attribute {
    struct onnx_text name;
    struct onnx_list numbers;
    struct rest tensor;
};

static enum err take_attribute_field(const struct field *field, void *into, struct fault *why)
{
    struct attribute *attribute = into;
    switch (field->id) {
    case 1:
        attribute->name = text_of(field);
        return field->wire == BYTES ? ERR_OK : broken(why);
    case 3: /* one number */
    case 8: /* several */
        return take_numbers(field, attribute->numbers.at, 2 * ONNX_MAX_DIMS, &attribute->numbers.n,
                            why);
    case 5:
        attribute->tensor = field->body;
        return field->wire == BYTES ? ERR_OK : broken(why);
    case 13: /* a sentence about it */
    case 20: /* its type, which the fields tell too */
        return ERR_OK;
    default:
        return fault_set(why, ERR_INPUT, "an attribute of a kind that is not known here");
    }
}

/* A node, and what a Constant holds. */
struct node_and_value {
    struct onnx_node node;
    struct rest value;
};

static enum err take_attribute(struct rest body, struct node_and_value *into, struct fault *why)
{
    struct attribute got = {0};
    enum err err = each_field(body, take_attribute_field, &got, why);
    if (err)
        return err;
    const struct {
        const char *name;
        struct onnx_list *list;
    } lists[] = {{"kernel_shape", &into->node.kernel}, {"strides", &into->node.strides},
                 {"dilations", &into->node.dilations}, {"pads", &into->node.pads},
                 {"perm", &into->node.perm},           {"group", &into->node.group}};
    for (size_t i = 0; i < sizeof lists / sizeof *lists; i++)
        if (onnx_is(got.name, lists[i].name)) {
            *lists[i].list = got.numbers;
            return ERR_OK;
        }
    if (!onnx_is(got.name, "value") || got.tensor.at == NULL)
        return fault_set(why, ERR_INPUT, "an attribute that is not known here");
    into->value = got.tensor;
    return ERR_OK;
}

static enum err take_node_field(const struct field *field, void *into, struct fault *why)
{
    struct node_and_value *got = into;
    struct onnx_node *node = &got->node;
    if (field->wire != BYTES)
        return broken(why);
    switch (field->id) {
    case 1:
        if (node->n_inputs == ONNX_MAX_INPUTS)
            return fault_set(why, ERR_INPUT, "an operation with too many inputs");
        node->input[node->n_inputs++] = text_of(field);
        return ERR_OK;
    case 2:
        if (node->output.at != NULL)
            return fault_set(why, ERR_INPUT, "an operation with several outputs");
        node->output = text_of(field);
        return ERR_OK;
    case 3: /* its name */
    case 6: /* a sentence about it */
        return ERR_OK;
    case 4:
        node->op = text_of(field);
        return ERR_OK;
    case 5:
        return take_attribute(field->body, got, why);
    default:
        return fault_set(why, ERR_INPUT, "an operation that is not one of ONNX's own");
    }
}

static enum err add_tensor(struct onnx *onnx, struct rest body, const struct onnx_text *name,
                           struct fault *why)
{
    if (onnx->n_tensors == ONNX_MAX_TENSORS)
        return fault_set(why, ERR_INPUT, "more than %d tensors", ONNX_MAX_TENSORS);
    struct onnx_tensor *tensor = &onnx->tensor[onnx->n_tensors];
    enum err err = take_tensor(body, tensor, why);
    if (err)
        return err;
    if (name != NULL)
        tensor->name = *name;
    onnx->n_tensors++;
    return ERR_OK;
}

static enum err add_node(struct onnx *onnx, struct rest body, struct fault *why)
{
    struct node_and_value got = {0};
    enum err err = each_field(body, take_node_field, &got, why);
    if (err)
        return err;
    if (onnx_is(got.node.op, "Constant")) {
        if (got.value.at == NULL)
            return fault_set(why, ERR_INPUT, "a Constant that is no tensor");
        return add_tensor(onnx, got.value, &got.node.output, why);
    }
    if (onnx->n_nodes == ONNX_MAX_NODES)
        return fault_set(why, ERR_INPUT, "more than %d operations", ONNX_MAX_NODES);
    onnx->node[onnx->n_nodes++] = got.node;
    return ERR_OK;
}

/* ValueInfoProto: the name alone; shapes follow from the input that is given. */
static enum err take_name_field(const struct field *field, void *into, struct fault *why)
{
    if (field->id != 1)
        return ERR_OK;
    *(struct onnx_text *)into = text_of(field);
    return field->wire == BYTES ? ERR_OK : broken(why);
}

static enum err take_the_one(struct rest body, struct onnx_text *to, struct fault *why)
{
    if (to->at != NULL)
        return fault_set(why, ERR_INPUT, "more than one input or output");
    return each_field(body, take_name_field, to, why);
}

/* GraphProto */
static enum err take_graph_field(const struct field *field, void *into, struct fault *why)
{
    struct onnx *onnx = into;
    if (field->wire != BYTES)
        return broken(why);
    switch (field->id) {
    case 1:
        return add_node(onnx, field->body, why);
    case 5:
        return add_tensor(onnx, field->body, NULL, why);
    case 11:
        return take_the_one(field->body, &onnx->input, why);
    case 12:
        return take_the_one(field->body, &onnx->output, why);
    case 2:  /* its name */
    case 10: /* a sentence about it */
    case 13: /* shapes between */
        return ERR_OK;
    default:
        return fault_set(why, ERR_INPUT, "a graph with what is not known here");
    }
}

/* ModelProto: the graph; the rest says who wrote it, and which version, in which the operations
 * that are known here do not differ. */
static enum err take_model_field(const struct field *field, void *into, struct fault *why)
{
    if (field->id != 7)
        return ERR_OK;
    return field->wire == BYTES ? each_field(field->body, take_graph_field, into, why)
                                : broken(why);
}

enum err onnx_parse(const uint8_t *bytes, size_t size, struct onnx *out, struct fault *why)
{
    *out = (struct onnx){0};
    enum err err = each_field((struct rest){bytes, bytes + size}, take_model_field, out, why);
    if (!err && (out->n_nodes == 0 || out->input.at == NULL || out->output.at == NULL))
        err = broken(why);
    return err;
}

bool onnx_same(struct onnx_text a, struct onnx_text b)
{
    return a.size == b.size && a.size > 0 && memcmp(a.at, b.at, a.size) == 0;
}

bool onnx_is(struct onnx_text text, const char *word)
{
    return onnx_same(text, (struct onnx_text){word, strlen(word)});
}

const struct onnx_tensor *onnx_find(const struct onnx *onnx, struct onnx_text name)
{
    for (uint32_t i = 0; i < onnx->n_tensors; i++)
        if (onnx_same(onnx->tensor[i].name, name))
            return &onnx->tensor[i];
    return NULL;
}

float onnx_float(const struct onnx_tensor *tensor, size_t i)
{
    float value;
    memcpy(&value, tensor->bytes + i * sizeof value, sizeof value);
    return value;
}

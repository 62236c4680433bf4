// Attributes and post operations, and the arithmetic of windows.
#include "internal.hpp"

namespace hd {

Attributes::Attributes(int post, const hd_layout *addend) {
    status = dnnl_primitive_attr_create(&attr);
    if (status == dnnl_success) status = dnnl_primitive_attr_set_scratchpad_mode(attr, dnnl_scratchpad_mode_user);
    if (status != dnnl_success || (post == HD_POST_NONE && !addend)) return;
    dnnl_post_ops_t operations = nullptr;
    status = dnnl_post_ops_create(&operations);
#if DNNL_VERSION_MAJOR >= 3
    if (status == dnnl_success && (post & HD_POST_SUM))
        status = dnnl_post_ops_append_sum(operations, 1.0f, 0, dnnl_data_type_undef);
    if (status == dnnl_success && addend) status = dnnl_post_ops_append_binary(operations, dnnl_binary_add, addend->desc());
    if (status == dnnl_success && (post & HD_POST_RELU))
        status = dnnl_post_ops_append_eltwise(operations, dnnl_eltwise_relu, 0.0f, 0.0f);
#else
    if (status == dnnl_success && (post & HD_POST_SUM)) status = dnnl_post_ops_append_sum(operations, 1.0f);
    if (status == dnnl_success && addend) status = dnnl_post_ops_append_binary(operations, dnnl_binary_add, addend->desc());
    if (status == dnnl_success && (post & HD_POST_RELU))
        status = dnnl_post_ops_append_eltwise(operations, 1.0f, dnnl_eltwise_relu, 0.0f, 0.0f);
#endif
    if (status == dnnl_success) status = dnnl_primitive_attr_set_post_ops(attr, operations);
    if (operations) dnnl_post_ops_destroy(operations);
}

Attributes::~Attributes() {
    if (attr) dnnl_primitive_attr_destroy(attr);
}

int64_t windowCount(int64_t extent, int64_t window, int64_t dilation, int64_t stride, int64_t low, int64_t high) {
    const int64_t room = extent + low + high - ((window - 1) * dilation + 1);
    return room < 0 ? 0 : room / stride + 1;
}

}  // namespace hd

// oneDNN's functions, found in its library when the first of them is called.
//
// The library is 40 MB with 36,000 addresses to relocate: loading it takes longer than all else that a small program does. So nothing
// is linked; each function is an object of the function's own name in this namespace, and calls read as if it were linked.
#pragma once
#include <oneapi/dnnl/dnnl.h>

namespace hd {

/// The address of a symbol of oneDNN's library; loads the library on first use. NULL if it is missing.
void *symbol(const char *name);
/// Why oneDNN's library could not be loaded; NULL if it could, or if nobody has tried yet.
const char *libraryFailure();

template <typename Type> class Function;

/// A function of the library. Without the library it returns what says so: `dnnl_runtime_error`, or a null pointer, or 0.
template <typename Result, typename... Arguments> class Function<Result(Arguments...)> {
public:
    constexpr explicit Function(const char *name) : name(name) {}

    Result operator()(Arguments... arguments) {
        Result (*function)(Arguments...) = __atomic_load_n(&address, __ATOMIC_ACQUIRE);
        if (__builtin_expect(!function, 0)) {
            function = reinterpret_cast<Result (*)(Arguments...)>(symbol(name));
            if (!function) return missing(static_cast<Result *>(nullptr));
            __atomic_store_n(&address, function, __ATOMIC_RELEASE);
        }
        return function(arguments...);
    }

private:
    const char *name;
    Result (*address)(Arguments...) = nullptr;

    static dnnl_status_t missing(dnnl_status_t *) { return dnnl_runtime_error; }
    template <typename Other> static Other missing(Other *) { return Other(); }
};

#define HD_FUNCTION(NAME) inline Function<decltype(::NAME)> NAME{#NAME}

HD_FUNCTION(dnnl_engine_create);
HD_FUNCTION(dnnl_stream_create);
HD_FUNCTION(dnnl_version);
HD_FUNCTION(dnnl_memory_create);
HD_FUNCTION(dnnl_memory_destroy);
HD_FUNCTION(dnnl_memory_set_data_handle);
HD_FUNCTION(dnnl_memory_desc_equal);
HD_FUNCTION(dnnl_memory_desc_get_size);
HD_FUNCTION(dnnl_post_ops_create);
HD_FUNCTION(dnnl_post_ops_destroy);
HD_FUNCTION(dnnl_post_ops_append_binary);
HD_FUNCTION(dnnl_post_ops_append_eltwise);
HD_FUNCTION(dnnl_post_ops_append_sum);
HD_FUNCTION(dnnl_primitive_attr_create);
HD_FUNCTION(dnnl_primitive_attr_destroy);
HD_FUNCTION(dnnl_primitive_attr_set_post_ops);
HD_FUNCTION(dnnl_primitive_attr_set_scratchpad_mode);
HD_FUNCTION(dnnl_primitive_create);
HD_FUNCTION(dnnl_primitive_destroy);
HD_FUNCTION(dnnl_primitive_execute);
HD_FUNCTION(dnnl_primitive_desc_destroy);
HD_FUNCTION(dnnl_primitive_desc_query);
HD_FUNCTION(dnnl_primitive_desc_query_md);
HD_FUNCTION(dnnl_reorder_primitive_desc_create);
#if DNNL_VERSION_MAJOR >= 3
HD_FUNCTION(dnnl_memory_desc_clone);
HD_FUNCTION(dnnl_memory_desc_create_submemory);
HD_FUNCTION(dnnl_memory_desc_create_with_strides);
HD_FUNCTION(dnnl_memory_desc_create_with_tag);
HD_FUNCTION(dnnl_memory_desc_destroy);
HD_FUNCTION(dnnl_memory_desc_query);
HD_FUNCTION(dnnl_batch_normalization_backward_primitive_desc_create);
HD_FUNCTION(dnnl_batch_normalization_forward_primitive_desc_create);
HD_FUNCTION(dnnl_convolution_backward_data_primitive_desc_create);
HD_FUNCTION(dnnl_convolution_backward_weights_primitive_desc_create);
HD_FUNCTION(dnnl_convolution_forward_primitive_desc_create);
HD_FUNCTION(dnnl_matmul_primitive_desc_create);
HD_FUNCTION(dnnl_pooling_backward_primitive_desc_create);
HD_FUNCTION(dnnl_pooling_forward_primitive_desc_create);
#else
HD_FUNCTION(dnnl_primitive_desc_create);
HD_FUNCTION(dnnl_memory_desc_init_by_strides);
HD_FUNCTION(dnnl_memory_desc_init_by_tag);
HD_FUNCTION(dnnl_memory_desc_init_submemory);
HD_FUNCTION(dnnl_batch_normalization_backward_desc_init);
HD_FUNCTION(dnnl_batch_normalization_forward_desc_init);
HD_FUNCTION(dnnl_dilated_convolution_backward_data_desc_init);
HD_FUNCTION(dnnl_dilated_convolution_backward_weights_desc_init);
HD_FUNCTION(dnnl_dilated_convolution_forward_desc_init);
HD_FUNCTION(dnnl_matmul_desc_init);
HD_FUNCTION(dnnl_pooling_backward_desc_init);
HD_FUNCTION(dnnl_pooling_forward_desc_init);
#endif

#undef HD_FUNCTION

}  // namespace hd

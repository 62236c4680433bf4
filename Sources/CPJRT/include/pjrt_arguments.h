// What the functions of a PJRT plugin take and give; `pjrt.h` says how they are called.
#pragma once
#include "pjrt_values.h"

#ifdef __cplusplus
extern "C" {
#endif

// MARK: Records of arguments; what the plugin fills in stands after the empty line.

typedef struct { PJRT_RECORD PJRT_Error *error; } PJRT_Error_Destroy_Args;

/// The text is the error's and not terminated.
typedef struct {
    PJRT_RECORD
    const PJRT_Error *error;

    const char *message;
    size_t message_size;
} PJRT_Error_Message_Args;

typedef struct {
    PJRT_RECORD
    const PJRT_Error *error;

    PJRT_Error_Code code;
} PJRT_Error_GetCode_Args;

/// Once in a process, before anything else.
typedef struct { PJRT_RECORD } PJRT_Plugin_Initialize_Args;

/// The attributes are the plugin's.
typedef struct {
    PJRT_RECORD

    const PJRT_NamedValue *attributes;
    size_t num_attributes;
} PJRT_Plugin_Attributes_Args;

typedef struct { PJRT_RECORD PJRT_Event *event; } PJRT_Event_Destroy_Args;

typedef struct {
    PJRT_RECORD
    PJRT_Event *event;

    bool is_ready;
} PJRT_Event_IsReady_Args;

/// Waits; gives the error that the event ended with.
typedef struct { PJRT_RECORD PJRT_Event *event; } PJRT_Event_Await_Args;

/// Calls back on a thread of the plugin's, or at once; the error is the callee's to destroy.
typedef struct {
    PJRT_RECORD
    PJRT_Event *event;
    void (*callback)(PJRT_Error *error, void *user_arg);
    void *user_arg;
} PJRT_Event_OnReady_Args;

/// The callbacks are for several processes; Hillock leaves them out.
typedef struct {
    PJRT_RECORD
    const PJRT_NamedValue *create_options;
    size_t num_options;
    void *kv_get_callback;
    void *kv_get_user_arg;
    void *kv_put_callback;
    void *kv_put_user_arg;

    PJRT_Client *client;

    void *kv_try_get_callback;
    void *kv_try_get_user_arg;
} PJRT_Client_Create_Args;

typedef struct { PJRT_RECORD PJRT_Client *client; } PJRT_Client_Destroy_Args;

typedef struct {
    PJRT_RECORD
    PJRT_Client *client;

    const char *platform_name;
    size_t platform_name_size;
} PJRT_Client_PlatformName_Args;

typedef struct {
    PJRT_RECORD
    PJRT_Client *client;

    const char *platform_version;
    size_t platform_version_size;
} PJRT_Client_PlatformVersion_Args;

/// The list is the client's.
typedef struct {
    PJRT_RECORD
    PJRT_Client *client;

    PJRT_Device *const *addressable_devices;
    size_t num_addressable_devices;
} PJRT_Client_AddressableDevices_Args;

/// Options are a `CompileOptionsProto`; empty ones end the process.
typedef struct {
    PJRT_RECORD
    PJRT_Client *client;
    const PJRT_Program *program;
    const char *compile_options;
    size_t compile_options_size;

    PJRT_LoadedExecutable *executable;
} PJRT_Client_Compile_Args;

/// Row-major where no strides are given.
typedef struct {
    PJRT_RECORD
    PJRT_Client *client;
    const void *data;
    PJRT_Buffer_Type type;
    const int64_t *dims;
    size_t num_dims;
    const int64_t *byte_strides;
    size_t num_byte_strides;
    PJRT_HostBufferSemantics host_buffer_semantics;
    PJRT_Device *device;
    PJRT_Memory *memory;
    PJRT_Buffer_MemoryLayout *device_layout;

    PJRT_Event *done_with_host_buffer;
    PJRT_Buffer *buffer;
} PJRT_Client_BufferFromHostBuffer_Args;

typedef struct {
    PJRT_RECORD
    PJRT_DeviceDescription *device_description;

    int id;
} PJRT_DeviceDescription_Id_Args;

typedef struct {
    PJRT_RECORD
    PJRT_DeviceDescription *device_description;

    const char *device_kind;
    size_t device_kind_size;
} PJRT_DeviceDescription_Kind_Args;

typedef struct {
    PJRT_RECORD
    PJRT_Device *device;

    PJRT_DeviceDescription *device_description;
} PJRT_Device_GetDescription_Args;

/// Numbers count where the flag after them is set.
typedef struct {
    PJRT_RECORD
    PJRT_Device *device;

    int64_t bytes_in_use;
    int64_t peak_bytes_in_use;
    bool peak_bytes_in_use_is_set;
    int64_t num_allocs;
    bool num_allocs_is_set;
    int64_t largest_alloc_size;
    bool largest_alloc_size_is_set;
    int64_t bytes_limit;
    bool bytes_limit_is_set;
    int64_t bytes_reserved;
    bool bytes_reserved_is_set;
    int64_t peak_bytes_reserved;
    bool peak_bytes_reserved_is_set;
    int64_t bytes_reservable_limit;
    bool bytes_reservable_limit_is_set;
    int64_t largest_free_block_bytes;
    bool largest_free_block_bytes_is_set;
    int64_t pool_bytes;
    bool pool_bytes_is_set;
    int64_t peak_pool_bytes;
    bool peak_pool_bytes_is_set;
} PJRT_Device_MemoryStats_Args;

typedef struct { PJRT_RECORD PJRT_Executable *executable; } PJRT_Executable_Destroy_Args;

typedef struct {
    PJRT_RECORD
    PJRT_Executable *executable;

    size_t num_outputs;
} PJRT_Executable_NumOutputs_Args;

/// The bytes live until the deleter is called.
typedef struct {
    PJRT_RECORD
    const PJRT_Executable *executable;

    const char *serialized_bytes;
    size_t serialized_bytes_size;
    PJRT_SerializedExecutable *serialized_executable;
    void (*serialized_executable_deleter)(PJRT_SerializedExecutable *executable);
} PJRT_Executable_Serialize_Args;

typedef struct {
    PJRT_RECORD
    PJRT_Executable *executable;

    PJRT_Buffer_Type *output_types;
    size_t num_output_types;
} PJRT_Executable_OutputElementTypes_Args;

/// The extents of all results one after the other, and how many each has.
typedef struct {
    PJRT_RECORD
    PJRT_Executable *executable;

    size_t num_outputs;
    const int64_t *dims;
    const size_t *dim_sizes;
} PJRT_Executable_OutputDimensions_Args;

/// The host's numbers, of which there are more, are left out.
typedef struct {
    PJRT_RECORD
    PJRT_Executable *executable;

    int64_t generated_code_size_in_bytes;
    int64_t argument_size_in_bytes;
    int64_t output_size_in_bytes;
    int64_t alias_size_in_bytes;
    int64_t temp_size_in_bytes;
    int64_t host_generated_code_size_in_bytes;
    int64_t host_argument_size_in_bytes;
    int64_t host_output_size_in_bytes;
    int64_t host_alias_size_in_bytes;
    int64_t host_temp_size_in_bytes;
    int64_t peak_memory_in_bytes;
    int64_t total_size_in_bytes;
} PJRT_Executable_GetCompiledMemoryStats_Args;

typedef struct { PJRT_RECORD PJRT_LoadedExecutable *executable; } PJRT_LoadedExecutable_Destroy_Args;

typedef struct {
    PJRT_RECORD
    PJRT_LoadedExecutable *loaded_executable;

    PJRT_Executable *executable;
} PJRT_LoadedExecutable_GetExecutable_Args;

/// The devices that it runs on, in the order of the lists of arguments.
typedef struct {
    PJRT_RECORD
    PJRT_LoadedExecutable *executable;

    PJRT_Device *const *addressable_devices;
    size_t num_addressable_devices;
} PJRT_LoadedExecutable_AddressableDevices_Args;

typedef struct PJRT_ExecuteOptions {
    PJRT_RECORD
    void *send_callbacks;
    void *recv_callbacks;
    size_t num_send_ops;
    size_t num_recv_ops;
    int launch_id;
    const int64_t *non_donatable_input_indices;  // inputs that must survive although the program would take them
    size_t num_non_donatable_input_indices;
    void *context;
    const char *call_location;
    size_t num_tasks;
    int *task_ids;
    int64_t *incarnation_ids;
} PJRT_ExecuteOptions;

/// For each device a list of arguments, and room for the results, which are filled in.
typedef struct {
    PJRT_RECORD
    PJRT_LoadedExecutable *executable;
    PJRT_ExecuteOptions *options;
    PJRT_Buffer *const *const *argument_lists;
    size_t num_devices;
    size_t num_args;
    PJRT_Buffer **const *output_lists;
    PJRT_Event **device_complete_events;  // NULL where nobody waits
    PJRT_Device *execute_device;
} PJRT_LoadedExecutable_Execute_Args;

typedef struct {
    PJRT_RECORD
    PJRT_Client *client;
    const char *serialized_executable;
    size_t serialized_executable_size;

    PJRT_LoadedExecutable *loaded_executable;

    const char *overridden_serialized_compile_options;
    size_t overridden_serialized_compile_options_size;
} PJRT_Executable_DeserializeAndLoad_Args;

/// Also frees the memory, unless the buffer was donated.
typedef struct { PJRT_RECORD PJRT_Buffer *buffer; } PJRT_Buffer_Destroy_Args;

typedef struct {
    PJRT_RECORD
    PJRT_Buffer *buffer;

    size_t on_device_size_in_bytes;
} PJRT_Buffer_OnDeviceSizeInBytes_Args;

typedef struct {
    PJRT_RECORD
    PJRT_Buffer *buffer;

    bool is_deleted;
} PJRT_Buffer_IsDeleted_Args;

typedef struct {
    PJRT_RECORD
    PJRT_Buffer *buffer;
    PJRT_Device *dst_device;

    PJRT_Buffer *dst_buffer;
} PJRT_Buffer_CopyToDevice_Args;

/// Gives the size where `dst` is NULL.
typedef struct {
    PJRT_RECORD
    PJRT_Buffer *src;
    PJRT_Buffer_MemoryLayout *host_layout;
    void *dst;
    size_t dst_size;

    PJRT_Event *event;
} PJRT_Buffer_ToHostBuffer_Args;

typedef struct {
    PJRT_RECORD
    PJRT_Buffer *buffer;

    bool is_on_cpu;
} PJRT_Buffer_IsOnCpu_Args;

typedef struct {
    PJRT_RECORD
    PJRT_Buffer *buffer;

    PJRT_Event *event;
} PJRT_Buffer_ReadyEvent_Args;

/// Where a buffer that is ready lies; memory of the host where it is on the CPU.
typedef struct {
    PJRT_RECORD
    PJRT_Buffer *buffer;

    uintptr_t buffer_pointer;
} PJRT_Buffer_UnsafePointer_Args;

#ifdef __cplusplus
}
#endif

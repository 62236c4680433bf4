// Handles and values of the PJRT C interface; `pjrt.h` says what that is.
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

// MARK: Handles. Whoever is given one frees it by the matching `…_Destroy`, unless the comment says that it is borrowed.

typedef struct PJRT_Error PJRT_Error;
typedef struct PJRT_Event PJRT_Event;
typedef struct PJRT_Client PJRT_Client;
/// Borrowed from the client.
typedef struct PJRT_Device PJRT_Device;
/// Borrowed from the device.
typedef struct PJRT_DeviceDescription PJRT_DeviceDescription;
typedef struct PJRT_Memory PJRT_Memory;
typedef struct PJRT_Buffer PJRT_Buffer;
typedef struct PJRT_Executable PJRT_Executable;
typedef struct PJRT_LoadedExecutable PJRT_LoadedExecutable;
typedef struct PJRT_SerializedExecutable PJRT_SerializedExecutable;

/// What every record begins with: its size in bytes, and a list of extensions, of which Hillock uses none.
#define PJRT_RECORD size_t struct_size; void *extension_start;

// MARK: Values

/// What went wrong, numbered as in gRPC.
typedef enum {
    PJRT_Error_Code_CANCELLED = 1,
    PJRT_Error_Code_UNKNOWN = 2,
    PJRT_Error_Code_INVALID_ARGUMENT = 3,
    PJRT_Error_Code_DEADLINE_EXCEEDED = 4,
    PJRT_Error_Code_NOT_FOUND = 5,
    PJRT_Error_Code_ALREADY_EXISTS = 6,
    PJRT_Error_Code_PERMISSION_DENIED = 7,
    PJRT_Error_Code_RESOURCE_EXHAUSTED = 8,
    PJRT_Error_Code_FAILED_PRECONDITION = 9,
    PJRT_Error_Code_ABORTED = 10,
    PJRT_Error_Code_OUT_OF_RANGE = 11,
    PJRT_Error_Code_UNIMPLEMENTED = 12,
    PJRT_Error_Code_INTERNAL = 13,
    PJRT_Error_Code_UNAVAILABLE = 14,
    PJRT_Error_Code_DATA_LOSS = 15,
    PJRT_Error_Code_UNAUTHENTICATED = 16
} PJRT_Error_Code;

/// The types of elements that Hillock has; there are more between and after them.
typedef enum {
    PJRT_Buffer_Type_INVALID = 0,
    PJRT_Buffer_Type_PRED = 1,
    PJRT_Buffer_Type_S32 = 4,
    PJRT_Buffer_Type_S64 = 5,
    PJRT_Buffer_Type_U8 = 6,
    PJRT_Buffer_Type_F16 = 10,
    PJRT_Buffer_Type_F32 = 11,
    PJRT_Buffer_Type_F64 = 12,
    PJRT_Buffer_Type_BF16 = 13
} PJRT_Buffer_Type;

/// What the plugin may rely on about host memory that it is given.
typedef enum {
    /// It is copied before the call returns.
    PJRT_HostBufferSemantics_kImmutableOnlyDuringCall = 0,
    /// It stays as it is until `done_with_host_buffer`.
    PJRT_HostBufferSemantics_kImmutableUntilTransferCompletes = 1,
    /// It stays as it is for the buffer's life and may be the buffer; `done_with_host_buffer` comes when that is over.
    PJRT_HostBufferSemantics_kImmutableZeroCopy = 2
} PJRT_HostBufferSemantics;

typedef enum {
    PJRT_NamedValue_kString = 0,
    PJRT_NamedValue_kInt64 = 1,
    PJRT_NamedValue_kInt64List = 2,
    PJRT_NamedValue_kFloat = 3,
    PJRT_NamedValue_kBool = 4
} PJRT_NamedValue_Type;

/// A setting or an attribute.
typedef struct PJRT_NamedValue {
    PJRT_RECORD
    const char *name;  // not terminated
    size_t name_size;
    PJRT_NamedValue_Type type;
    union {
        const char *string_value;
        int64_t int64_value;
        const int64_t *int64_array_value;
        float float_value;
        bool bool_value;
    };
    size_t value_size;  // of a string or list; 1 for the others
} PJRT_NamedValue;

/// How elements lie: axes from the fastest to the slowest, and tiles, which Hillock never asks for.
typedef struct PJRT_Buffer_MemoryLayout_Tiled {
    PJRT_RECORD
    const int64_t *minor_to_major;
    size_t minor_to_major_size;
    const int64_t *tile_dims;
    const size_t *tile_dim_sizes;
    size_t num_tiles;
} PJRT_Buffer_MemoryLayout_Tiled;

typedef enum { PJRT_Buffer_MemoryLayout_Type_Tiled = 0, PJRT_Buffer_MemoryLayout_Type_Strides = 1 } PJRT_Buffer_MemoryLayout_Type;

typedef struct PJRT_Buffer_MemoryLayout {
    PJRT_RECORD
    PJRT_Buffer_MemoryLayout_Tiled tiled;  // in a union with a shorter record
    PJRT_Buffer_MemoryLayout_Type type;
} PJRT_Buffer_MemoryLayout;

/// A program to compile: for Hillock StableHLO text, whose format is called `mlir`.
typedef struct PJRT_Program {
    PJRT_RECORD
    char *code;
    size_t code_size;
    const char *format;
    size_t format_size;
} PJRT_Program;

typedef struct PJRT_Api_Version {
    PJRT_RECORD
    int major_version;
    int minor_version;
} PJRT_Api_Version;

#ifdef __cplusplus
}
#endif

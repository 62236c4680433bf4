// A PJRT plugin that computes nothing and fails in one way, which it is compiled for, to test what Hillock says then:
// -DOLD speaks version 0.20; -DNO_DEVICE does not start; -DFULL has no memory left when a program runs, -DFULL_LATER
// when its results are read. It writes to standard error wherever it is called while it starts, as plugins do.
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "pjrt.h"

#define SAY(what) fprintf(stderr, "I0000 fake_plugin.c:1] " what "\n")

__attribute__((constructor)) static void opened(void) { SAY("opened"); }

// An object of any kind: what is known of a compiled program's results, and the error that an event ends with.
enum { MOST = 512 };
typedef struct {
    size_t result_count, extent_count;
    size_t ranks[MOST];
    int64_t extents[4 * MOST];
    PJRT_Buffer_Type types[MOST];
} Program;

static int something;
static PJRT_Device *devices[] = {(PJRT_Device *)&something};

// MARK: Errors; one is its message.

static PJRT_Error *failure(const char *message) { return (PJRT_Error *)message; }
static const char out_of_memory[] = "Out of memory while trying to allocate 1099511627776 bytes.";

static void destroy_error(PJRT_Error_Destroy_Args *a) { (void)a; }
static void message(PJRT_Error_Message_Args *a) {
    a->message = (const char *)a->error;
    a->message_size = strlen(a->message);
}
static PJRT_Error *code(PJRT_Error_GetCode_Args *a) {
    a->code = (const char *)a->error == out_of_memory ? 8 : 9;
    return NULL;
}

// MARK: Plugin, client, device

static PJRT_Error *initialize(PJRT_Plugin_Initialize_Args *a) {
    (void)a;
    SAY("initialised");
    return NULL;
}
static PJRT_Error *attributes(PJRT_Plugin_Attributes_Args *a) {
    SAY("asked");
    a->num_attributes = 0;
    return NULL;
}
static PJRT_Error *create(PJRT_Client_Create_Args *a) {
    SAY("E0000 started");
#ifdef NO_DEVICE
    return failure("No visible GPU devices.");
#endif
    a->client = (PJRT_Client *)&something;
    return NULL;
}
static PJRT_Error *destroy_client(PJRT_Client_Destroy_Args *a) { return (void)a, NULL; }
static PJRT_Error *platform(PJRT_Client_PlatformName_Args *a) { return a->platform_name = "fake", a->platform_name_size = 4, NULL; }
static PJRT_Error *version(PJRT_Client_PlatformVersion_Args *a) {
    return a->platform_version = "1", a->platform_version_size = 1, NULL;
}
static PJRT_Error *list(PJRT_Client_AddressableDevices_Args *a) {
    return a->addressable_devices = devices, a->num_addressable_devices = 1, NULL;
}
static PJRT_Error *describe(PJRT_Device_GetDescription_Args *a) {
    return a->device_description = (PJRT_DeviceDescription *)&something, NULL;
}
static PJRT_Error *number(PJRT_DeviceDescription_Id_Args *a) { return a->id = 0, NULL; }
static PJRT_Error *kind(PJRT_DeviceDescription_Kind_Args *a) { return a->device_kind = "Fake 9000", a->device_kind_size = 9, NULL; }
static PJRT_Error *memory(PJRT_Device_MemoryStats_Args *a) {
    a->bytes_in_use = 78100000000;
    a->bytes_limit = 79000000000;
    a->bytes_limit_is_set = true;
    return NULL;
}

// MARK: Programs; the types of their results are read from their text.

static PJRT_Error *compile(PJRT_Client_Compile_Args *a) {
    Program *program = calloc(1, sizeof *program);
    char *text = strndup(a->program->code, a->program->code_size);
    char *at = strstr(strstr(text, "@main"), "->"), *end = at ? strstr(at, " {\n") : NULL;
    if (end) *end = 0;
    while (at && (at = strstr(at, "tensor<")) && program->result_count < MOST) {
        at += 7;
        size_t rank = 0;
        for (char *next; strtoll(at, &next, 10), next != at && *next == 'x'; at = next + 1) {
            program->extents[program->extent_count++] = strtoll(at, NULL, 10);
            rank++;
        }
        static const struct { const char *name; PJRT_Buffer_Type type; } names[] = {
            {"f32", PJRT_Buffer_Type_F32}, {"f64", PJRT_Buffer_Type_F64}, {"i32", PJRT_Buffer_Type_S32},
            {"i64", PJRT_Buffer_Type_S64}, {"ui8", PJRT_Buffer_Type_U8},  {"i1", PJRT_Buffer_Type_PRED},
        };
        for (size_t i = 0; i < sizeof names / sizeof *names; i++)
            if (!strncmp(at, names[i].name, strlen(names[i].name))) program->types[program->result_count] = names[i].type;
        program->ranks[program->result_count++] = rank;
    }
    free(text);
    a->executable = (PJRT_LoadedExecutable *)program;
    return NULL;
}
static PJRT_Error *executable(PJRT_LoadedExecutable_GetExecutable_Args *a) {
    return a->executable = (PJRT_Executable *)a->loaded_executable, NULL;
}
static PJRT_Error *count(PJRT_Executable_NumOutputs_Args *a) { return a->num_outputs = ((Program *)a->executable)->result_count, NULL; }
static PJRT_Error *types(PJRT_Executable_OutputElementTypes_Args *a) {
    Program *program = (Program *)a->executable;
    return a->output_types = program->types, a->num_output_types = program->result_count, NULL;
}
static PJRT_Error *extents(PJRT_Executable_OutputDimensions_Args *a) {
    Program *program = (Program *)a->executable;
    return a->num_outputs = program->result_count, a->dims = program->extents, a->dim_sizes = program->ranks, NULL;
}
static PJRT_Error *destroy_executable(PJRT_Executable_Destroy_Args *a) { return (void)a, NULL; }
static PJRT_Error *destroy_program(PJRT_LoadedExecutable_Destroy_Args *a) { return free(a->executable), NULL; }
static PJRT_Error *execute(PJRT_LoadedExecutable_Execute_Args *a) {
#ifdef FULL
    return failure(out_of_memory);
#endif
    for (size_t i = 0; i < ((Program *)a->executable)->result_count; i++) a->output_lists[0][i] = (PJRT_Buffer *)&something;
    return NULL;
}

// MARK: Buffers and events

static PJRT_Error *upload(PJRT_Client_BufferFromHostBuffer_Args *a) {
    return a->buffer = (PJRT_Buffer *)&something, a->done_with_host_buffer = (PJRT_Event *)&something, NULL;
}
static PJRT_Error *destroy_buffer(PJRT_Buffer_Destroy_Args *a) { return (void)a, NULL; }
static PJRT_Error *ready(PJRT_Buffer_ReadyEvent_Args *a) { return a->event = (PJRT_Event *)&devices, NULL; }
static PJRT_Error *download(PJRT_Buffer_ToHostBuffer_Args *a) { return a->event = (PJRT_Event *)&devices, NULL; }
// What a result waits for is another object than what an upload waits for.
static PJRT_Error *ending(PJRT_Event *event) {
#ifdef FULL_LATER
    if (event == (PJRT_Event *)&devices) return failure(out_of_memory);
#endif
    return (void)event, NULL;
}
static PJRT_Error *await(PJRT_Event_Await_Args *a) { return ending(a->event); }
static PJRT_Error *when_ready(PJRT_Event_OnReady_Args *a) { return a->callback(ending(a->event), a->user_arg), NULL; }
static PJRT_Error *destroy_event(PJRT_Event_Destroy_Args *a) { return (void)a, NULL; }

const PJRT_Api *GetPjrtApi(void) {
    SAY("found");
    static PJRT_Api table = {
        .struct_size = sizeof table,
#ifdef OLD
        .pjrt_api_version = {.minor_version = 20},
#else
        .pjrt_api_version = {.minor_version = 90},
#endif
        .PJRT_Error_Destroy = destroy_error, .PJRT_Error_Message = message, .PJRT_Error_GetCode = code,
        .PJRT_Plugin_Initialize = initialize, .PJRT_Plugin_Attributes = attributes,
        .PJRT_Event_Destroy = destroy_event, .PJRT_Event_Await = await, .PJRT_Event_OnReady = when_ready,
        .PJRT_Client_Create = create, .PJRT_Client_Destroy = destroy_client, .PJRT_Client_PlatformName = platform,
        .PJRT_Client_PlatformVersion = version, .PJRT_Client_AddressableDevices = list, .PJRT_Client_Compile = compile,
        .PJRT_Client_BufferFromHostBuffer = upload, .PJRT_DeviceDescription_Id = number,
        .PJRT_DeviceDescription_Kind = kind, .PJRT_Device_GetDescription = describe, .PJRT_Device_MemoryStats = memory,
        .PJRT_Executable_Destroy = destroy_executable, .PJRT_Executable_NumOutputs = count,
        .PJRT_Executable_OutputElementTypes = types, .PJRT_Executable_OutputDimensions = extents,
        .PJRT_LoadedExecutable_Destroy = destroy_program, .PJRT_LoadedExecutable_GetExecutable = executable,
        .PJRT_LoadedExecutable_Execute = execute, .PJRT_Buffer_Destroy = destroy_buffer,
        .PJRT_Buffer_ToHostBuffer = download, .PJRT_Buffer_ReadyEvent = ready,
    };
    return &table;
}

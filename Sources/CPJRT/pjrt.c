// The plugins' binary interface is theirs: what the declarations must come to is checked where they are compiled.
#include "pjrt.h"

// Two words in front of every argument record, then pointers and sizes; numbers are 64-bit machines'.
_Static_assert(sizeof(void *) == 8, "the layout of plugins' records is checked for 64-bit machines only");
_Static_assert(sizeof(PJRT_Api_Version) == 24, "version");
_Static_assert(offsetof(PJRT_Api, PJRT_Error_Destroy) == 40, "the table's first function");
_Static_assert(offsetof(PJRT_Api, PJRT_Client_Create) == 40 + 8 * 10, "the table's clients");
_Static_assert(offsetof(PJRT_Api, PJRT_Executable_Destroy) == 40 + 8 * 40, "the table's executables");
_Static_assert(offsetof(PJRT_Api, PJRT_Buffer_Destroy) == 40 + 8 * 58, "the table's buffers");
_Static_assert(offsetof(PJRT_Api, PJRT_Executable_OutputElementTypes) == 40 + 8 * 90, "the table's types of results");
_Static_assert(sizeof(PJRT_NamedValue) == 56, "named values");
_Static_assert(sizeof(PJRT_Client_BufferFromHostBuffer_Args) == 120, "buffers from host memory");
_Static_assert(sizeof(PJRT_LoadedExecutable_Execute_Args) == 80, "execution");
_Static_assert(offsetof(PJRT_ExecuteOptions, non_donatable_input_indices) == 56, "options of execution");
_Static_assert(sizeof(PJRT_Buffer_MemoryLayout) == 80, "layouts");

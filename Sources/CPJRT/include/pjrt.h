// The part of the PJRT C interface that Hillock calls: how it talks to whatever compiles and runs StableHLO on a device.
//
// A plugin is a shared library with one function, `GetPjrtApi`, which gives a table of functions. Each of them takes a
// record of arguments, which begins with its own size, so that either side may know a longer or shorter one, and gives an
// error or NULL. What a function gives back stands in the record. Names, order and layout are the interface's, as of
// version 0.90. Functions that Hillock does not call are plain addresses here.
// Source: OpenXLA, xla/pjrt/c/pjrt_c_api.h, which is the authority on what each function does.
#pragma once
#include "pjrt_arguments.h"

#ifdef __cplusplus
extern "C" {
#endif

// MARK: The table

/// A function of the table that Hillock calls. The table may be shorter than this one: what is missing is NULL after copying.
#define PJRT_FUNCTION(name) PJRT_Error *(*name)(name##_Args *arguments)

typedef struct PJRT_Api {
    PJRT_RECORD
    PJRT_Api_Version pjrt_api_version;
    void (*PJRT_Error_Destroy)(PJRT_Error_Destroy_Args *arguments);
    void (*PJRT_Error_Message)(PJRT_Error_Message_Args *arguments);
    PJRT_FUNCTION(PJRT_Error_GetCode);
    PJRT_FUNCTION(PJRT_Plugin_Initialize);
    PJRT_FUNCTION(PJRT_Plugin_Attributes);
    PJRT_FUNCTION(PJRT_Event_Destroy);
    PJRT_FUNCTION(PJRT_Event_IsReady);
    void *PJRT_Event_Error;
    PJRT_FUNCTION(PJRT_Event_Await);
    PJRT_FUNCTION(PJRT_Event_OnReady);
    PJRT_FUNCTION(PJRT_Client_Create);
    PJRT_FUNCTION(PJRT_Client_Destroy);
    PJRT_FUNCTION(PJRT_Client_PlatformName);
    void *PJRT_Client_ProcessIndex;
    PJRT_FUNCTION(PJRT_Client_PlatformVersion);
    void *PJRT_Client_Devices;
    PJRT_FUNCTION(PJRT_Client_AddressableDevices);
    void *PJRT_Client_LookupDevice, *PJRT_Client_LookupAddressableDevice, *PJRT_Client_AddressableMemories;
    PJRT_FUNCTION(PJRT_Client_Compile);
    void *PJRT_Client_DefaultDeviceAssignment;
    PJRT_FUNCTION(PJRT_Client_BufferFromHostBuffer);
    PJRT_FUNCTION(PJRT_DeviceDescription_Id);
    void *PJRT_DeviceDescription_ProcessIndex, *PJRT_DeviceDescription_Attributes;
    PJRT_FUNCTION(PJRT_DeviceDescription_Kind);
    void *PJRT_DeviceDescription_DebugString, *PJRT_DeviceDescription_ToString;
    PJRT_FUNCTION(PJRT_Device_GetDescription);
    void *PJRT_Device_IsAddressable, *PJRT_Device_LocalHardwareId, *PJRT_Device_AddressableMemories;
    void *PJRT_Device_DefaultMemory;
    PJRT_FUNCTION(PJRT_Device_MemoryStats);
    void *PJRT_Memory_Id, *PJRT_Memory_Kind, *PJRT_Memory_DebugString;
    void *PJRT_Memory_ToString, *PJRT_Memory_AddressableByDevices;
    PJRT_FUNCTION(PJRT_Executable_Destroy);
    void *PJRT_Executable_Name, *PJRT_Executable_NumReplicas, *PJRT_Executable_NumPartitions;
    PJRT_FUNCTION(PJRT_Executable_NumOutputs);
    void *PJRT_Executable_SizeOfGeneratedCodeInBytes, *PJRT_Executable_GetCostAnalysis, *PJRT_Executable_OutputMemoryKinds;
    void *PJRT_Executable_OptimizedProgram;
    PJRT_FUNCTION(PJRT_Executable_Serialize);
    PJRT_FUNCTION(PJRT_LoadedExecutable_Destroy);
    PJRT_FUNCTION(PJRT_LoadedExecutable_GetExecutable);
    PJRT_FUNCTION(PJRT_LoadedExecutable_AddressableDevices);
    void *PJRT_LoadedExecutable_Delete, *PJRT_LoadedExecutable_IsDeleted;
    PJRT_FUNCTION(PJRT_LoadedExecutable_Execute);
    PJRT_FUNCTION(PJRT_Executable_DeserializeAndLoad);
    void *PJRT_LoadedExecutable_Fingerprint;
    PJRT_FUNCTION(PJRT_Buffer_Destroy);
    void *PJRT_Buffer_ElementType, *PJRT_Buffer_Dimensions, *PJRT_Buffer_UnpaddedDimensions;
    void *PJRT_Buffer_DynamicDimensionIndices, *PJRT_Buffer_GetMemoryLayout;
    PJRT_FUNCTION(PJRT_Buffer_OnDeviceSizeInBytes);
    void *PJRT_Buffer_Device, *PJRT_Buffer_Memory, *PJRT_Buffer_Delete;
    PJRT_FUNCTION(PJRT_Buffer_IsDeleted);
    PJRT_FUNCTION(PJRT_Buffer_CopyToDevice);
    PJRT_FUNCTION(PJRT_Buffer_ToHostBuffer);
    PJRT_FUNCTION(PJRT_Buffer_IsOnCpu);
    PJRT_FUNCTION(PJRT_Buffer_ReadyEvent);
    PJRT_FUNCTION(PJRT_Buffer_UnsafePointer);
    void *PJRT_Buffer_IncreaseExternalReferenceCount, *PJRT_Buffer_DecreaseExternalReferenceCount;
    void *PJRT_Buffer_OpaqueDeviceMemoryDataPointer;
    void *PJRT_CopyToDeviceStream_Destroy, *PJRT_CopyToDeviceStream_AddChunk, *PJRT_CopyToDeviceStream_TotalBytes;
    void *PJRT_CopyToDeviceStream_GranuleSize, *PJRT_CopyToDeviceStream_CurrentBytes, *PJRT_TopologyDescription_Create;
    void *PJRT_TopologyDescription_Destroy, *PJRT_TopologyDescription_PlatformName, *PJRT_TopologyDescription_PlatformVersion;
    void *PJRT_TopologyDescription_GetDeviceDescriptions, *PJRT_TopologyDescription_Serialize, *PJRT_TopologyDescription_Attributes;
    void *PJRT_Compile;
    PJRT_FUNCTION(PJRT_Executable_OutputElementTypes);
    PJRT_FUNCTION(PJRT_Executable_OutputDimensions);
    void *PJRT_Buffer_CopyToMemory, *PJRT_Client_CreateViewOfDeviceBuffer, *PJRT_Executable_Fingerprint;
    void *PJRT_Client_TopologyDescription;
    PJRT_FUNCTION(PJRT_Executable_GetCompiledMemoryStats);
} PJRT_Api;

#ifdef __cplusplus
}
#endif

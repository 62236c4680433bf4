import CPJRT

/// A record of arguments of one of a plugin's functions: all zeros, and its own size in front.
protocol ArgumentRecord {
    init()
    // swift-format-ignore: AlwaysUseLowerCamelCase
    var struct_size: Int { get set }
}

extension ArgumentRecord {
    /// An empty record that knows its size.
    @inline(__always)
    static func sized() -> Self {
        var record = Self()
        record.struct_size = MemoryLayout<Self>.size
        return record
    }
}

extension PJRT_Error_Destroy_Args: ArgumentRecord {}
extension PJRT_Error_Message_Args: ArgumentRecord {}
extension PJRT_Error_GetCode_Args: ArgumentRecord {}
extension PJRT_Plugin_Initialize_Args: ArgumentRecord {}
extension PJRT_Plugin_Attributes_Args: ArgumentRecord {}
extension PJRT_Event_Destroy_Args: ArgumentRecord {}
extension PJRT_Event_IsReady_Args: ArgumentRecord {}
extension PJRT_Event_Await_Args: ArgumentRecord {}
extension PJRT_Event_OnReady_Args: ArgumentRecord {}
extension PJRT_Client_Create_Args: ArgumentRecord {}
extension PJRT_Client_Destroy_Args: ArgumentRecord {}
extension PJRT_Client_PlatformName_Args: ArgumentRecord {}
extension PJRT_Client_PlatformVersion_Args: ArgumentRecord {}
extension PJRT_Client_AddressableDevices_Args: ArgumentRecord {}
extension PJRT_Client_Compile_Args: ArgumentRecord {}
extension PJRT_Client_BufferFromHostBuffer_Args: ArgumentRecord {}
extension PJRT_DeviceDescription_Id_Args: ArgumentRecord {}
extension PJRT_DeviceDescription_Kind_Args: ArgumentRecord {}
extension PJRT_Device_GetDescription_Args: ArgumentRecord {}
extension PJRT_Device_MemoryStats_Args: ArgumentRecord {}
extension PJRT_Executable_Destroy_Args: ArgumentRecord {}
extension PJRT_Executable_NumOutputs_Args: ArgumentRecord {}
extension PJRT_Executable_Serialize_Args: ArgumentRecord {}
extension PJRT_Executable_OutputElementTypes_Args: ArgumentRecord {}
extension PJRT_Executable_OutputDimensions_Args: ArgumentRecord {}
extension PJRT_Executable_GetCompiledMemoryStats_Args: ArgumentRecord {}
extension PJRT_LoadedExecutable_Destroy_Args: ArgumentRecord {}
extension PJRT_LoadedExecutable_GetExecutable_Args: ArgumentRecord {}
extension PJRT_LoadedExecutable_AddressableDevices_Args: ArgumentRecord {}
extension PJRT_LoadedExecutable_Execute_Args: ArgumentRecord {}
extension PJRT_Executable_DeserializeAndLoad_Args: ArgumentRecord {}
extension PJRT_Buffer_Destroy_Args: ArgumentRecord {}
extension PJRT_Buffer_OnDeviceSizeInBytes_Args: ArgumentRecord {}
extension PJRT_Buffer_IsDeleted_Args: ArgumentRecord {}
extension PJRT_Buffer_CopyToDevice_Args: ArgumentRecord {}
extension PJRT_Buffer_ToHostBuffer_Args: ArgumentRecord {}
extension PJRT_Buffer_IsOnCpu_Args: ArgumentRecord {}
extension PJRT_Buffer_ReadyEvent_Args: ArgumentRecord {}
extension PJRT_Buffer_UnsafePointer_Args: ArgumentRecord {}
extension PJRT_ExecuteOptions: ArgumentRecord {}
extension PJRT_Program: ArgumentRecord {}
extension PJRT_NamedValue: ArgumentRecord {}
extension PJRT_Buffer_MemoryLayout: ArgumentRecord {}
extension PJRT_Buffer_MemoryLayout_Tiled: ArgumentRecord {}

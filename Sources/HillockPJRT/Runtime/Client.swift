import CPJRT
import Synchronization

/// A plugin at work in this process: its devices, its compiler.
package final class Client: @unchecked Sendable {
    /// A setting that a client is made with.
    package enum Option: Sendable, Hashable {
        case text(String)
        case integer(Int)
        case flag(Bool)
        case real(Float)
    }

    /// The plugin.
    package let plugin: Plugin
    /// What it was made with.
    package let options: [String: Option]
    /// `cpu`, `cuda` …
    package private(set) var platform = ""
    /// The platform's version, with the driver's where there is one.
    package private(set) var platformVersion = ""
    /// Number, in the plugin's own counting, and kind of each device of this process: `NVIDIA H200`.
    package private(set) var devices: [(id: Int, kind: String)] = []
    private var devicePointers: [OpaquePointer] = []
    let pointer: OpaquePointer
    /// Whether the devices' memory is the host's, so that it can be read where it lies.
    var isOnHost: Bool { plugin.kind == .xlaCPU }

    /// Starts a plugin's runtime.
    package init(_ plugin: Plugin, options: [String: Option] = [:]) throws(PJRTError) {
        self.plugin = plugin
        self.options = options
        pointer = try PluginMessages.withoutThose { () throws(PJRTError) -> OpaquePointer in try Self.create(plugin, options) }
        var name = PJRT_Client_PlatformName_Args.sized()
        name.client = pointer
        try plugin.call(plugin.table.PJRT_Client_PlatformName, &name, "ask for the platform's name")
        platform = String(bytes: name.platform_name, count: name.platform_name_size)
        var version = PJRT_Client_PlatformVersion_Args.sized()
        version.client = pointer
        try plugin.call(plugin.table.PJRT_Client_PlatformVersion, &version, "ask for the platform's version")
        platformVersion = String(bytes: version.platform_version, count: version.platform_version_size)

        var list = PJRT_Client_AddressableDevices_Args.sized()
        list.client = pointer
        try plugin.call(plugin.table.PJRT_Client_AddressableDevices, &list, "list devices")
        devicePointers = UnsafeBufferPointer(start: list.addressable_devices, count: list.num_addressable_devices).compactMap(\.self)
        for device in devicePointers { devices.append(try describe(device)) }
    }

    deinit {
        var record = PJRT_Client_Destroy_Args.sized()
        record.client = pointer
        plugin.release(plugin.table.PJRT_Client_Destroy, &record)
    }

    /// A device by its position.
    package func device(_ ordinal: Int) throws(PJRTError) -> Accelerator {
        guard devices.indices.contains(ordinal) else {
            let there =
                devices.isEmpty
                ? "there is none" : devices.count == 1 ? "there is one, number 0" : "there are \(devices.count), numbered from 0"
            throw PJRTError(
                .notFound, device: "\(plugin.kind.name):\(ordinal)", action: "use this device", reason: there,
                hint: "hillock devices lists them")
        }
        return Accelerator(client: self, ordinal: ordinal, pointer: devicePointers[ordinal])
    }

    private func describe(_ device: OpaquePointer) throws(PJRTError) -> (id: Int, kind: String) {
        var record = PJRT_Device_GetDescription_Args.sized()
        record.device = device
        try plugin.call(plugin.table.PJRT_Device_GetDescription, &record, "describe a device")
        var id = PJRT_DeviceDescription_Id_Args.sized()
        id.device_description = record.device_description
        try plugin.call(plugin.table.PJRT_DeviceDescription_Id, &id, "ask for a device's number")
        var kind = PJRT_DeviceDescription_Kind_Args.sized()
        kind.device_description = record.device_description
        try plugin.call(plugin.table.PJRT_DeviceDescription_Kind, &kind, "ask for a device's kind")
        return (Int(id.id), String(bytes: kind.device_kind, count: kind.device_kind_size))
    }

    private static func create(_ plugin: Plugin, _ options: [String: Option]) throws(PJRTError) -> OpaquePointer {
        // The texts must stay where they are during the call.
        var texts: [UnsafeMutableBufferPointer<CChar>] = []
        defer { for text in texts { text.deallocate() } }
        func store(_ text: String) -> UnsafeMutableBufferPointer<CChar> {
            let copy = UnsafeMutableBufferPointer<CChar>.allocate(capacity: text.utf8.count)
            for (position, byte) in text.utf8.enumerated() { copy.initializeElement(at: position, to: CChar(bitPattern: byte)) }
            texts.append(copy)
            return copy
        }
        var values: [PJRT_NamedValue] = []
        for (name, option) in options.sorted(by: { $0.key < $1.key }) {
            var value = PJRT_NamedValue.sized()
            let nameText = store(name)
            value.name = UnsafePointer(nameText.baseAddress)
            value.name_size = nameText.count
            value.value_size = 1
            switch option {
            case .text(let text):
                value.type = PJRT_NamedValue_kString
                let stored = store(text)
                value.string_value = UnsafePointer(stored.baseAddress)
                value.value_size = stored.count
            case .integer(let number):
                value.type = PJRT_NamedValue_kInt64
                value.int64_value = Int64(number)
            case .flag(let flag):
                value.type = PJRT_NamedValue_kBool
                value.bool_value = flag
            case .real(let number):
                value.type = PJRT_NamedValue_kFloat
                value.float_value = number
            }
            values.append(value)
        }
        var record = PJRT_Client_Create_Args.sized()
        var failure: PJRTError?
        values.withUnsafeBufferPointer { values in
            record.create_options = values.baseAddress
            record.num_options = values.count
            do throws(PJRTError) {
                try plugin.call(plugin.table.PJRT_Client_Create, &record, "start \(plugin.kind.title)")
            } catch {
                failure = error
            }
        }
        if var failure {
            failure.hint = plugin.kind.driverHint
            throw failure
        }
        guard let client = record.client else { throw Plugin.unusable(plugin.path, "it gave no client") }
        return client
    }
}

extension Client {
    /// The clients of this process: a device's memory can be had once only, and plans hold on to their client.
    private static let opened = Mutex<[Key: Client]>([:])

    private struct Key: Hashable {
        let kind: PluginKind
        let path: String
        let options: [String: Option]
    }

    /// The client of a plugin, started when it is first asked for; `options` count then. On the CPU there is one for each number of devices,
    /// which have no memory of their own.
    package static func shared(_ entry: PluginCatalog.Entry, options: [String: Option]? = nil) throws(PJRTError) -> Client {
        let options = options ?? entry.kind.options
        let key = Key(
            kind: entry.kind, path: FileSearch.resolved(entry.path), options: entry.kind == .xlaCPU ? options : [:])
        return try opened.withLock { (clients) throws(PJRTError) -> Client in
            if let client = clients[key] { return client }
            let client = try Client(Plugin(entry.kind, path: entry.path), options: options)
            clients[key] = client
            return client
        }
    }
}

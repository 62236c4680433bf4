import CPJRT
import HillockCore

/// A program that a plugin compiled, ready to run on its devices.
package final class Executable: @unchecked Sendable {
    /// Where it runs.
    package let client: Client
    /// Types of the results, of one device's share where the program is divided.
    package private(set) var results: [(elementType: UInt32, shape: [Int])] = []
    private let pointer: OpaquePointer
    private let description: OpaquePointer
    private var plugin: Plugin { client.plugin }

    /// Compiles StableHLO text, which takes from milliseconds to minutes.
    package convenience init(_ text: String, on client: Client, _ options: CompileOptions) throws(PJRTError) {
        let plugin = client.plugin
        var record = PJRT_Client_Compile_Args.sized()
        record.client = client.pointer
        var failure: PJRTError?
        var text = text
        let bytes = options.serialized
        text.withUTF8 { code in
            bytes.withUnsafeBytes { bytes in
                var program = PJRT_Program.sized()
                program.code = UnsafeMutableRawPointer(mutating: UnsafeRawPointer(code.baseAddress))?.assumingMemoryBound(to: CChar.self)
                program.code_size = code.count
                record.compile_options = bytes.baseAddress?.assumingMemoryBound(to: CChar.self)
                record.compile_options_size = bytes.count
                "mlir".withCString { format in
                    program.format = format
                    program.format_size = 4
                    withUnsafePointer(to: program) { program in
                        record.program = program
                        do throws(PJRTError) {
                            try plugin.call(plugin.table.PJRT_Client_Compile, &record, "compile the program")
                        } catch {
                            failure = error
                        }
                    }
                }
            }
        }
        if var failure {
            failure.operation = Self.operation(in: text, of: failure.reason)
            if failure.reason.contains("StableHLO") || failure.code == .unknown {
                failure.hint = "the plugin is \(plugin.versionText)"
            }
            throw failure
        }
        try self.init(client, record.executable)
    }

    /// Loads what ``serialized()`` gave, on the same plugin and kind of device.
    package convenience init(serialized bytes: [UInt8], on client: Client) throws(PJRTError) {
        let plugin = client.plugin
        var record = PJRT_Executable_DeserializeAndLoad_Args.sized()
        record.client = client.pointer
        var failure: PJRTError?
        bytes.withUnsafeBytes { bytes in
            record.serialized_executable = bytes.baseAddress?.assumingMemoryBound(to: CChar.self)
            record.serialized_executable_size = bytes.count
            do throws(PJRTError) {
                try plugin.call(plugin.table.PJRT_Executable_DeserializeAndLoad, &record, "load a compiled program")
            } catch {
                failure = error
            }
        }
        if let failure { throw failure }
        try self.init(client, record.loaded_executable)
    }

    private init(_ client: Client, _ pointer: OpaquePointer) throws(PJRTError) {
        self.client = client
        self.pointer = pointer
        let plugin = client.plugin
        var record = PJRT_LoadedExecutable_GetExecutable_Args.sized()
        record.loaded_executable = pointer
        do throws(PJRTError) {
            try plugin.call(plugin.table.PJRT_LoadedExecutable_GetExecutable, &record, "ask about a program")
        } catch {
            Self.destroy(pointer, plugin)
            throw error
        }
        description = record.executable
        results = try readResults()
    }

    deinit {
        var record = PJRT_Executable_Destroy_Args.sized()
        record.executable = description
        plugin.release(plugin.table.PJRT_Executable_Destroy, &record)
        Self.destroy(pointer, plugin)
    }

    private static func destroy(_ pointer: OpaquePointer, _ plugin: Plugin) {
        var record = PJRT_LoadedExecutable_Destroy_Args.sized()
        record.executable = pointer
        plugin.release(plugin.table.PJRT_LoadedExecutable_Destroy, &record)
    }

    private func readResults() throws(PJRTError) -> [(elementType: UInt32, shape: [Int])] {
        var count = PJRT_Executable_NumOutputs_Args.sized()
        count.executable = description
        try plugin.call(plugin.table.PJRT_Executable_NumOutputs, &count, "ask about a program")
        if count.num_outputs == 0 { return [] }
        var types = PJRT_Executable_OutputElementTypes_Args.sized()
        types.executable = description
        try plugin.call(plugin.table.PJRT_Executable_OutputElementTypes, &types, "ask about a program's results")
        var extents = PJRT_Executable_OutputDimensions_Args.sized()
        extents.executable = description
        try plugin.call(plugin.table.PJRT_Executable_OutputDimensions, &extents, "ask about a program's results")
        var position = 0
        return (0..<count.num_outputs).map { result in
            let rank = extents.dim_sizes[result]
            defer { position += rank }
            return (types.output_types[result].rawValue, (0..<rank).map { Int(extents.dims[position + $0]) })
        }
    }

    /// The compiled program as bytes, for another process on the same plugin and kind of device.
    package func serialized() throws(PJRTError) -> [UInt8] {
        var record = PJRT_Executable_Serialize_Args.sized()
        record.executable = description
        try plugin.call(plugin.table.PJRT_Executable_Serialize, &record, "store a compiled program")
        defer { record.serialized_executable_deleter?(record.serialized_executable) }
        return Array(UnsafeRawBufferPointer(start: record.serialized_bytes, count: record.serialized_bytes_size))
    }

    /// Bytes on each device: of the code, the arguments, the results, what results take over from arguments, and what is used meanwhile.
    package var memory: (code: Int, arguments: Int, results: Int, donated: Int, temporary: Int)? {
        var record = PJRT_Executable_GetCompiledMemoryStats_Args.sized()
        record.executable = description
        guard (try? plugin.call(plugin.table.PJRT_Executable_GetCompiledMemoryStats, &record, "ask for memory")) != nil else { return nil }
        return (
            Int(record.generated_code_size_in_bytes), Int(record.argument_size_in_bytes), Int(record.output_size_in_bytes),
            Int(record.alias_size_in_bytes), Int(record.temp_size_in_bytes)
        )
    }

    /// How many devices it runs on.
    package func deviceCount() throws(PJRTError) -> Int {
        var record = PJRT_LoadedExecutable_AddressableDevices_Args.sized()
        record.executable = pointer
        try plugin.call(plugin.table.PJRT_LoadedExecutable_AddressableDevices, &record, "ask about a program's devices")
        return record.num_addressable_devices
    }
}

extension Executable {
    /// Runs on one device. Results are there at once as buffers; their elements come later, and with them what went wrong.
    ///
    /// - Parameters:
    ///   - arguments: The arguments' buffers.
    ///   - kept: Positions of arguments that must survive although the program was compiled to take their memory.
    ///   - results: Room for as many buffers as there are results.
    @inline(__always)
    func run(
        _ arguments: UnsafeBufferPointer<OpaquePointer?>, keeping kept: [Int64] = [], into results: UnsafeMutablePointer<OpaquePointer?>
    ) throws(PJRTError) {
        let list: UnsafePointer<OpaquePointer?>? = UnsafePointer(arguments.baseAddress)
        let room: UnsafeMutablePointer<OpaquePointer?>? = results
        var failure: PJRTError?
        withUnsafePointer(to: list) { lists in
            withUnsafePointer(to: room) { rooms in
                do throws(PJRTError) {
                    try run(lists, count: arguments.count, devices: 1, keeping: kept, into: rooms)
                } catch {
                    failure = error
                }
            }
        }
        if let failure { throw failure }
    }

    /// Runs on several devices: a list of arguments for each, in the order of the program's devices, and as many lists of results.
    package func run(_ arguments: [[DeviceMemory]]) throws(PJRTError) -> [[DeviceMemory]] {
        let count = arguments.first?.count ?? 0
        precondition(arguments.allSatisfy { $0.count == count })
        let width = Swift.max(count, 1)
        let room = Swift.max(results.count, 1)
        let pointers = UnsafeMutablePointer<OpaquePointer?>.allocate(capacity: arguments.count * width)
        let outputs = UnsafeMutablePointer<OpaquePointer?>.allocate(capacity: arguments.count * room)
        outputs.initialize(repeating: nil, count: arguments.count * room)
        defer {
            pointers.deallocate()
            outputs.deallocate()
        }
        var lists: [UnsafePointer<OpaquePointer?>?] = []
        var rooms: [UnsafeMutablePointer<OpaquePointer?>?] = []
        for (device, list) in arguments.enumerated() {
            for (position, memory) in list.enumerated() { pointers[device * width + position] = memory.pointer }
            lists.append(UnsafePointer(pointers + device * width))
            rooms.append(outputs + device * room)
        }
        try run(lists, count: count, devices: arguments.count, keeping: [], into: rooms)
        return (0..<arguments.count).map { device in
            results.indices.map { DeviceMemory(client, outputs[device * room + $0]!) }
        }
    }

    @inline(__always)
    private func run(
        _ lists: UnsafePointer<UnsafePointer<OpaquePointer?>?>, count: Int, devices: Int, keeping kept: [Int64],
        into rooms: UnsafePointer<UnsafeMutablePointer<OpaquePointer?>?>
    ) throws(PJRTError) {
        var options = PJRT_ExecuteOptions.sized()
        var record = PJRT_LoadedExecutable_Execute_Args.sized()
        record.executable = pointer
        record.argument_lists = lists
        record.num_devices = devices
        record.num_args = count
        record.output_lists = rooms
        var failure: PJRTError?
        kept.withUnsafeBufferPointer { kept in
            options.non_donatable_input_indices = kept.baseAddress
            options.num_non_donatable_input_indices = kept.count
            withUnsafeMutablePointer(to: &options) { options in
                record.options = options
                do throws(PJRTError) {
                    try plugin.call(plugin.table.PJRT_LoadedExecutable_Execute, &record, "run the program")
                } catch {
                    failure = error
                }
            }
        }
        if let failure { throw failure }
    }

    /// The operation that a message speaks of: named in it, or on the line of the text that it points to.
    package static func operation(in text: String, of message: String) -> String? {
        if let named = name(after: "loc(\"", in: message) { return named }
        // MLIR's diagnostics point to a line and column: `<unknown>:12:8`.
        for word in message.split(whereSeparator: { " \n\t,)('\"".contains($0) }) {
            let parts = word.split(separator: ":", omittingEmptySubsequences: true)
            guard parts.count >= 2, let column = parts.lastIndex(where: { Int($0) != nil }), column > 0, let line = Int(parts[column - 1])
            else { continue }
            let lines = text.split(separator: "\n", omittingEmptySubsequences: false)
            guard lines.indices.contains(line - 1) else { continue }
            let source = String(lines[line - 1])
            if let named = name(after: "loc(\"", in: source) { return named }
            if let operation = source.split(separator: " ").first(where: { $0.contains("stablehlo.") || $0.contains("chlo.") }) {
                return String(operation.filter { $0 != "\"" && $0 != "(" }).split(separator: "%").first.map(String.init)
            }
        }
        return nil
    }

    private static func name(after mark: String, in text: String) -> String? {
        guard let start = text.firstRange(of: mark)?.upperBound else { return nil }
        let rest = text[start...]
        guard let end = rest.firstIndex(of: "\""), end > start else { return nil }
        return String(rest[..<end])
    }
}

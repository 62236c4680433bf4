import CPJRT
import Glibc

/// A PJRT plugin: a shared library that compiles StableHLO and runs it on some kind of device. Once opened it stays, as plugins must.
package final class Plugin: @unchecked Sendable {
    /// What it drives.
    package let kind: PluginKind
    /// The library.
    package let path: String
    /// What it calls itself by: API version, and whatever else it tells of, by name.
    package private(set) var attributes: [String: String] = [:]
    /// Version of the interface that the plugin was built with; the major number has been 0 so far.
    package let apiVersion: (major: Int, minor: Int)
    let table: PJRT_Api
    /// Bytes of the plugin's own table, which may be longer or shorter than the one that is declared.
    package let tableSize: Int

    /// The oldest minor version of the interface whose every function is known to do what Hillock wants.
    package static let oldestMinorVersion = 54

    /// Opens a plugin and makes it ready.
    package init(_ kind: PluginKind, path: String) throws(PJRTError) {
        self.kind = kind
        self.path = path
        let source = try PluginMessages.withoutThose { () throws(PJRTError) -> UnsafePointer<PJRT_Api> in
            kind.preloadLibraries(of: path)
            guard let library = dlopen(path, RTLD_NOW | RTLD_LOCAL) else { throw Self.unusable(path, String(cString: dlerror())) }
            guard let symbol = dlsym(library, "GetPjrtApi") else {
                throw Self.unusable(path, "it is a shared library but no PJRT plugin: it has no function GetPjrtApi")
            }
            let function = unsafeBitCast(symbol, to: (@convention(c) () -> UnsafePointer<PJRT_Api>?).self)
            guard let table = function() else { throw Self.unusable(path, "GetPjrtApi gave nothing") }
            return table
        }
        self.table = try Self.copy(source, of: path)
        tableSize = source.pointee.struct_size
        apiVersion = (Int(self.table.pjrt_api_version.major_version), Int(self.table.pjrt_api_version.minor_version))

        var list = PJRT_Plugin_Attributes_Args.sized()
        try PluginMessages.withoutThose { () throws(PJRTError) in
            var initialize = PJRT_Plugin_Initialize_Args.sized()
            try call(table.PJRT_Plugin_Initialize, &initialize, "initialise the plugin \(path)")
            try call(table.PJRT_Plugin_Attributes, &list, "ask the plugin \(path) what it is")
        }
        attributes = Dictionary(
            UnsafeBufferPointer(start: list.attributes, count: list.num_attributes).map { ($0.nameText, $0.valueText) },
            uniquingKeysWith: { first, _ in first })
    }

    /// The StableHLO version that the plugin knows, if it tells.
    package var stableHLOVersion: String? { attributes["stablehlo_current_version"] }

    /// `PJRT 0.115, StableHLO 1.20.0`
    package var versionText: String {
        "PJRT \(apiVersion.major).\(apiVersion.minor)" + (stableHLOVersion.map { ", StableHLO \($0)" } ?? "")
    }

    /// The plugin's table as far as both know it, zeros where the plugin's is shorter; checked before anything is called.
    package static func copy(_ source: UnsafePointer<PJRT_Api>, of path: String) throws(PJRTError) -> PJRT_Api {
        let wanted = "Hillock needs 0.\(oldestMinorVersion) or later of major version 0"
        let size = source.pointee.struct_size
        guard size >= MemoryLayout<PJRT_Api>.offset(of: \.PJRT_Error_Destroy)! else {
            throw unusable(path, "its table of functions has \(size) bytes; \(wanted)")
        }
        let version = source.pointee.pjrt_api_version
        guard version.major_version == 0, version.minor_version >= oldestMinorVersion else {
            throw unusable(path, "it speaks version \(version.major_version).\(version.minor_version) of PJRT; \(wanted)")
        }
        var table = PJRT_Api()
        withUnsafeMutableBytes(of: &table) { target in
            target.copyMemory(from: UnsafeRawBufferPointer(start: source, count: Swift.min(size, target.count)))
        }
        return table
    }

    /// The positions in the table of functions that are declared here and that the plugin leaves out.
    package var missingFunctions: [Int] {
        let start = MemoryLayout<PJRT_Api>.offset(of: \.PJRT_Error_Destroy)!
        return withUnsafeBytes(of: table) { bytes in
            (0..<(bytes.count - start) / 8).filter { bytes.load(fromByteOffset: start + 8 * $0, as: UInt.self) == 0 }
        }
    }

    /// Asks for the attributes with a record that claims another size.
    package func checkSize(ofFirstRecord size: Int) throws(PJRTError) {
        var record = PJRT_Plugin_Attributes_Args.sized()
        record.struct_size = size
        try call(table.PJRT_Plugin_Attributes, &record, "ask the plugin what it is")
    }

    /// An error about a plugin that cannot be used.
    static func unusable(_ path: String, _ reason: String) -> PJRTError {
        PJRTError(.unusablePlugin, device: path, action: "use the plugin", reason: reason)
    }
}

extension Plugin {
    /// Calls a function; what it gives back stands in the record.
    @inline(__always)
    func call<Record: ArgumentRecord>(
        _ function: ((UnsafeMutablePointer<Record>?) -> OpaquePointer?)?, _ record: inout Record, _ action: @autoclosure () -> String
    ) throws(PJRTError) {
        guard let function else {
            throw PJRTError(
                .unimplemented, device: kind.name, action: action(), reason: "the plugin lacks the function that takes \(Record.self)",
                hint: "it is too old, or does not do this at all")
        }
        if let error = function(&record) { throw self.error(error, action()) }
    }

    /// Calls a function that frees something, of which nobody can do anything when it fails.
    @inline(__always)
    func release<Record: ArgumentRecord>(_ function: ((UnsafeMutablePointer<Record>?) -> OpaquePointer?)?, _ record: inout Record) {
        if let error = function?(&record) { destroy(error) }
    }

    /// Takes over a plugin's error.
    func error(_ pointer: OpaquePointer, _ action: String) -> PJRTError {
        defer { destroy(pointer) }
        var message = PJRT_Error_Message_Args.sized()
        message.error = pointer
        table.PJRT_Error_Message?(&message)
        var code = PJRT_Error_GetCode_Args.sized()
        code.error = pointer
        if let failure = table.PJRT_Error_GetCode?(&code) { destroy(failure) }
        return PJRTError(
            PJRTError.Code(rawValue: Int(code.code.rawValue)) ?? .unknown, device: kind.name, action: action,
            reason: String(bytes: message.message, count: message.message_size))
    }

    private func destroy(_ error: OpaquePointer) {
        var record = PJRT_Error_Destroy_Args.sized()
        record.error = error
        table.PJRT_Error_Destroy?(&record)
    }
}

extension String {
    /// Text that is not terminated.
    init(bytes: UnsafePointer<CChar>?, count: Int) {
        guard let bytes else {
            self = ""
            return
        }
        self = String(decoding: UnsafeRawBufferPointer(start: bytes, count: count), as: UTF8.self)
    }
}

extension PJRT_NamedValue {
    fileprivate var nameText: String { String(bytes: name, count: name_size) }

    /// The value as text; a list of numbers is a version.
    fileprivate var valueText: String {
        switch type {
        case PJRT_NamedValue_kString: String(bytes: string_value, count: value_size)
        case PJRT_NamedValue_kInt64: "\(int64_value)"
        case PJRT_NamedValue_kInt64List:
            UnsafeBufferPointer(start: int64_array_value, count: value_size).map { "\($0)" }.joined(separator: ".")
        case PJRT_NamedValue_kFloat: "\(float_value)"
        case PJRT_NamedValue_kBool: "\(bool_value)"
        default: "?"
        }
    }
}

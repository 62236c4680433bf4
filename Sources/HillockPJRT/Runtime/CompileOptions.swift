/// How a program is compiled: on which devices it runs, and XLA's own settings.
///
/// Source of the field numbers: OpenXLA, xla/pjrt/proto/compile_options.proto.
package struct CompileOptions: Sendable, Hashable {
    /// The plugin's numbers of the devices that it runs on: a row for each replica, in it one for each part of the program.
    package var devices: [[Int]]
    /// XLA's settings by name, such as `xla_gpu_cuda_data_dir`.
    package var settings: [String: Client.Option]

    /// Options for these devices.
    package init(devices: [[Int]], settings: [String: Client.Option] = [:]) {
        precondition(!devices.isEmpty && devices.allSatisfy { $0.count == devices[0].count && !$0.isEmpty })
        self.devices = devices
        self.settings = settings
    }

    /// How many replicas run.
    package var replicaCount: Int { devices.count }
    /// How many parts the program is divided into.
    package var partitionCount: Int { devices[0].count }

    /// The options as a `CompileOptionsProto`.
    package var serialized: [UInt8] {
        var writer = ProtobufWriter()
        writer.message(3) { build in
            // No single device: the assignment says which.
            build.integer(1, -1)
            build.integer(4, replicaCount)
            build.integer(5, partitionCount)
            if partitionCount > 1 { build.integer(6, 1) }
            build.message(9) { assignment in
                assignment.integer(1, replicaCount)
                assignment.integer(2, partitionCount)
                for part in 0..<partitionCount {
                    assignment.message(3) { $0.integers(1, devices.map { $0[part] }) }
                }
            }
            // Shardy divides the program: annotations are its own.
            if partitionCount > 1 { build.integer(19, 1) }
        }
        for (name, value) in settings.sorted(by: { $0.key < $1.key }) {
            writer.message(7) { entry in
                entry.text(1, name)
                entry.message(2) { setting in
                    switch value {
                    case .text(let text): setting.text(1, text)
                    case .flag(let flag): setting.integer(2, flag ? 1 : 0)
                    case .integer(let number): setting.integer(3, number)
                    case .real(let number): setting.real(4, Double(number))
                    }
                }
            }
        }
        return writer.bytes
    }
}

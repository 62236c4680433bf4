extension Device {
    /// The device that goes by this name: `cpu`, `reference`, `xla-cpu`, `cuda`, `cuda:1`, `tpu` …, or the devices of a mesh: `cuda:data=8`,
    /// `tpu:data=4,model=2`.
    ///
    /// - Throws: ``DeviceError`` for a name that no device has, and what the engine throws that has no such device.
    public init(named name: String) throws {
        let parts = name.split(separator: ":", maxSplits: 1, omittingEmptySubsequences: false)
        let kind = String(parts[0])
        switch name {
        case "cpu": self = .cpu
        case "reference": self = .reference
        default:
            guard let type = Self.accelerators, type.kinds.contains(kind) else {
                throw DeviceError(name: name, known: Self.names)
            }
            if parts.count > 1, parts[1].contains("=") {
                guard let axes = Self.axes(parts[1]) else { throw DeviceError(name: name, known: Self.names) }
                if let fault = Mesh.fault(of: axes) { throw fault }
                self = try .mesh(Mesh(axes: axes), of: kind)
                return
            }
            let digits = parts.count > 1 ? parts[1] : "0"
            guard digits.allSatisfy({ $0.isASCII && $0.isNumber }), let ordinal = Int(digits) else {
                throw DeviceError(name: name, known: Self.names)
            }
            self.init(try type.init(kind: kind, ordinal: ordinal))
        }
    }

    /// The axes of a mesh: `data=4,model=2`.
    private static func axes(_ text: Substring) -> [Mesh.Axis]? {
        var axes: [Mesh.Axis] = []
        for word in text.split(separator: ",", omittingEmptySubsequences: false) {
            let parts = word.split(separator: "=", omittingEmptySubsequences: false)
            guard parts.count == 2, let size = Int(parts[1]) else { return nil }
            axes.append(Mesh.Axis(String(parts[0]), size))
        }
        return axes
    }

    /// The names of all devices that there can be, without numbers.
    public static var names: [String] { ["cpu", "reference"] + (accelerators?.kinds ?? []) }

    /// XLA on the CPU.
    /// - Throws: what the engine throws where its plugin is not installed.
    public static var xlaCPU: Device { get throws { try Device(named: "xla-cpu") } }

    /// An NVIDIA GPU.
    /// - Throws: what the engine throws where its plugin is not installed, or there is no such GPU.
    public static func cuda(_ ordinal: Int = 0) throws -> Device { try Device(named: "cuda:\(ordinal)") }

    /// An AMD GPU.
    /// - Throws: what the engine throws where its plugin is not installed, or there is no such GPU.
    public static func rocm(_ ordinal: Int = 0) throws -> Device { try Device(named: "rocm:\(ordinal)") }

    /// An Intel GPU.
    /// - Throws: what the engine throws where its plugin is not installed, or there is no such GPU.
    public static func oneapi(_ ordinal: Int = 0) throws -> Device { try Device(named: "oneapi:\(ordinal)") }

    /// A Google TPU.
    /// - Throws: what the engine throws where its plugin is not installed, or there is no such TPU.
    public static func tpu(_ ordinal: Int = 0) throws -> Device { try Device(named: "tpu:\(ordinal)") }

    /// Devices of a kind, `cuda`, `tpu`, `xla-cpu` …, that compute together: the first that there are, as many as the mesh has.
    ///
    /// Tensors are divided among them as ``Tensor/sharded(_:on:file:line:)`` and a model's placement say, and the programs with them; what
    /// nobody divides is whole on every device.
    /// - Throws: ``DeviceError`` for a kind that no device has, and what the engine throws that has too few.
    public static func mesh(_ mesh: Mesh, of kind: String) throws -> Device {
        guard let type = _typeByName("11HillockPJRT10MeshEngineV") as? any LinkedMeshEngine.Type, accelerators?.kinds.contains(kind) == true
        else { throw DeviceError(name: kind, known: accelerators?.kinds ?? []) }
        return Device(try type.init(kind: kind, mesh: mesh))
    }

    /// The engine of accelerators where `HillockPJRT` is linked, as `import Hillock` does.
    private static var accelerators: (any LinkedAccelerator.Type)? {
        // Found by its mangled name, as the CPU's is.
        _typeByName("11HillockPJRT10PJRTEngineV") as? any LinkedAccelerator.Type
    }
}

/// A device's name that none has.
public struct DeviceError: Error, Sendable, Hashable, CustomStringConvertible {
    /// What was asked for.
    public let name: String
    /// The names that there are.
    public let known: [String]

    /// `there is no device "gpu"; expected one of cpu, reference, cuda …, with a number where there are several: cuda:1, or several
    /// together: cuda:data=8`
    public var description: String {
        """
        there is no device "\(name)"; expected one of \(known.joined(separator: ", ")), with a number where there are several: cuda:1, \
        or several together: cuda:data=8
        """
    }
}

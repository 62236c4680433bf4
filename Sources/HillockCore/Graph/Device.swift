/// Where programs run. A value, not a global: `Device.$current.withValue(.reference) { … }` chooses one for a task.
public struct Device: Sendable, CustomStringConvertible {
    /// What runs the programs.
    public let engine: any Engine

    /// A device that this engine drives.
    public init(_ engine: any Engine) {
        self.engine = engine
    }

    /// The slow and obvious definition of every operation.
    public static let reference = Device(ReferenceEngine())

    /// The native CPU engine where `HillockCPU` is linked (as `import Hillock` does), the reference otherwise.
    public static let cpu: Device = {
        // Found by its mangled name: the core does not depend on its engines, and a registry would be a mutable global.
        if let type = _typeByName("10HillockCPU9CPUEngineV") as? any LinkedEngine.Type { return Device(type.init()) }
        return reference
    }()

    /// The device that evaluation uses in this task.
    @TaskLocal public static var current: Device = .cpu

    /// The grid of the devices that compute together; `nil` for a single one.
    public var mesh: Mesh? { engine.mesh }

    /// The engine's name.
    public var description: String { engine.name }
}

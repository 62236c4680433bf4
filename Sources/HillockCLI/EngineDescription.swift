import Hillock

/// What computes, in words.
enum EngineDescription {
    /// `cpu (avx512, 2 threads, oneDNN 2.6.3, OpenMP)`
    static var current: String {
        let device = Device.current
        if device.engine is CPUEngine { return "\(device) (\(CPUEngine.details))" }
        if let engine = device.engine as? PJRTEngine { return "\(device) (\(engine.details))" }
        if let engine = device.engine as? MeshEngine { return "\(device) (\(engine.details))" }
        return "\(device)"
    }
}

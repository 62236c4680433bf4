import Hillock

/// What computes, in words.
enum EngineDescription {
    /// `cpu (avx512, 2 threads, oneDNN 2.6.3, OpenMP)`
    static var current: String {
        let device = Device.current
        return device.engine is CPUEngine ? "\(device) (\(CPUEngine.details))" : "\(device)"
    }
}

import ArgumentParser
import Hillock

/// What computes.
struct DeviceOption: ParsableArguments {
    @Option(
        help: ArgumentHelp("What computes: cpu, xla-cpu, cuda, cuda:1, tpu … (default: cpu)", valueName: "name"),
        completion: .list(Device.names))
    var device: String?

    /// Runs `body` on the device.
    /// - Throws: what the device throws that is not there, and what `body` throws.
    func use<Result>(_ body: () throws -> Result) throws -> Result {
        guard let device else { return try body() }
        return try Device.$current.withValue(Device(named: device), operation: body)
    }
}

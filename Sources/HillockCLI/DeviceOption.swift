import ArgumentParser
import Foundation
import Hillock

/// What computes, and in what.
struct DeviceOption: ParsableArguments {
    @Option(
        help: ArgumentHelp("What computes: cpu, xla-cpu, cuda, cuda:1, tpu … (default: cpu)", valueName: "name"),
        completion: .list(Device.names))
    var device: String?

    @Option(
        name: .customLong("precision"),
        help: ArgumentHelp(
            "What matrix products and convolutions multiply in: f32, or bf16 with sums in f32. (default: f32)", valueName: "f32|bf16"),
        completion: .list(Precision.allCases.map(\.name)))
    private var precisionName: String?

    /// The precision that was named, if one was.
    /// - Throws: ``UnknownName`` for one that does not exist.
    func precision() throws -> Precision? {
        try precisionName.map {
            guard let known = Precision(named: $0) else {
                throw UnknownName(kind: "precision", name: $0, known: Precision.allCases.map(\.name))
            }
            return known
        }
    }

    /// Runs `body` on the device, in the precision; says so in a line where the device has no such thing.
    /// - Throws: what the device throws that is not there, ``UnknownName``, and what `body` throws.
    func use<Result>(_ body: () throws -> Result) throws -> Result {
        let device = try device.map { try Device(named: $0) } ?? .current
        return try Precision.$current.withValue(precision() ?? .current) {
            try Device.$current.withValue(device) {
                if let note = device.precisionNote { FileHandle.standardError.write(Data("hillock: \(note)\n".utf8)) }
                return try body()
            }
        }
    }
}

import Foundation
import Hillock
import Workloads

// One measurement in a process of its own: `workload NAME [OPTIONS]` prints a line of JSON; `workload --list` prints the names.
// `workload --check [NAME…]` runs workloads T01 to T21 briefly, and says which do not give what they must; `workload --mesh KIND COUNT NAME…`
// trains some on so many devices of a kind, with parameters placed in several ways, and compares with one; `workload --profile NAME` says
// where a workload's time goes.
func fail(_ message: String) -> Never {
    FileHandle.standardError.write(Data("workload: error: \(message.split(whereSeparator: \.isNewline).joined(separator: "; "))\n".utf8))
    exit(1)
}

let encoder = JSONEncoder()
encoder.keyEncodingStrategy = .convertToSnakeCase
encoder.nonConformingFloatEncodingStrategy = .convertToString(positiveInfinity: "inf", negativeInfinity: "-inf", nan: "nan")

do {
    let options = try Options(Array(CommandLine.arguments.dropFirst()))
    switch options.action {
    case .list:
        print(Workloads.names.joined(separator: " "))
    case .check(let names):
        let program = (try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe")) ?? CommandLine.arguments[0]
        exit(Check(program: program, device: options.device, precision: options.precision).run(names) == 0 ? 0 : 2)
    case .mesh(let kind, let count, let names):
        exit(try MeshCheck(kind: kind, devices: count).run(names) == 0 ? 0 : 2)
    case .trial(let name, let numerics):
        let trial = try Numerics.$current.withValue(numerics) {
            try options.onDevice { try Workloads.make(name)!.trial() }
        }
        print(String(decoding: try encoder.encode(trial), as: UTF8.self))
    case .profile(let name):
        let profile = try options.onDevice {
            let workload = try Workloads.make(name, options.size)!
            let steps = options.repeats > 0 ? options.repeats : 30
            return try Hillock.profile(warmUp: 10, steps: steps) { _ = try workload.step().hostArray() }
        }
        print(profile)
    case .measure(let name):
        var measurement = try options.onDevice {
            try Workloads.make(name, options.size)!.measure(named: name, repeats: options.repeats)
        }
        measurement.device = options.device
        measurement.precision = options.precision
        print(String(decoding: try encoder.encode(measurement), as: UTF8.self))
    }
} catch {
    fail("\(error)")
}

import Foundation
import Hillock
import Workloads

// One measurement in a process of its own: `workload NAME [REPEATS [DEVICE]]` prints a line of JSON; `workload --list` prints the names.
let arguments = CommandLine.arguments
if arguments.count == 2, arguments[1] == "--list" {
    print(Workloads.names.joined(separator: " "))
    exit(0)
}
guard arguments.count >= 2, Workloads.names.contains(arguments[1]) else {
    FileHandle.standardError.write(
        Data("usage: workload --list | NAME [REPEATS [DEVICE]], with a name of: \(Workloads.names.joined(separator: " "))\n".utf8))
    exit(1)
}
let device: Device
do {
    device = arguments.count > 3 ? try Device(named: arguments[3]) : .cpu
} catch {
    FileHandle.standardError.write(Data("workload: \(error)\n".utf8))
    exit(1)
}
var measurement = Device.$current.withValue(device) {
    Workloads.make(arguments[1])!.measure(named: arguments[1], repeats: arguments.count > 2 ? Int(arguments[2]) ?? 0 : 0)
}
if arguments.count > 3 { measurement.peer += " \(device)" }
let encoder = JSONEncoder()
encoder.keyEncodingStrategy = .convertToSnakeCase
print(String(decoding: try encoder.encode(measurement), as: UTF8.self))

import Foundation
import Workloads

// One measurement in a process of its own: `workload NAME [REPEATS]` prints a line of JSON; `workload --list` prints the names.
let arguments = CommandLine.arguments
if arguments.count == 2, arguments[1] == "--list" {
    print(Workloads.names.joined(separator: " "))
    exit(0)
}
guard arguments.count >= 2, let workload = Workloads.make(arguments[1]) else {
    FileHandle.standardError.write(
        Data("usage: workload --list | NAME [REPEATS], with a name of: \(Workloads.names.joined(separator: " "))\n".utf8))
    exit(1)
}
let measurement = workload.measure(named: arguments[1], repeats: arguments.count > 2 ? Int(arguments[2]) ?? 0 : 0)
let encoder = JSONEncoder()
encoder.keyEncodingStrategy = .convertToSnakeCase
print(String(decoding: try encoder.encode(measurement), as: UTF8.self))

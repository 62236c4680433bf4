import Foundation
import Hillock
import Workloads

// One measurement in a process of its own: `workload NAME [REPEATS [DEVICE]]` prints a line of JSON; `workload --list` prints the names.
// `workload --check [NAME…]` runs workloads T01 to T21 briefly, and says which do not give what they must; `workload --mesh KIND COUNT NAME…`
// trains some on so many devices of a kind, with parameters placed in several ways, and compares with one.
let arguments = CommandLine.arguments
let encoder = JSONEncoder()
encoder.keyEncodingStrategy = .convertToSnakeCase

func unknown() -> Never {
    FileHandle.standardError.write(
        Data(
            "usage: workload --list | --check [NAME…] | --mesh KIND COUNT NAME… | NAME [REPEATS [DEVICE]], with a name of: \(Workloads.names.joined(separator: " "))\n"
                .utf8))
    exit(1)
}

switch arguments.dropFirst().first {
case "--list" where arguments.count == 2:
    print(Workloads.names.joined(separator: " "))
case "--check":
    let names = arguments.count > 2 ? Array(arguments[2...]) : Workloads.names.filter { $0.hasPrefix("T") }
    guard names.allSatisfy(Workloads.names.contains) else { unknown() }
    let program = (try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe")) ?? arguments[0]
    exit(Check(program: program).run(names) == 0 ? 0 : 2)
case "--mesh" where arguments.count > 4 && Int(arguments[3]) ?? 0 > 0 && arguments[4...].allSatisfy(Workloads.names.contains):
    do {
        let failures = try MeshCheck(kind: arguments[2], devices: Int(arguments[3]) ?? 1).run(Array(arguments[4...]))
        exit(failures == 0 ? 0 : 2)
    } catch {
        FileHandle.standardError.write(Data("workload: \(error)\n".utf8))
        exit(1)
    }
case "--outcome" where arguments.count == 4:
    let outcome = try Numerics.$current.withValue(arguments[3] == "strict" ? .strict : .fast) { () -> Outcome? in
        try Workloads.make(arguments[2])?.outcome()
    }
    guard let outcome else { unknown() }
    print(String(decoding: try encoder.encode(outcome), as: UTF8.self))
case let name?:
    guard Workloads.names.contains(name) else { unknown() }
    let device: Device
    do {
        device = arguments.count > 3 ? try Device(named: arguments[3]) : .cpu
    } catch {
        FileHandle.standardError.write(Data("workload: \(error)\n".utf8))
        exit(1)
    }
    var measurement = Device.$current.withValue(device) {
        Workloads.make(name)!.measure(named: name, repeats: arguments.count > 2 ? Int(arguments[2]) ?? 0 : 0)
    }
    if arguments.count > 3 { measurement.peer += " \(device)" }
    print(String(decoding: try encoder.encode(measurement), as: UTF8.self))
case nil:
    unknown()
}

import Foundation
import Hillock
import Workloads

/// What the program is asked to do.
struct Options {
    /// What it does.
    enum Action {
        case list
        case check([String])
        /// What the first steps of a workload give; for ``Check``.
        case trial(String, Numerics)
        case measure(String)
        /// Where a workload's time goes, kernel by kernel.
        case profile(String)
        /// Trains on so many devices of a kind; for ``MeshCheck``.
        case mesh(String, Int, [String])
    }

    private(set) var action = Action.list
    /// What computes; the CPU unless given.
    private(set) var device: String?
    /// `f32` or `bf16`; for the library, which reads it from the environment.
    private(set) var precision: String?
    /// How many repeats are timed; 0 for as many as fit into three seconds.
    private(set) var repeats = 0
    /// Other sizes than the specification's.
    private(set) var size = WorkloadSize()

    private static var usage: String {
        let sizes = WorkloadSize.fields.map { "--\($0.name) N" }.joined(separator: ", ")
        return
            "usage: workload --list | --check [NAME…] | --mesh KIND COUNT NAME… | --profile NAME | NAME, with --device NAME, --precision f32|bf16, --repeats N, \(sizes); "
            + "the names are \(Workloads.names.joined(separator: " "))"
    }

    /// Reads a command line.
    /// - Throws: ``CheckError`` for one that cannot be.
    init(_ words: [String]) throws {
        var names: [String] = []
        var flag: String?
        var rest = words[...]
        while let word = rest.popFirst() {
            func value() throws -> String {
                guard let value = rest.popFirst() else { throw CheckError(description: "\(word) is the last word; its value is missing") }
                return value
            }
            func number() throws -> Int {
                let text = try value()
                guard let number = Int(text), number >= 0 else { throw CheckError(description: "\(word) is \(text), expected a number") }
                return number
            }
            switch word {
            case "--list", "--check", "--trial", "--mesh", "--profile": flag = word
            case "--device": device = try value()
            case "--precision": precision = try value()
            case "--repeats": repeats = try number()
            default:
                if let field = WorkloadSize.fields.first(where: { word == "--\($0.name)" }) {
                    size[keyPath: field.path] = try number()
                } else if word.hasPrefix("-") {
                    throw CheckError(description: "there is no option \(word); \(Self.usage)")
                } else {
                    names.append(word)
                }
            }
        }
        if let precision, !["f32", "bf16"].contains(precision) {
            throw CheckError(description: "--precision is \(precision), expected f32 or bf16")
        }
        if flag == "--trial", names.count == 2, let strict = names.popLast() {
            action = .trial(names[0], strict == "strict" ? .strict : .fast)
        } else if flag == "--mesh", names.count > 2, let count = Int(names[1]), count > 0 {
            let kind = names[0]
            names.removeFirst(2)
            action = .mesh(kind, count, names)
        } else if flag == "--check" {
            action = .check(names.isEmpty ? Workloads.names.filter { $0.hasPrefix("T") } : names)
        } else if flag == "--profile", names.count == 1 {
            action = .profile(names[0])
        } else if flag == nil, names.count == 1 {
            action = .measure(names[0])
        } else if flag != "--list" || !names.isEmpty {
            throw CheckError(description: Self.usage)
        }
        for name in names where !Workloads.names.contains(name) {
            throw CheckError(description: "there is no workload \(name); \(Self.usage)")
        }
        // The library reads it where the first plan is made.
        if let precision { setenv("HILLOCK_PRECISION", precision, 1) }
    }

    /// Runs `body` on the device.
    func onDevice<Result>(_ body: () throws -> Result) throws -> Result {
        try Device.$current.withValue(device.map { try Device(named: $0) } ?? .cpu, operation: body)
    }
}

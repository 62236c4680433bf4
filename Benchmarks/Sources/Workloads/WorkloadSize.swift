/// Other sizes than the specification's, for machines that these are too small for; what is `nil` stays as specified.
public struct WorkloadSize: Sendable, Equatable {
    /// Samples in a step.
    public var batch: Int?
    /// Features of a token.
    public var width: Int?
    /// Blocks.
    public var layers: Int?
    /// Attention heads.
    public var heads: Int?
    /// Tokens of a sequence.
    public var length: Int?

    /// The specification's.
    public init() {}

    /// The fields by their names, as options name them.
    public static var fields: [(name: String, path: WritableKeyPath<WorkloadSize, Int?>)] {
        [("batch", \.batch), ("width", \.width), ("layers", \.layers), ("heads", \.heads), ("length", \.length)]
    }
}

extension Workloads {
    /// Workloads that can be made in other sizes, and which of their sizes can be chosen.
    private static var sized: [(name: String, fields: [String], make: (WorkloadSize) -> Workload)] {
        [
            ("T03", ["batch"], { leNetTraining($0) }), ("T07", ["batch"], { residualTraining($0) }),
            ("T11", ["batch", "width", "layers", "heads", "length"], { gptTraining($0) }),
        ]
    }

    /// A workload of another size made ready.
    ///
    /// - Throws: ``WorkloadSizeError`` for a size that the workload does not have, or that it cannot have.
    public static func make(_ name: String, _ size: WorkloadSize) throws -> Workload? {
        if size == WorkloadSize() { return make(name) }
        let chosen = WorkloadSize.fields.filter { size[keyPath: $0.path] != nil }
        let entry = sized.first { $0.name == name }
        for (field, path) in chosen {
            guard let entry, entry.fields.contains(field) else {
                let all = sized.map { "\($0.name) \($0.fields.joined(separator: ", "))" }.joined(separator: "; ")
                throw WorkloadSizeError(description: "\(name) is of one \(field) only; what can be chosen: \(all)")
            }
            if let value = size[keyPath: path], !(1...1 << 20).contains(value) {
                throw WorkloadSizeError(description: "\(field) is \(value), expected 1 to \(1 << 20)")
            }
        }
        if name == "T11", (size.width ?? 384) % (size.heads ?? 6) != 0 {
            throw WorkloadSizeError(description: "a width of \(size.width ?? 384) cannot be divided into \(size.heads ?? 6) heads")
        }
        return entry?.make(size)
    }
}

/// A size that a workload cannot have, in words.
public struct WorkloadSizeError: Error, CustomStringConvertible {
    /// Which, and which can be.
    public let description: String
}

import Foundation
import HillockCore
import Testing

/// An operation applied in one way: a row of the table that drives all tests of operations.
///
/// Inputs, outputs and gradients are stored under `Tests/Reference` by the same name, made by PyTorch (`make_operations.py`).
struct OperationCase: Sendable {
    /// `family/operation/variant`, as in `operations.json`.
    let name: String
    /// The public operations that the case tests, as ``PublicOperations`` spells them.
    let covers: [String]
    /// The operation applied to the stored inputs; the dtype is the case's own, for operations without inputs.
    let apply: @Sendable ([Tensor], DType) -> [Tensor]

    init(_ name: String, _ covers: String..., apply: @escaping @Sendable ([Tensor]) -> Tensor) {
        self.init(name: name, covers: covers) { inputs, _ in [apply(inputs)] }
    }

    init(name: String, covers: [String], apply: @escaping @Sendable ([Tensor], DType) -> [Tensor]) {
        self.name = name
        self.covers = covers
        self.apply = apply
    }

    /// Every case of every family.
    static let all: [OperationCase] =
        functions + arithmetic + numbers + comparisons + reductions + products + attention + shapes + indexing + joining + windows
        + images + losses + normalization + conversions + creation + recurrent
}

/// What is stored about a case.
struct StoredCase: Decodable, Sendable, CustomTestStringConvertible {
    let name: String
    let inputs: Int
    /// The dtypes it is stored for: `f32`, `i64` …
    let dtypes: [String]
    /// Whether gradients are stored.
    let gradient: Bool
    /// Whether the operation is twice differentiable around the inputs.
    let smooth: Bool
    /// Size of the numbers that a result can cancel from.
    let scale: Double

    var testDescription: String { name }

    /// The cases in `operations.json`.
    static let all: [StoredCase] = {
        do {
            return try JSONDecoder().decode([StoredCase].self, from: Data(contentsOf: folder.appending(path: "operations.json")))
        } catch {
            fatalError("operations.json: \(error)")
        }
    }()

    private static let folder = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent().appending(
        path: "Reference")

    private static let files: [StoredTensors] = {
        do {
            return try FileManager.default.contentsOfDirectory(at: folder, includingPropertiesForKeys: nil)
                .filter { $0.lastPathComponent.hasPrefix("operations-") }
                .map { try StoredTensors(contentsOf: $0) }
        } catch {
            fatalError("operations-*.safetensors: \(error)")
        }
    }()

    /// Every name in the files.
    static var storedNames: [String] { files.flatMap(\.names) }

    /// The stored arrays of a kind (`input`, `output`, `cotangent`, `gradient`) by position.
    func arrays(_ kind: String, _ dtype: String) -> [Int: HostArray] {
        var result: [Int: HostArray] = [:]
        for position in 0..<8 {
            let key = "\(name)/\(dtype)/\(kind).\(position)"
            if let array = Self.files.lazy.compactMap({ $0[key] }).first { result[position] = array }
        }
        return result
    }

    /// The arrays of a kind that there is one of for each position.
    func list(_ kind: String, _ dtype: String) -> [HostArray] {
        arrays(kind, dtype).sorted { $0.key < $1.key }.map(\.value)
    }
}

extension DType {
    /// The dtype that is called so.
    init(named name: String) {
        guard let dtype = DType.allCases.first(where: { $0.name == name }) else { fatalError("no dtype is called \(name)") }
        self = dtype
    }
}

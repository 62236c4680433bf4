import Foundation
import HillockCore
import Testing

/// Tensors by name that PyTorch made, as `Tests/Reference/make_layers.py` stored them.
struct ReferenceValues {
    let tensors: [String: HostArray]

    static let layers = ReferenceValues(
        "layers-values.safetensors", "layers-images.safetensors", "layers-recurrent.safetensors", "layers-normalization.safetensors")
    static let optimizers = ReferenceValues("layers-optimizers.safetensors")

    static func url(_ file: String) -> URL {
        URL(filePath: #filePath).deletingLastPathComponent().appending(path: "../Reference/\(file)")
    }

    /// The tensors of all these files.
    init(_ files: String...) {
        tensors = files.reduce(into: [:]) { all, file in
            all.merge(Self.read(file)) { _, _ in fatalError("two values of one name in \(file)") }
        }
    }

    private static func read(_ file: String) -> [String: HostArray] {
        let data = try! Data(contentsOf: Self.url(file))
        let length = data.prefix(8).reversed().reduce(0) { $0 << 8 | Int($1) }
        let header = try! JSONSerialization.jsonObject(with: data[8..<8 + length]) as! [String: [String: Any]]
        return header.mapValues { entry in
            let offsets = entry["data_offsets"] as! [Int]
            let dtype: DType = entry["dtype"] as! String == "I64" ? .int64 : .float64
            return HostArray(dtype: dtype, shape: Shape(entry["shape"] as! [Int])) { bytes in
                data[(8 + length + offsets[0])..<(8 + length + offsets[1])].withUnsafeBytes { bytes.copyMemory(from: $0) }
            }
        }
    }

    subscript(_ name: String) -> HostArray {
        guard let array = tensors[name] else { fatalError("no reference value \(name)") }
        return array
    }

    /// The tensors whose names begin with `prefix`, without it.
    func group(_ prefix: String) -> [String: HostArray] {
        var result: [String: HostArray] = [:]
        for (name, array) in tensors where name.hasPrefix(prefix) { result[String(name.dropFirst(prefix.count))] = array }
        return result
    }
}

/// Same shape, and elements equal up to `tolerance`, absolute below 1 and relative above.
func expectClose(
    _ got: Tensor, _ expected: HostArray, tolerance: Double = 1e-12, _ what: String = "",
    sourceLocation: Testing.SourceLocation = #_sourceLocation
) throws {
    let array = try got.hostArray()
    #expect(array.shape == expected.shape, "\(what)", sourceLocation: sourceLocation)
    guard array.shape == expected.shape else { return }
    for (index, (a, b)) in zip(array.doubles, expected.doubles).enumerated() where !(abs(a - b) <= tolerance * max(1, abs(b))) {
        Issue.record("\(what): element \(index) is \(a), expected \(b)", sourceLocation: sourceLocation)
        return
    }
}

/// The bytes of a tensor's elements.
func bits(_ tensor: Tensor) throws -> [UInt8] {
    try tensor.hostArray().withBytes { Array($0) }
}

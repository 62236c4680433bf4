extension Tensor: CustomStringConvertible {
    /// The elements as NumPy prints them: nested brackets, aligned columns, four decimals, the middle of long axes left out, lines of 75.
    ///
    /// `true` and `false` are Swift's, and an empty tensor of several axes says its shape.
    public var description: String {
        do {
            return TensorPrinter(try hostArray()).text
        } catch {
            return "Tensor(\(type)): \(error)"
        }
    }
}

extension Tensor: CustomDebugStringConvertible {
    /// Type and elements: `Tensor(f32[2, 2]): [[…`.
    public var debugDescription: String { "Tensor(\(type)): \(description)" }
}

/// Lays out an array as text, as NumPy's `array2string` does with `precision=4`.
struct TensorPrinter {
    private static let threshold = 1000
    private static let edge = 3
    private static let lineWidth = 75

    let text: String

    init(_ array: HostArray) {
        let shape = array.shape
        if shape.count == 0 {
            text = shape.rank <= 1 ? "[]" : "[] (shape \(shape))"
            return
        }
        let abbreviates = shape.count > Self.threshold
        /// The indices shown along an axis, where `nil` stands for those left out.
        func visible(_ axis: Int) -> [Int?] {
            let extent = shape[axis]
            guard abbreviates, extent > 2 * Self.edge else { return Array(0..<extent) }
            return Array(0..<Self.edge) + [nil] + Array(extent - Self.edge..<extent)
        }
        var positions: [Int] = []
        func gather(_ axis: Int, _ base: Int) {
            if axis == shape.rank {
                positions.append(base)
                return
            }
            for case let index? in visible(axis) { gather(axis + 1, base * shape[axis] + index) }
        }
        gather(0, 0)
        var cells = Self.format(array.picking(positions, as: TensorType(array.dtype, [positions.count])))[...]
        if shape.rank == 0 {
            text = cells.first.map { String($0.drop { $0 == " " }) } ?? ""
            return
        }

        func render(_ axis: Int) -> String {
            let indent = String(repeating: " ", count: axis + 1)
            if axis < shape.rank - 1 {
                let gap = String(repeating: "\n", count: shape.rank - axis - 1) + indent
                return "[" + visible(axis).map { $0 == nil ? "..." : render(axis + 1) }.joined(separator: gap) + "]"
            }
            // Room for the brackets that close all axes, and for the space between two elements.
            let width = Self.lineWidth - axis - 1
            var lines: [String] = []
            var line = indent
            for index in visible(axis) {
                let word = index == nil ? "..." : cells.removeFirst()
                if line.count + word.count > width, line.count > indent.count {
                    lines.append(line.trimmingEnd())
                    line = indent
                }
                line += word + " "
            }
            lines.append(String(line.dropLast()))
            return "[" + lines.joined(separator: "\n").dropFirst(indent.count) + "]"
        }
        text = render(0)
    }

    /// The elements as words of one width (narrower where NumPy lets them be).
    private static func format(_ array: HostArray) -> [String] {
        switch array.dtype {
        case .bool: aligned(array.integers.map { $0 != 0 ? "true" : "false" })
        case .int32, .int64, .uint8: aligned(array.integers.map(String.init))
        case .float32, .float64, .bfloat16, .float16: RealFormat(array).words
        }
    }

    private static func aligned(_ words: [String]) -> [String] {
        let width = words.map(\.count).max() ?? 0
        return words.map { String(repeating: " ", count: width - $0.count) + $0 }
    }
}

extension String {
    fileprivate func trimmingEnd() -> String { String(reversed().drop { $0 == " " }.reversed()) }
}

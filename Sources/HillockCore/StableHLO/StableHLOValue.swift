/// The type of a value in StableHLO text: elements, some of which no ``DType`` stands for, and shape.
public struct StableHLOType: Hashable, Sendable, CustomStringConvertible {
    /// StableHLO's name of the elements' type: `f32`, `i64`, `i1`, `ui32` …
    public let element: String
    /// Extents, outermost first.
    public let shape: Shape

    /// Elements of this name.
    public init(_ element: String, _ shape: Shape) {
        self.element = element
        self.shape = shape
    }

    /// The type of a tensor.
    public init(_ type: TensorType) { self.init(type.dtype.stableHLOName, type.shape) }

    /// The same elements in another shape.
    public func with(_ shape: Shape) -> StableHLOType { StableHLOType(element, shape) }

    /// `tensor<2x3xf32>`
    public var description: String { "tensor<\(shape.dimensions.map { "\($0)x" }.joined())\(element)>" }
}

extension DType {
    /// What StableHLO calls the type.
    package var stableHLOName: String {
        switch self {
        case .uint8: "ui8"
        case .bool: "i1"
        case .float32, .float64, .int32, .int64, .bfloat16, .float16: name
        }
    }
}

/// A value in StableHLO text: the result of what was written, or an argument.
public struct StableHLOValue: Hashable, Sendable {
    /// How the text refers to it: `%12`.
    public let name: String
    /// Elements and shape.
    public let type: StableHLOType

    /// Extents, outermost first.
    public var shape: Shape { type.shape }
}

/// A program has no StableHLO text.
public struct StableHLOError: Error, Hashable, Sendable, CustomStringConvertible {
    /// Name of the operation.
    public let operation: String
    /// What is wrong with it, and what to do.
    public let message: String

    /// An error of `operation`.
    public init(_ operation: String, _ message: String) {
        self.operation = operation
        self.message = message
    }

    /// `[operation] message`
    public var description: String { "[\(operation)] \(message)" }
}

import Synchronization

/// An n-dimensional array, computed when its value is needed.
///
/// A tensor is a small value that stands for a node of the graph. Operations check shapes and types at once, where they are called, and
/// record a node; nothing is computed until a value is printed, read, or ``evaluate(_:)``d. Tensors never change.
///
/// Mathematical functions are free functions (`exp(x)`, `matmul(a, b)`, `softmax(x, axis: -1)`); reductions and changes of shape are
/// methods (`x.sum(axes: 0)`, `x.reshaped(to: [2, 3])`).
public struct Tensor: Sendable {
    private let handle: Handle

    /// Tells the node when nobody holds it any more.
    private final class Handle: Sendable {
        let node: Node
        init(_ node: Node) { self.node = node }
        deinit { node.holders.subtract(1, ordering: .relaxed) }
    }

    /// The node that the tensor stands for.
    package var node: Node { handle.node }

    /// A tensor for a node that was just made.
    init(new node: Node) {
        handle = Handle(node)
    }

    /// One more tensor for a node that may have others.
    package init(_ node: Node) {
        node.holders.add(1, ordering: .relaxed)
        handle = Handle(node)
    }

    /// A tensor of elements that are known.
    public init(_ array: HostArray) {
        self.init(new: Node(.buffer(HostBuffer(array)), TensorType(array.dtype, array.shape)))
    }

    /// A tensor around a buffer that an engine made.
    package init(buffer: DeviceBuffer) {
        self.init(new: Node(.buffer(buffer), buffer.type))
    }

    /// A number that becomes an input of the program: another value is the same program. Shape `[]`.
    package init(hoisting scalar: Scalar, dtype: DType) {
        self.init(new: Node(.scalar(scalar), TensorType(dtype, .scalar)))
    }

    /// Element type and shape.
    public var type: TensorType { node.type }
    /// Extents, outermost first.
    public var shape: Shape { node.type.shape }
    /// Type of the elements.
    public var dtype: DType { node.type.dtype }
    /// Number of axes.
    public var rank: Int { shape.rank }
    /// Number of elements.
    public var count: Int { shape.count }
}

extension Tensor {
    /// Applies a primitive after its shape rule; a wrong call stops here.
    package static func apply<P: Primitive>(
        _ primitive: P, _ inputs: [Tensor], at location: SourceLocation? = nil, guess: TensorType? = nil
    ) -> Tensor {
        do {
            let type = try primitive.outputType(for: inputs.map(\.type))
            return Tensor(
                new: Node(
                    primitive, type, first: inputs.first?.node, second: inputs.count > 1 ? inputs[1].node : nil,
                    others: inputs.count > 2 ? inputs.dropFirst(2).map(\.node) : []))
        } catch {
            return failed(error, inputs, at: location, guess: guess)
        }
    }

    /// Applies a primitive whose output type is known to be right.
    @inline(__always)
    static func apply<P: Primitive>(_ primitive: P, _ input: Tensor, unchecked type: TensorType) -> Tensor {
        Tensor(new: Node(primitive, type, first: input.node))
    }

    /// Applies a primitive whose output type is known to be right.
    @inline(__always)
    static func apply<P: Primitive>(_ primitive: P, _ a: Tensor, _ b: Tensor, unchecked type: TensorType) -> Tensor {
        Tensor(new: Node(primitive, type, first: a.node, second: b.node))
    }

    /// Stops because of a wrong call; during validation gives a stand-in instead, of the first input's type unless guessed better.
    package static func failed(
        _ error: ShapeError, _ inputs: [Tensor], at location: SourceLocation? = nil, guess: TensorType? = nil
    ) -> Tensor {
        var error = error
        for input in inputs where error.layer == nil && LayerPath.current == nil {
            // "blocks.2.conv1.weight" belongs to the layer "blocks.2.conv1".
            if let path = Evaluator.shared.label(of: input.node)?.path, let dot = path.lastIndex(of: ".") {
                error.layer = String(path[..<dot])
            }
        }
        misuse(error, at: location)
        return Tensor(new: Node(.standIn, guess ?? inputs.first?.type ?? TensorType(.float32, .scalar)))
    }
}

// MARK: - Values

extension Tensor {
    /// The elements, dense and row-major; computes them if need be.
    /// - Throws: what the engine throws when it cannot compute or read them, or when it could not compute what they are made from.
    public func hostArray() throws -> HostArray {
        if let known = try Evaluator.shared.knownArray(of: node) { return known }
        try Evaluator.shared.evaluate([node], on: Device.current)
        return try Evaluator.shared.array(of: node)
    }

    /// The elements as Swift values; computes them if need be. Stops if `Element` is not the tensor's dtype, and where ``hostArray()`` throws.
    public func elements<Element: TensorElement>(as type: Element.Type = Element.self) -> [Element] {
        do {
            return try hostArray().elements()
        } catch {
            fatalError("\(error)")
        }
    }

    /// The one element of a tensor with one element, converted to a real number. Stops where ``hostArray()`` throws.
    public func item(file: StaticString = #fileID, line: UInt = #line) -> Double {
        guard count == 1 else {
            misuse(
                ShapeError("item", "a tensor of shape \(shape) has \(count) elements, not 1", hint: "reduce it first, or use elements()"),
                at: SourceLocation(file: file, line: line))
            return 0
        }
        do {
            return try hostArray().doubles[0]
        } catch {
            fatalError("\(error)")
        }
    }

    /// Says in messages that this is the value of the parameter with this label.
    package func setLabel(_ label: NodeLabel) { Evaluator.shared.setLabel(label, of: node) }

    /// Whether the value is known already.
    public var isEvaluated: Bool { Evaluator.shared.isEvaluated(node) }
}

/// Computes the tensors, all in one program.
///
/// Every value that some `Tensor` still stands for along the way is kept too, so nothing that you hold is computed twice.
///
/// Where the engine fails, as a device does that has no memory left, the tensors carry its error, and so does what is made from them, until one
/// is read: ``Tensor/hostArray()`` throws it. A device may report it as late as that in any case, since it computes while the program goes on.
public func evaluate(_ tensors: [Tensor]) {
    // Carried by the tensors.
    try? Evaluator.shared.evaluate(tensors.map(\.node), on: Device.current, carriesErrors: true)
}

/// Computes the tensors, all in one program.
public func evaluate(_ tensors: Tensor...) {
    evaluate(tensors)
}

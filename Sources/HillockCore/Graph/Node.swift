import Synchronization

/// A value in the graph: how it is computed, and, once it is, the result. The nodes are the tape that gradients walk.
public final class Node: @unchecked Sendable {
    /// The operation, or ``Leaf``.
    public let primitive: any Primitive
    /// Element type and shape of the value.
    public let type: TensorType
    /// Hash of operation, attributes and type; not of the inputs.
    let localHash: UInt64
    /// Tensors in the user's hands that stand for this node: while there is one, its value is worth keeping.
    let holders = Atomic<Int>(1)
    // Guarded by the evaluator's lock: the inputs (dropped once the value is known), the value, and marks of the latest walk.
    private var first: Node?
    private var second: Node?
    private var others: [Node]
    var value: NodeValue
    var visit: UInt64 = 0
    var index: Int32 = 0
    /// How many results a ``Composite`` has that are nodes of their own; 1 where this node is the only one.
    let resultCount: Int32
    /// Names the parameter that this node is the value of, for messages.
    var label: NodeLabel?

    init(
        _ primitive: any Primitive, _ type: TensorType, first: Node? = nil, second: Node? = nil, others: [Node] = [], resultCount: Int = 1
    ) {
        self.resultCount = Int32(resultCount)
        self.primitive = primitive
        self.type = type
        self.first = first
        self.second = second
        self.others = others
        value = .none
        var hash = mix(primitive.identityHash, UInt64(type.dtype.rawValue))
        for extent in type.shape.dimensions { hash = mix(hash, UInt64(bitPattern: Int64(extent))) }
        localHash = hash
    }

    /// A leaf: a value that is known already.
    package init(_ value: NodeValue, _ type: TensorType) {
        primitive = Leaf()
        self.type = type
        resultCount = 1
        first = nil
        second = nil
        others = []
        self.value = value
        localHash = 0
    }

    /// Number of inputs still attached.
    @inline(__always)
    var inputCount: Int { first == nil ? 0 : second == nil ? 1 : 2 + others.count }

    @inline(__always)
    func input(_ position: Int) -> Node {
        position == 0 ? first.unsafelyUnwrapped : position == 1 ? second.unsafelyUnwrapped : others[position - 2]
    }

    /// The inputs still attached.
    var inputs: [Node] { (0..<inputCount).map(input) }

    /// Forgets how the value was computed.
    func detach() {
        first = nil
        second = nil
        others = []
    }

    /// Releases the nodes that only this one holds, without recursion: a chain of a million operations must not overflow the stack.
    deinit {
        guard var head = first else { return }
        first = nil
        if second == nil, !isKnownUniquelyReferenced(&head) { return }
        var pending = others
        if let second { pending.append(second) }
        second = nil
        others = []
        while true {
            // Each uniquely held node gives up its inputs before it goes.
            if isKnownUniquelyReferenced(&head), let next = head.first {
                if let second = head.second { pending.append(second) }
                pending.append(contentsOf: head.others)
                head.first = nil
                head.second = nil
                head.others = []
                head = next
            } else if let next = pending.popLast() {
                head = next
            } else {
                return
            }
        }
    }
}

/// What is known of a node's value.
package enum NodeValue {
    case none
    case buffer(DeviceBuffer)
    case scalar(Scalar)
    /// The result of a wrong call during ``Validation``: never computed.
    case standIn
    /// What the engine threw when it was to compute the value; its inputs may be gone.
    case failed(any Error)
}

/// What is known of a parameter whatever its value, shared by the nodes that are its value at different times.
package final class NodeLabel: Sendable {
    private let state = Mutex<(path: String?, sharding: Sharding?)>((nil, nil))
    package init() {}
    /// Its name in the model.
    package var path: String? {
        get { state.withLock { $0.path } }
        set { state.withLock { $0.path = newValue } }
    }
    /// How it is divided among the devices of a mesh, where it was placed.
    package var sharding: Sharding? {
        get { state.withLock { $0.sharding } }
        set { state.withLock { $0.sharding = newValue } }
    }
}

/// Stands where a known value is; it computes nothing.
public struct Leaf: Primitive {
    /// `input`
    public static let name = "input"

    /// Leaves are made with their type, not by a rule.
    public func outputType(for inputs: [TensorType]) throws(ShapeError) -> TensorType {
        throw ShapeError("input", "has no shape rule")
    }

    /// Nothing: there are no inputs.
    public func gradient(inputs: [Tensor], output: Tensor, upstream: Tensor) -> [Tensor?] { [] }

    /// Leaves are given their value, never evaluated.
    public func evaluate(_ inputs: [HostArray], as type: TensorType) -> HostArray {
        fatalError("[input] is not computed")
    }

    /// Leaves are arguments, never written.
    public func stableHLO(
        _ inputs: [StableHLOValue], as type: TensorType, in text: inout StableHLOWriter
    ) throws(StableHLOError) -> StableHLOValue {
        throw StableHLOError(Self.name, "is an argument of programs, no operation")
    }
}

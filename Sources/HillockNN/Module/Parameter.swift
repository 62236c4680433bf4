import HillockCore
import Synchronization

/// A tensor that training changes and checkpoints save.
///
/// A box: copies of the module that holds it share it.
public final class Parameter: Sendable {
    private let state: Mutex<Tensor>
    private let label = NodeLabel()
    /// Whether a step touches few of its rows, so that optimizers that can leave the others and what they remember of them alone.
    public let hasSparseGradient: Bool

    /// A parameter that begins as `value`.
    public init(_ value: Tensor, hasSparseGradient: Bool = false) {
        state = Mutex(value)
        self.hasSparseGradient = hasSparseGradient
        value.setLabel(label)
    }

    /// The current value. A new one must have the same shape and dtype.
    public var value: Tensor {
        get { state.withLock { $0 } }
        set {
            if newValue.type != type {
                misuse(ShapeError("parameter", "\(path ?? "value") is \(type), cannot become \(newValue.type)"))
                return
            }
            newValue.setLabel(label)
            state.withLock { $0 = newValue }
        }
    }

    /// Element type and shape.
    public var type: TensorType { value.type }
    /// Extents, outermost first.
    public var shape: Shape { value.shape }

    /// How it lies on the devices of a mesh; `nil` where nobody placed it, and it is whole on every device.
    public internal(set) var sharding: Sharding? {
        get { label.sharding }
        set { label.sharding = newValue }
    }

    /// The name in the module that was last asked for its parameters, such as `blocks.2.conv1.weight`.
    public package(set) var path: String? {
        get { label.path }
        set { label.path = newValue }
    }
}

/// A tensor that checkpoints save but training does not change by gradients, such as running statistics.
public final class Buffer: Sendable {
    private let state: Mutex<Tensor>
    /// Says that the value belongs to a model; it has no name.
    private let label = NodeLabel()

    /// A buffer that begins as `value`.
    public init(_ value: Tensor) {
        state = Mutex(value)
        value.setLabel(label)
    }

    /// The current value. A new one must have the same shape and dtype.
    public var value: Tensor {
        get { state.withLock { $0 } }
        set {
            if newValue.type != value.type {
                misuse(ShapeError("buffer", "value is \(value.type), cannot become \(newValue.type)"))
                return
            }
            newValue.setLabel(label)
            state.withLock { $0 = newValue }
        }
    }
}

import HillockCore
import Synchronization

/// What a layer keeps to know where it stands in its model, so that errors and summaries can say so.
///
/// Every layer of the library has one. A layer of your own may: `private let scope = LayerScope()`, and `scope.enter(self, x) { … }` around
/// its computation.
public final class LayerScope: Sendable {
    private struct Place {
        var path: LayerPath?
        /// Of what stands in this layer by position.
        var positions: [LayerPath] = []
    }
    private let state = Mutex(Place())

    /// A scope whose place is not known yet: it is found when the model is asked for its contents, as an optimizer does.
    public init() {}

    /// The layer's path in the model that was last asked for its contents; empty for the model itself.
    package var path: LayerPath? {
        get { state.withLock { $0.path } }
        set { state.withLock { $0 = Place(path: newValue) } }
    }

    /// Where the layers stand that this one has by position: under its own path if that is known, else under that of the layer being applied.
    func paths(ofPositions count: Int) -> [LayerPath] {
        func paths(under parent: LayerPath?) -> [LayerPath] {
            (0..<count).map { LayerPath((parent?.components ?? []) + ["\($0)"]) }
        }
        return state.withLock { place in
            guard place.path != nil else { return paths(under: LayerPath.current) }
            if place.positions.count != count { place.positions = paths(under: place.path) }
            return place.positions
        }
    }

    /// Runs `body`, the computation of `layer` on `x`.
    public func enter<L: Layer>(_ layer: L, _ x: Tensor, _ body: () -> Tensor) -> Tensor {
        let path = path
        guard let observer = LayerObserver.current else { return compute(at: path, body) }
        let first = observer.calls.count
        let output = compute(at: path, body)
        observer.record(.init(path: path?.description ?? "", type: "\(L.self)", input: x, output: output, firstWithin: first))
        return output
    }

    @inline(__always)
    private func compute(at path: LayerPath?, _ body: () -> Tensor) -> Tensor {
        guard let path, !path.components.isEmpty else { return body() }
        return path.entering(body)
    }
}

/// Collects the layers that are called, for ``Layer/summary(input:batch:dtype:)``.
final class LayerObserver: Sendable {
    @TaskLocal static var current: LayerObserver?

    /// One call of a layer.
    struct Call: Sendable {
        let path: String
        let type: String
        let input: Tensor
        let output: Tensor
        /// Position of the first call that this one made; those up to its own are its.
        let firstWithin: Int
    }

    private let state = Mutex<[Call]>([])

    var calls: [Call] { state.withLock { $0 } }

    func record(_ call: Call) {
        state.withLock { $0.append(call) }
    }
}

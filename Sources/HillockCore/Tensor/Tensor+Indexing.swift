/// What stands in the brackets of `x[…]` for one axis.
public enum TensorIndex: Sendable {
    /// One index; the axis goes away. Negative counts from the end.
    case index(Int)
    /// Indices `from..<to` by `step`; `nil` is the axis's end on that side; negative bounds count from the end; a negative step runs
    /// backwards.
    case range(from: Int?, to: Int?, step: Int)
    /// A new axis of extent 1.
    case newAxis
    /// As many whole axes as are left.
    case ellipsis

    /// The whole axis.
    public static let all = TensorIndex.range(from: nil, to: nil, step: 1)

    /// Every `step`-th index of the whole axis.
    public static func every(_ step: Int) -> TensorIndex { .range(from: nil, to: nil, step: step) }
}

/// What can be written in the brackets: an integer, a range, or a ``TensorIndex``.
public protocol TensorIndexConvertible {
    /// The index meant.
    var tensorIndex: TensorIndex { get }
}

extension TensorIndex: TensorIndexConvertible {
    /// Itself.
    public var tensorIndex: TensorIndex { self }
}
extension Int: TensorIndexConvertible {
    /// One index.
    public var tensorIndex: TensorIndex { .index(self) }
}
extension Range<Int>: TensorIndexConvertible {
    /// `from..<to`
    public var tensorIndex: TensorIndex { .range(from: lowerBound, to: upperBound, step: 1) }
}
extension ClosedRange<Int>: TensorIndexConvertible {
    /// `from...through`
    public var tensorIndex: TensorIndex { .range(from: lowerBound, to: upperBound == -1 ? nil : upperBound + 1, step: 1) }
}
extension PartialRangeFrom<Int>: TensorIndexConvertible {
    /// From here to the end.
    public var tensorIndex: TensorIndex { .range(from: lowerBound, to: nil, step: 1) }
}
extension PartialRangeUpTo<Int>: TensorIndexConvertible {
    /// From the start to before here.
    public var tensorIndex: TensorIndex { .range(from: nil, to: upperBound, step: 1) }
}
extension PartialRangeThrough<Int>: TensorIndexConvertible {
    /// From the start to here.
    public var tensorIndex: TensorIndex { .range(from: nil, to: upperBound == -1 ? nil : upperBound + 1, step: 1) }
}

extension Tensor {
    /// Part of the tensor, as NumPy's basic indexing: `x[0]`, `x[1..., 2]`, `x[TensorIndex.ellipsis, .every(2)]`. Bounds beyond an
    /// axis are clipped, a single index beyond it stops the program.
    public subscript(_ indices: any TensorIndexConvertible..., file file: StaticString = #fileID, line line: UInt = #line) -> Tensor {
        indexed(indices.map(\.tensorIndex), at: SourceLocation(file: file, line: line))
    }

    private func indexed(_ indices: [TensorIndex], at location: SourceLocation) -> Tensor {
        let named = indices.count { if case .newAxis = $0 { false } else if case .ellipsis = $0 { false } else { true } }
        let ellipses = indices.count { if case .ellipsis = $0 { true } else { false } }
        guard named <= rank, ellipses <= 1 else {
            let reason = ellipses > 1 ? "more than one ellipsis" : "\(named) indices for the \(rank) axes"
            return .failed(ShapeError("index", "\(reason) of shape \(shape)"), [self], at: location)
        }
        var starts: [Int] = []
        var limits: [Int] = []
        var strides: [Int] = []
        var backwards: [Int] = []
        var result: [Int] = []
        func take(_ start: Int, _ limit: Int, _ step: Int) {
            starts.append(start)
            limits.append(Swift.max(limit, start))
            strides.append(step)
        }
        func whole(_ count: Int) {
            for _ in 0..<count {
                result.append(shape[starts.count])
                take(0, shape[starts.count], 1)
            }
        }
        for index in indices {
            let axis = starts.count
            switch index {
            case .newAxis: result.append(1)
            case .ellipsis: whole(rank - named)
            case .index(let position):
                let extent = shape[axis]
                guard position >= -extent, position < extent else {
                    return .failed(
                        ShapeError("index", "index \(position) is out of range for axis \(axis) of shape \(shape)"), [self], at: location)
                }
                let place = position < 0 ? position + extent : position
                take(place, place + 1, 1)
            case .range(let from, let to, let step):
                guard step != 0 else { return .failed(ShapeError("index", "step is 0"), [self], at: location) }
                let extent = shape[axis]
                func clip(_ bound: Int, _ low: Int, _ high: Int) -> Int {
                    Swift.min(Swift.max(bound < 0 ? bound + extent : bound, low), high)
                }
                if step > 0 {
                    let start = from.map { clip($0, 0, extent) } ?? 0
                    take(start, to.map { clip($0, 0, extent) } ?? extent, step)
                } else {
                    // The same elements from the other side, then reversed.
                    let first = from.map { clip($0, -1, extent - 1) } ?? extent - 1
                    let end = to.map { clip($0, -1, extent - 1) } ?? -1
                    let count = first > end ? (first - end - step - 1) / -step : 0
                    take(count == 0 ? 0 : first + (count - 1) * step, count == 0 ? 0 : first + 1, -step)
                    backwards.append(axis)
                }
                result.append((limits[axis] - starts[axis] + strides[axis] - 1) / strides[axis])
            }
        }
        whole(rank - starts.count)
        var part = self
        if starts.contains(where: { $0 != 0 }) || limits != shape.dimensions || strides.contains(where: { $0 != 1 }) {
            part = .apply(Slice(starts: starts, limits: limits, strides: strides), [self], at: location)
        }
        if !backwards.isEmpty { part = .apply(Reverse(axes: backwards), [part]) }
        return part.reshaped(to: Shape(result))
    }
}

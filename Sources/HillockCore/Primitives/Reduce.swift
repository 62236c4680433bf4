/// StableHLO `reduce`: axes folded by sum, product, maximum, minimum.
public struct Reduce: Primitive {
    /// `reduce`
    public static let name = "reduce"

    /// How elements are combined.
    public enum Kind: UInt8, Hashable, Sendable {
        case sum, product, maximum, minimum

        /// The word for messages; printing the case itself would cost a microsecond wherever a reduction is recorded.
        var name: String {
            switch self {
            case .sum: "sum"
            case .product: "product"
            case .maximum: "maximum"
            case .minimum: "minimum"
            }
        }
    }

    /// How elements are combined.
    public let kind: Kind
    /// The axes folded, ascending.
    public let axes: [Int]

    /// The fold of `axes` by `kind`.
    public init(_ kind: Kind, axes: [Int]) {
        self.kind = kind
        self.axes = axes
    }

    /// The shape without the axes. An empty maximum or minimum has no value.
    public func outputType(for inputs: [TensorType]) throws(ShapeError) -> TensorType {
        try checkArithmetic(kind.name, inputs[0])
        let shape = inputs[0].shape
        if let wrong = axes.first(where: { $0 >= shape.rank }) {
            throw ShapeError(kind.name, "axis \(wrong) is out of range for shape \(shape)")
        }
        if kind == .maximum || kind == .minimum, let empty = axes.first(where: { shape[$0] == 0 }) {
            throw ShapeError(kind.name, "axis \(empty) of shape \(shape) is empty: there is no \(kind)")
        }
        return TensorType(inputs[0].dtype, shape.removing(axes: axes))
    }

    /// Sum: dy repeated. Product: dy times the product of the others. Maximum, minimum: dy shared among the equals.
    public func gradient(inputs: [Tensor], output: Tensor, upstream: Tensor) -> [Tensor?] {
        let x = inputs[0]
        let kept = Shape(x.shape.dimensions.enumerated().map { axes.contains($0.offset) ? 1 : $0.element })
        func spread(_ t: Tensor) -> Tensor { t.reshaped(to: kept).broadcast(to: x.shape) }
        switch kind {
        case .sum:
            return [spread(upstream)]
        case .product:
            // With one zero among the factors only its own gradient is left; with two, none.
            let isZero = x .== 0
            let others = `where`(isZero, Tensor.onesLike(x), x)
            let zeros = isZero.converted(to: x.dtype).reduced(.sum, axes: axes)
            let rest = spread(others.reduced(.product, axes: axes))
            let none = Tensor.zerosLike(x)
            let alone = `where`(spread(zeros) .== 1, rest, none)
            let whole = `where`(spread(zeros) .== 0, rest / others, none)
            return [spread(upstream) * `where`(isZero, alone, whole)]
        case .maximum, .minimum:
            let mask = (x .== spread(output)).converted(to: x.dtype)
            return [mask * spread(upstream / mask.reduced(.sum, axes: axes))]
        }
    }

    /// Folds in row-major order.
    public func evaluate(_ inputs: [HostArray], as type: TensorType) -> HostArray {
        let shape = inputs[0].shape
        let kept = (0..<shape.rank).filter { !axes.contains($0) }
        let target = shape.positions(in: type.shape) { index in kept.map { index[$0] } }
        func fold<T>(_ values: [T], _ start: T, _ combine: (T, T) -> T) -> [T] {
            var result = [T](repeating: start, count: type.shape.count)
            for (value, position) in zip(values, target) { result[position] = combine(result[position], value) }
            return result
        }
        if type.dtype.isFloatingPoint {
            let values = inputs[0].doubles
            return switch kind {
            case .sum: HostArray(fold(values, 0, +), as: type)
            case .product: HostArray(fold(values, 1, *), as: type)
            case .maximum: HostArray(fold(values, -.infinity) { Maximum().apply($0, $1) }, as: type)
            case .minimum: HostArray(fold(values, .infinity) { Minimum().apply($0, $1) }, as: type)
            }
        }
        let values = inputs[0].integers
        return switch kind {
        case .sum: HostArray(fold(values, 0, &+), as: type)
        case .product: HostArray(fold(values, 1, &*), as: type)
        case .maximum: HostArray(fold(values, .min, Swift.max), as: type)
        case .minimum: HostArray(fold(values, .max, Swift.min), as: type)
        }
    }

    /// `reduce`
    public func stableHLO(_ inputs: [StableHLOValue], as type: TensorType, in text: inout StableHLOWriter) -> StableHLOValue {
        switch kind {
        case .sum: text.reduce(inputs[0], "add", from: 0, axes: axes)
        case .product: text.reduce(inputs[0], "multiply", from: 1, axes: axes)
        case .maximum: text.reduce(inputs[0], "maximum", from: -.infinity, axes: axes)
        case .minimum: text.reduce(inputs[0], "minimum", from: .infinity, axes: axes)
        }
    }
}

/// The index of the greatest or least element along an axis; the first of equals, NaN counting as the extreme (NumPy's `argmax`).
public struct ArgReduce: Primitive {
    /// `argreduce`
    public static let name = "argreduce"
    /// The greatest rather than the least.
    public let isMaximum: Bool
    /// The axis searched.
    public let axis: Int

    /// The search along `axis`.
    public init(isMaximum: Bool, axis: Int) {
        self.isMaximum = isMaximum
        self.axis = axis
    }

    private var operation: String { isMaximum ? "argmax" : "argmin" }

    /// `i64` of the shape without the axis.
    public func outputType(for inputs: [TensorType]) throws(ShapeError) -> TensorType {
        try checkArithmetic(operation, inputs[0])
        guard axis < inputs[0].shape.rank else { throw ShapeError(operation, "axis \(axis) is out of range for shape \(inputs[0].shape)") }
        guard inputs[0].shape[axis] > 0 else { throw ShapeError(operation, "axis \(axis) of shape \(inputs[0].shape) is empty") }
        return TensorType(.int64, inputs[0].shape.removing(axes: [axis]))
    }

    /// None.
    public func gradient(inputs: [Tensor], output: Tensor, upstream: Tensor) -> [Tensor?] { [nil] }

    /// Searches.
    public func evaluate(_ inputs: [HostArray], as type: TensorType) -> HostArray {
        let shape = inputs[0].shape
        func search<T>(_ values: [T], _ isBetter: (T, T) -> Bool) -> HostArray {
            var result: [Int64] = []
            type.shape.forEachIndex { index in
                var best = 0
                func value(_ k: Int) -> T {
                    var full = index
                    full.insert(k, at: axis)
                    return values[shape.position(of: full)]
                }
                for k in 0..<shape[axis] where isBetter(value(k), value(best)) { best = k }
                result.append(Int64(best))
            }
            return HostArray(result, as: type)
        }
        if inputs[0].dtype.isFloatingPoint {
            return search(inputs[0].doubles) { a, b in !b.isNaN && (a.isNaN || (isMaximum ? a > b : a < b)) }
        }
        return search(inputs[0].integers) { a, b in isMaximum ? a > b : a < b }
    }

    /// The least index whose element equals the extreme, or is NaN.
    public func stableHLO(_ inputs: [StableHLOValue], as type: TensorType, in text: inout StableHLOWriter) -> StableHLOValue {
        let x = inputs[0]
        let extreme = text.reduce(x, isMaximum ? "maximum" : "minimum", from: isMaximum ? -.infinity : .infinity, axes: [axis])
        let spread = text.broadcast(extreme, to: x.shape, axes: (0..<x.shape.rank).filter { $0 != axis })
        // The extreme itself is NaN if any element is, and then equals none.
        let isEqual = text.compare(x, "EQ", spread)
        let isNaN = text.compare(x, "NE", x)
        let isExtreme = text.emit("or", isEqual, isNaN)
        let indices = text.emit("iota", [], as: TensorType(.int64, x.shape), "iota_dimension = \(axis) : i64")
        let none = text.constant(.infinity, indices.type)
        let candidates = text.select(isExtreme, indices, none)
        return text.reduce(candidates, "minimum", from: .infinity, axes: [axis])
    }
}

extension Tensor {
    func reduced(_ kind: Reduce.Kind, axes: [Int]) -> Tensor {
        axes.isEmpty ? self : .apply(Reduce(kind, axes: axes.sorted()), [self])
    }

    private func reduced(_ kind: Reduce.Kind, axes: [Int]?, keepingAxes: Bool, at location: SourceLocation) -> Tensor {
        let positions = axes.map { $0.map { checkedAxis($0, kind.name, at: location) } } ?? Array(0..<rank)
        guard Set(positions).count == positions.count else {
            return .failed(ShapeError(kind.name, "axes \(axes ?? []) name one axis of shape \(shape) twice"), [self], at: location)
        }
        if positions.isEmpty { return self }
        let kept = Shape(shape.dimensions.enumerated().map { positions.contains($0.offset) ? 1 : $0.element })
        let result = Tensor.apply(
            Reduce(kind, axes: positions.sorted()), [self], at: location, guess: TensorType(dtype, shape.removing(axes: positions)))
        return keepingAxes ? result.reshaped(to: kept) : result
    }

    /// Sum over the axes (default: all).
    public func sum(axes: Int..., keepingAxes: Bool = false, file: StaticString = #fileID, line: UInt = #line) -> Tensor {
        reduced(.sum, axes: axes.isEmpty ? nil : axes, keepingAxes: keepingAxes, at: SourceLocation(file: file, line: line))
    }

    /// Product over the axes (default: all).
    public func product(axes: Int..., keepingAxes: Bool = false, file: StaticString = #fileID, line: UInt = #line) -> Tensor {
        reduced(.product, axes: axes.isEmpty ? nil : axes, keepingAxes: keepingAxes, at: SourceLocation(file: file, line: line))
    }

    /// Greatest element over the axes (default: all); NaN wins; equals share the gradient.
    public func max(axes: Int..., keepingAxes: Bool = false, file: StaticString = #fileID, line: UInt = #line) -> Tensor {
        reduced(.maximum, axes: axes.isEmpty ? nil : axes, keepingAxes: keepingAxes, at: SourceLocation(file: file, line: line))
    }

    /// Least element over the axes (default: all); NaN wins; equals share the gradient.
    public func min(axes: Int..., keepingAxes: Bool = false, file: StaticString = #fileID, line: UInt = #line) -> Tensor {
        reduced(.minimum, axes: axes.isEmpty ? nil : axes, keepingAxes: keepingAxes, at: SourceLocation(file: file, line: line))
    }

    /// Mean over the axes (default: all); NaN where there is nothing. Floating dtypes.
    public func mean(axes: Int..., keepingAxes: Bool = false, file: StaticString = #fileID, line: UInt = #line) -> Tensor {
        let location = SourceLocation(file: file, line: line)
        guard checkReal("mean", at: location) else { return self }
        let sum = reduced(.sum, axes: axes.isEmpty ? nil : axes, keepingAxes: keepingAxes, at: location)
        return sum * (Double(sum.count) / Double(count))
    }

    /// Whether the elements are real numbers that can be divided; whole ones stop the call.
    private func checkReal(_ operation: String, at location: SourceLocation) -> Bool {
        if dtype == .float32 || dtype == .float64 { return true }
        misuse(
            ShapeError(operation, "input is \(type), expected f32 or f64", hint: "convert it with converted(to: .float32)"), at: location)
        return false
    }

    /// Variance over the axes (default: all): mean squared distance from the mean, divided by n − `correction`. Floating dtypes.
    public func variance(
        axes: Int..., correction: Int = 0, keepingAxes: Bool = false, file: StaticString = #fileID, line: UInt = #line
    ) -> Tensor {
        let location = SourceLocation(file: file, line: line)
        guard checkReal("variance", at: location) else { return self }
        let over = axes.isEmpty ? nil : axes
        let total = reduced(.sum, axes: over, keepingAxes: true, at: location)
        let n = Double(count) / Double(total.count)
        let distance = self - total / n
        return (distance * distance).reduced(.sum, axes: over, keepingAxes: keepingAxes, at: location) / (n - Double(correction))
    }

    /// Index of the greatest element along an axis: the first of equals; NaN counts as greatest. `i64`.
    public func argmax(axis: Int = -1, file: StaticString = #fileID, line: UInt = #line) -> Tensor {
        let location = SourceLocation(file: file, line: line)
        return .apply(ArgReduce(isMaximum: true, axis: checkedAxis(axis, "argmax", at: location)), [self], at: location)
    }

    /// Index of the least element along an axis: the first of equals; NaN counts as least. `i64`.
    public func argmin(axis: Int = -1, file: StaticString = #fileID, line: UInt = #line) -> Tensor {
        let location = SourceLocation(file: file, line: line)
        return .apply(ArgReduce(isMaximum: false, axis: checkedAxis(axis, "argmin", at: location)), [self], at: location)
    }
}

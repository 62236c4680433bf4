import HillockCore

/// Pixels on each side of an image: `1` is one on every side, `[left, right, top, bottom]` says each, in PyTorch's order.
public protocol SideAmounts: Sendable {
    /// Left, right, top, bottom; not four of them if what was written means no sides.
    var sideAmounts: [Int] { get }
}

extension Int: SideAmounts {
    /// The number on all sides.
    public var sideAmounts: [Int] { [self, self, self, self] }
}

extension [Int]: SideAmounts {
    /// Left, right, top, bottom.
    public var sideAmounts: [Int] { self }
}

extension SideAmounts {
    /// The four amounts; anything else stops the layer's initialiser.
    fileprivate func sides(of operation: String) -> (left: Int, right: Int, top: Int, bottom: Int) {
        let amounts = sideAmounts
        guard amounts.count == 4 else {
            misuse(ShapeError(operation, "padding is \(amounts), expected one number or four: [left, right, top, bottom]"))
            return (0, 0, 0, 0)
        }
        return (amounts[0], amounts[1], amounts[2], amounts[3])
    }
}

/// The image continued by its mirror image, without the edge pixel itself twice.
///
/// Shapes: `[N, C, H, W] → [N, C, top + H + bottom, left + W + right]`; each amount is less than the extent that it reflects.
public struct ReflectionPad2d: Layer {
    /// Pixels on each side.
    public let padding: (left: Int, right: Int, top: Int, bottom: Int)
    private let scope = LayerScope()

    /// A layer that adds this many pixels: on all sides, or `[left, right, top, bottom]`.
    public init(_ padding: any SideAmounts) { self.padding = padding.sides(of: "reflectionPad2d") }

    /// Applies the layer.
    public func callAsFunction(_ x: Tensor) -> Tensor {
        scope.enter(self, x) {
            reflectionPad2d(x, left: padding.left, right: padding.right, top: padding.top, bottom: padding.bottom)
        }
    }
}

/// The image with zeros around it; negative amounts crop.
///
/// Shapes: `[…, H, W] → […, top + H + bottom, left + W + right]`.
public struct ZeroPad2d: Layer {
    /// Pixels on each side.
    public let padding: (left: Int, right: Int, top: Int, bottom: Int)
    private let scope = LayerScope()

    /// A layer that adds this many zeros: on all sides, or `[left, right, top, bottom]`.
    public init(_ padding: any SideAmounts) { self.padding = padding.sides(of: "zeroPad2d") }

    /// Applies the layer.
    public func callAsFunction(_ x: Tensor) -> Tensor {
        scope.enter(self, x) {
            guard x.rank >= 2 else { return .failed(ShapeError("zeroPad2d", "input is \(x.type), expected […, H, W]"), [x]) }
            let outer = [(before: Int, after: Int)](repeating: (0, 0), count: x.rank - 2)
            return x.padded(outer + [(padding.top, padding.bottom), (padding.left, padding.right)])
        }
    }
}

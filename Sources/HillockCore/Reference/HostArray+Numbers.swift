/// How definitions read and write elements: reals as `Double`, whole numbers as `Int64`.
extension HostArray {
    /// The elements as real numbers.
    public var doubles: [Double] {
        withBytes { bytes in
            switch dtype {
            case .float32: bytes.bindMemory(to: Float.self).map(Double.init)
            case .float64: Array(bytes.bindMemory(to: Double.self))
            case .int32: bytes.bindMemory(to: Int32.self).map(Double.init)
            case .int64: bytes.bindMemory(to: Int64.self).map(Double.init)
            case .uint8, .bool: bytes.map(Double.init)
            case .bfloat16: bytes.bindMemory(to: UInt16.self).map { Double(Float(bitPattern: UInt32($0) << 16)) }
            case .float16: bytes.bindMemory(to: UInt16.self).map { Double(Float(halfBits: $0)) }
            }
        }
    }

    /// The elements as whole numbers; real numbers are truncated towards zero and saturated.
    public var integers: [Int64] {
        withBytes { bytes in
            switch dtype {
            case .int32: bytes.bindMemory(to: Int32.self).map(Int64.init)
            case .int64: Array(bytes.bindMemory(to: Int64.self))
            case .uint8, .bool: bytes.map(Int64.init)
            case .float32, .float64, .bfloat16, .float16: doubles.map(Int64.init(saturating:))
            }
        }
    }

    /// An array of real numbers, rounded to the type's dtype (truncated and saturated for integers, compared with zero for `bool`).
    public init(_ values: [Double], as type: TensorType) {
        self.init(dtype: type.dtype, shape: type.shape) { bytes in
            switch type.dtype {
            case .float32: bytes.fill(Float.self, values) { Float($0) }
            case .float64: bytes.fill(Double.self, values) { $0 }
            case .int32: bytes.fill(Int32.self, values) { Int32(clamping: Int64(saturating: $0)) }
            case .int64: bytes.fill(Int64.self, values) { Int64(saturating: $0) }
            case .uint8: bytes.fill(UInt8.self, values) { UInt8(clamping: Int64(saturating: $0)) }
            case .bool: bytes.fill(UInt8.self, values) { $0 != 0 ? 1 : 0 }
            case .bfloat16: bytes.fill(UInt16.self, values) { Float(roundingToOdd: $0).bfloatBits }
            case .float16: bytes.fill(UInt16.self, values) { Float16($0).bitPattern }
            }
        }
    }

    /// An array of whole numbers; those too large for an integer dtype wrap around, a floating one rounds them.
    public init(_ values: [Int64], as type: TensorType) {
        self.init(dtype: type.dtype, shape: type.shape) { bytes in
            switch type.dtype {
            case .int32: bytes.fill(Int32.self, values) { Int32(truncatingIfNeeded: $0) }
            case .int64: bytes.fill(Int64.self, values) { $0 }
            case .uint8: bytes.fill(UInt8.self, values) { UInt8(truncatingIfNeeded: $0) }
            case .bool: bytes.fill(UInt8.self, values) { $0 != 0 ? 1 : 0 }
            // Not by way of f64, which would round twice.
            case .float32: bytes.fill(Float.self, values) { Float($0) }
            case .float64: bytes.fill(Double.self, values) { Double($0) }
            case .bfloat16: bytes.fill(UInt16.self, values) { Float($0).bfloatBits }
            case .float16: bytes.fill(UInt16.self, values) { Float16($0).bitPattern }
            }
        }
    }

    /// A scalar's value as an array of shape `[]`.
    package init(_ scalar: Scalar, dtype: DType) {
        let type = TensorType(dtype, .scalar)
        switch scalar {
        case .real(let value): self.init([value], as: type)
        case .integer(let value): self.init([value], as: type)
        }
    }

    /// Zeros.
    ///
    /// - Parameter isWrittenHereAndThere: Whether an engine that takes the memory over may never write most of it.
    package init(zeros type: TensorType, isWrittenHereAndThere: Bool = false) {
        let storage = Storage(zeroByteCount: type.byteCount, isWrittenHereAndThere: isWrittenHereAndThere)
        self.init(dtype: type.dtype, shape: type.shape, storage: storage)
    }

    /// The same elements picked by their flat positions.
    package func picking(_ positions: [Int], as type: TensorType) -> HostArray {
        let size = dtype.byteCount
        return HostArray(dtype: dtype, shape: type.shape) { target in
            withBytes { bytes in
                for (offset, position) in positions.enumerated() {
                    target.baseAddress!.advanced(by: offset * size)
                        .copyMemory(from: bytes.baseAddress!.advanced(by: position * size), byteCount: size)
                }
            }
        }
    }
}

extension UnsafeMutableRawBufferPointer {
    fileprivate func fill<Value, Element: BitwiseCopyable>(_ type: Element.Type, _ values: [Value], _ convert: (Value) -> Element) {
        let target = bindMemory(to: Element.self)
        for (index, value) in values.enumerated() { target[index] = convert(value) }
    }
}

extension Float {
    /// The nearest float, but an odd one where rounding is needed: what a narrower type is then rounded to is as if rounded once
    /// (Boldo and Melquiond, "Emulation of FMA and correctly rounded sums", 2008).
    fileprivate init(roundingToOdd value: Double) {
        let nearest = Float(value)
        if value.isNaN || Double(nearest) == value {
            self = nearest
        } else {
            let truncated = Double(nearest).magnitude > value.magnitude ? nearest.bitPattern - 1 : nearest.bitPattern
            self = Float(bitPattern: truncated | 1)
        }
    }

    /// The nearest bfloat16, ties to even; NaN stays NaN.
    package var bfloatBits: UInt16 {
        if isNaN { return UInt16(truncatingIfNeeded: bitPattern >> 16) | 0x40 }
        let bits = bitPattern
        return UInt16(truncatingIfNeeded: (bits &+ 0x7fff &+ (bits >> 16 & 1)) >> 16)
    }

    /// The nearest IEEE half, ties to even.
    package var halfBits: UInt16 { Float16(self).bitPattern }

    /// The value of an IEEE half.
    package init(halfBits: UInt16) { self = Float(Float16(bitPattern: halfBits)) }
}

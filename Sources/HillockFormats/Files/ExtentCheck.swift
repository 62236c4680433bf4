import HillockCore

extension Shape {
    /// Bytes that an array of this shape takes, or `nil` where an extent is negative or the product overflows.
    ///
    /// Empty axes count as 1 in the check of overflow, so that strides of the accepted shapes cannot overflow either.
    package func checkedByteCount(of dtype: DType) -> Int? {
        var bytes = dtype.byteCount
        for extent in dimensions {
            let (product, overflow) = bytes.multipliedReportingOverflow(by: max(extent, 1))
            guard extent >= 0, !overflow else { return nil }
            bytes = product
        }
        return dimensions.contains(0) ? 0 : bytes
    }
}

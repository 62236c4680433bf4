import HillockCore

/// A copy of an array's bytes.
func bytes(_ array: HostArray) -> [UInt8] {
    array.withBytes { Array($0) }
}

/// Whether two arrays have the same type, shape and bits.
func same(_ a: HostArray, _ b: HostArray) -> Bool {
    a.dtype == b.dtype && a.shape == b.shape && bytes(a) == bytes(b)
}

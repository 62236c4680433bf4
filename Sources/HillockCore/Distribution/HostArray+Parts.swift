extension HostArray {
    /// The elements of a box that begins at `start`.
    package func part(from start: [Int], _ shape: Shape) -> HostArray {
        if shape == self.shape { return self }
        let part = HostArray(dtype: dtype, shape: shape, storage: Storage(byteCount: shape.count * dtype.byteCount))
        eachRow(of: shape, at: start) { inside, within, byteCount in
            (part.storage.pointer + within).copyMemory(from: storage.pointer + inside, byteCount: byteCount)
        }
        return part
    }

    /// Writes the elements of a box that begins at `start`.
    package func fill(from start: [Int], with part: HostArray) {
        eachRow(of: part.shape, at: start) { inside, within, byteCount in
            (storage.pointer + inside).copyMemory(from: part.storage.pointer + within, byteCount: byteCount)
        }
    }

    /// Calls `body` with the place of each row of a box in this array and in the box, and its length, all in bytes.
    private func eachRow(of box: Shape, at start: [Int], _ body: (Int, Int, Int) -> Void) {
        let width = dtype.byteCount
        guard box.count > 0 else { return }
        guard box.rank > 0 else { return body(0, 0, width) }
        let row = box[box.rank - 1]
        for line in 0..<box.count / row {
            var (rest, place, stride) = (line, start[box.rank - 1], shape[box.rank - 1])
            for axis in (0..<box.rank - 1).reversed() {
                place += (start[axis] + rest % box[axis]) * stride
                rest /= box[axis]
                stride *= shape[axis]
            }
            body(place * width, line * row * width, row * width)
        }
    }
}

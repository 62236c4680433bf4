import HillockCore

/// Amounts of ink, 0 to 1, by row and column.
struct Plane {
    let height: Int
    let width: Int
    var values: [Double]

    init(height: Int, width: Int, values: [Double]) {
        self.height = height
        self.width = width
        self.values = values
    }

    subscript(_ y: Int, _ x: Int) -> Double {
        get { values[y * width + x] }
        set { values[y * width + x] = newValue }
    }
}

// MARK: - Finding the ink

extension Plane {
    /// The least difference between the darkest and the lightest grey of a picture that is not blank.
    private static let leastContrast = 24

    /// A large picture made smaller by means of squares, so that a photograph costs no more than a thumbnail. `u8`, `[H, W, 1]`.
    static func shrunk(_ picture: HostArray) -> HostArray {
        let (height, width) = (picture.shape[0], picture.shape[1])
        let factor = min(max(height, width) / 512, height, width)
        guard factor > 1 else { return picture }
        let shape: Shape = [height / factor, width / factor, 1]
        return HostArray(dtype: .uint8, shape: shape) { target in
            picture.withBytes { source in
                for y in 0..<shape[0] {
                    for x in 0..<shape[1] {
                        var sum = 0
                        for row in y * factor..<(y + 1) * factor {
                            for column in x * factor..<(x + 1) * factor { sum += Int(source[row * width + column]) }
                        }
                        target[y * shape[1] + x] = UInt8(sum / (factor * factor))
                    }
                }
            }
        }
    }

    /// Tells ink from paper: what the border is made of is paper. `nil` for a blank picture.
    static func ink(of picture: HostArray) -> Plane? {
        let (height, width) = (picture.shape[0], picture.shape[1])
        let greys = picture.elements(as: UInt8.self).map(Int.init)
        guard let darkest = greys.min(), let lightest = greys.max(), lightest - darkest >= leastContrast else { return nil }

        var border: [Int] = []
        for y in 0..<height {
            if y == 0 || y == height - 1 {
                border += greys[y * width..<(y + 1) * width]
            } else {
                border += [greys[y * width], greys[(y + 1) * width - 1]]
            }
        }
        border.sort()
        let paper = border[border.count / 2]
        let isDark = paper - darkest > lightest - paper
        let strongest = Double(isDark ? paper - darkest : lightest - paper)
        // How uneven the paper is, but for a stroke that touches the border.
        let spread = border.map { abs($0 - paper) }.sorted()[border.count * 9 / 10]
        let noise = spread == 0 ? 0.02 : max(0.15, 1.5 * Double(spread) / strongest)
        let values = greys.map { grey in
            let amount = Double(isDark ? paper - grey : grey - paper) / strongest
            return amount > noise ? min(amount, 1) : 0
        }
        guard values.contains(where: { $0 > 0 }) else { return nil }
        return Plane(height: height, width: width, values: values)
    }

    /// Erases pieces of ink that are tiny beside the largest: dust, and the noise of cameras.
    mutating func dropSpecks() {
        var piece = [Int32](repeating: -1, count: values.count)
        var masses: [Double] = []
        var stack: [Int] = []
        for start in values.indices where values[start] > 0 && piece[start] < 0 {
            let number = Int32(masses.count)
            var mass = 0.0
            piece[start] = number
            stack.append(start)
            while let place = stack.popLast() {
                mass += values[place]
                let (y, x) = place.quotientAndRemainder(dividingBy: width)
                for near in max(0, y - 1)...min(height - 1, y + 1) {
                    for beside in max(0, x - 1)...min(width - 1, x + 1) {
                        let next = near * width + beside
                        if values[next] > 0, piece[next] < 0 {
                            piece[next] = number
                            stack.append(next)
                        }
                    }
                }
            }
            masses.append(mass)
        }
        let least = (masses.max() ?? 0) * 0.03
        for place in values.indices where values[place] > 0 && masses[Int(piece[place])] < least { values[place] = 0 }
    }

    /// Rows and columns that hold ink.
    var boundingBox: (rows: ClosedRange<Int>, columns: ClosedRange<Int>)? {
        let rows = (0..<height).filter { y in (0..<width).contains { self[y, $0] > 0 } }
        let columns = (0..<width).filter { x in (0..<height).contains { self[$0, x] > 0 } }
        guard let top = rows.first, let bottom = rows.last, let left = columns.first, let right = columns.last else { return nil }
        return (top...bottom, left...right)
    }

    /// A part of the plane.
    func cropped(_ box: (rows: ClosedRange<Int>, columns: ClosedRange<Int>)) -> Plane {
        Plane(
            height: box.rows.count, width: box.columns.count,
            values: box.rows.flatMap { values[$0 * width + box.columns.lowerBound...$0 * width + box.columns.upperBound] })
    }
}

// MARK: - Making it the right size

extension Plane {
    /// Widens strokes that are thinner than `wanted` pixels, which scaling down would nearly erase.
    mutating func thicken(to wanted: Double) {
        // A stroke of width w and length l has area w·l and an outline of about 2·l.
        var (area, outline) = (0.0, 0.0)
        for y in 0..<height {
            for x in 0..<width where self[y, x] >= 0.5 {
                area += 1
                if x == 0 || self[y, x - 1] < 0.5 { outline += 1 }
                if x == width - 1 || self[y, x + 1] < 0.5 { outline += 1 }
                if y == 0 || self[y - 1, x] < 0.5 { outline += 1 }
                if y == height - 1 || self[y + 1, x] < 0.5 { outline += 1 }
            }
        }
        guard outline > 0 else { return }
        let radius = Int(((wanted - 2 * area / outline) / 2).rounded(.down))
        guard radius > 0 else { return }
        for isRow in [true, false] { values = slidingMaximum(radius: radius, alongRows: isRow) }
    }

    private func slidingMaximum(radius: Int, alongRows: Bool) -> [Double] {
        let (lines, length) = alongRows ? (height, width) : (width, height)
        var result = values
        for line in 0..<lines {
            func place(_ index: Int) -> Int { alongRows ? line * width + index : index * width + line }
            // Candidates in falling order: the first is the greatest of the window.
            var candidates: [Int] = []
            var head = 0
            for index in 0..<length + radius {
                if index < length {
                    while candidates.count > head, values[place(candidates.last!)] <= values[place(index)] { candidates.removeLast() }
                    candidates.append(index)
                }
                let centre = index - radius
                guard centre >= 0 else { continue }
                while candidates[head] < centre - radius { head += 1 }
                result[place(centre)] = values[place(candidates[head])]
            }
        }
        return result
    }

    /// Scaled: smaller by means over the area that each pixel covers, larger by linear interpolation.
    func resized(height newHeight: Int, width newWidth: Int) -> Plane {
        let columns = Self.weights(from: width, to: newWidth)
        var narrow = Plane(height: height, width: newWidth, values: [Double](repeating: 0, count: height * newWidth))
        for y in 0..<height {
            for x in 0..<newWidth { narrow[y, x] = columns[x].reduce(0) { $0 + self[y, $1.index] * $1.weight } }
        }
        let rows = Self.weights(from: height, to: newHeight)
        var result = Plane(height: newHeight, width: newWidth, values: [Double](repeating: 0, count: newHeight * newWidth))
        for y in 0..<newHeight {
            for x in 0..<newWidth { result[y, x] = rows[y].reduce(0) { $0 + narrow[$1.index, x] * $1.weight } }
        }
        return result
    }

    private static func weights(from old: Int, to new: Int) -> [[(index: Int, weight: Double)]] {
        let scale = Double(old) / Double(new)
        return (0..<new).map { place in
            var taps: [(index: Int, weight: Double)] = []
            if scale >= 1 {
                let (start, end) = (Double(place) * scale, Double(place + 1) * scale)
                for index in Int(start)...min(old - 1, Int(end)) {
                    let covered = min(end, Double(index + 1)) - max(start, Double(index))
                    if covered > 0 { taps.append((index, covered)) }
                }
            } else {
                let centre = (Double(place) + 0.5) * scale - 0.5
                for index in max(0, Int(centre.rounded(.down)))...min(old - 1, max(0, Int(centre.rounded(.down)) + 1)) {
                    let weight = 1 - abs(Double(index) - centre)
                    if weight > 0 { taps.append((index, weight)) }
                }
            }
            let sum = taps.reduce(0) { $0 + $1.weight }
            return taps.map { ($0.index, $0.weight / sum) }
        }
    }

    /// Makes the strongest ink 1.
    mutating func stretch() {
        guard let strongest = values.max(), strongest > 0 else { return }
        for place in values.indices { values[place] /= strongest }
    }

    /// In an empty field, the centre of mass within half a pixel of the field's centre; `u8`, `[height, width]`.
    func placed(height fieldHeight: Int, width fieldWidth: Int) -> HostArray {
        var (mass, down, right) = (0.0, 0.0, 0.0)
        for y in 0..<height {
            for x in 0..<width {
                mass += self[y, x]
                down += self[y, x] * Double(y)
                right += self[y, x] * Double(x)
            }
        }
        // Pixel 14 of 28 is the centre: so it is in MNIST, where all centres of mass lie between 13.5 and 14.5.
        func offset(_ moment: Double, _ extent: Int, _ field: Int) -> Int {
            min(max(0, Int((Double(field / 2) - moment / mass).rounded())), field - extent)
        }
        let (top, left) = (offset(down, height, fieldHeight), offset(right, width, fieldWidth))
        return HostArray(dtype: .uint8, shape: [fieldHeight, fieldWidth]) { bytes in
            bytes.initializeMemory(as: UInt8.self, repeating: 0)
            for y in 0..<height {
                for x in 0..<width { bytes[(top + y) * fieldWidth + left + x] = UInt8((255 * min(max(self[y, x], 0), 1)).rounded()) }
            }
        }
    }
}

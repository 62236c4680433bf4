import COneDNN
import Testing

@Suite struct NormalizationTests {
    static let shapes = [[6, 32, 5, 4], [4, 5, 7], [3, 3, 2, 3, 4], [16, 48, 3, 3], [40, 6]]
    let epsilon: Float = 1e-3

    /// Mean and biased variance by channel.
    func statistics(_ x: [Float], _ dims: [Int]) -> (mean: [Double], variance: [Double]) {
        let count = product(dims) / dims[1]
        var mean = [Double](repeating: 0, count: dims[1]), variance = mean
        forEachIndex(dims) { mean[$0[1]] += Double(x[flat($0, dims)]) / Double(count) }
        forEachIndex(dims) { variance[$0[1]] += (Double(x[flat($0, dims)]) - mean[$0[1]]).squared / Double(count) }
        return (mean, variance)
    }

    func layouts(_ dims: [Int]) throws -> [Layout] {
        var result = [try Layout(dims)]
        if dims.count > 2 {
            result.append(try .format(dims, HD_FORMAT_CHANNELS_LAST))
            result.append(try .format(dims, HD_FORMAT_CHANNELS_BLOCKED_16))
        }
        return result
    }

    @Test(arguments: shapes)
    func matchesLoops(_ dims: [Int]) throws {
        let channels = dims[1], count = Double(product(dims) / channels)
        let x = values(product(dims), seed: 1), dy = values(product(dims), seed: 2)
        let scale = values(channels, seed: 3), shift = values(channels, seed: 4)
        let (mean, variance) = statistics(x, dims)
        let deviation = variance.map { ($0 + Double(epsilon)).squareRoot() }
        var y = x.map(Double.init), normal = y, dx = y
        var dScale = [Double](repeating: 0, count: channels), dShift = dScale
        forEachIndex(dims) { index in
            let i = flat(index, dims), c = index[1]
            normal[i] = (Double(x[i]) - mean[c]) / deviation[c]
            y[i] = normal[i] * Double(scale[c]) + Double(shift[c])
            dScale[c] += Double(dy[i]) * normal[i]
            dShift[c] += Double(dy[i])
        }
        forEachIndex(dims) { index in
            let i = flat(index, dims), c = index[1]
            dx[i] = Double(scale[c]) / deviation[c] * (Double(dy[i]) - (dShift[c] + normal[i] * dScale[c]) / count)
        }

        for layout in try layouts(dims) {
            let training = try Primitive(reading: layout) {
                hd_batch_normalization_forward_create($0, 1, layout.pointer, layout.pointer, epsilon)
            }
            let name = "\(layout.description) \(training.implementation)"
            let result = try training.run([0: x, 1: scale, 2: shift], reading: [5, 3, 4])
            #expect(difference(result[0], y) < 1e-5, "\(name)")
            #expect(difference(result[1], mean) < 1e-5, "\(name)")
            #expect(difference(result[2], variance) < 1e-5, "\(name)")

            let inference = try Primitive(reading: layout) {
                hd_batch_normalization_forward_create($0, 0, layout.pointer, layout.pointer, epsilon)
            }
            let fixed = try inference.run(
                [0: x, 1: scale, 2: shift, 3: mean.map(Float.init), 4: variance.map(Float.init)], reading: [5])
            #expect(difference(fixed[0], y) < 1e-5, "\(name)")

            let backward = try Primitive(reading: layout) {
                hd_batch_normalization_backward_create($0, layout.pointer, layout.pointer, layout.pointer, epsilon)
            }
            let gradients = try backward.run(
                [0: x, 1: mean.map(Float.init), 2: variance.map(Float.init), 3: scale, 4: dy], reading: [5, 6, 7])
            #expect(difference(gradients[0], dx) < 1e-4, "\(name)")
            #expect(difference(gradients[1], dScale) < 1e-5, "\(name)")
            #expect(difference(gradients[2], dShift) < 1e-5, "\(name)")
        }
    }
}

extension Double {
    fileprivate var squared: Double { self * self }
}

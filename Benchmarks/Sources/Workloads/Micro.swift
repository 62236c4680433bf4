import Hillock

/// M01–M07, M09: single operations.
extension Workloads {
    static var micro: [Entry] {
        [
            // There is one way to write the chain: without a compile call, in one plan. So both are the same measurement.
            ("M01", chain), ("M01-graph", chain),
            ("M02", { rate(bytes: 8 << 24, [normal([1 << 24])]) { gelu(1.5 * $0[0] + 0.5) + 0.25 } }),
            ("M03", { rate(flops: 2 * 2048 * 2048 * 2048, [normal([2048, 2048]), normal([2048, 2048], 2)]) { matmul($0[0], $0[1]) } }),
            ("M04", { rate(bytes: 8 << 24, [normal([4096, 4096])]) { softmax($0[0]) } }),
            (
                "M05",
                {
                    rate(bytes: 8 << 22, [normal([4096, 1024]), normal([1024], 2), normal([1024], 3)]) {
                        layerNorm($0[0], scale: $0[1], bias: $0[2])
                    }
                }
            ),
            ("M06", { rate(bytes: 4 << 26, [normal([1 << 26])]) { $0[0].sum() } }),
            ("M07-fwd", { rate(flops: convolutionFlops, convolutionInputs) { convolution($0[0], $0[1]) } }),
            ("M07-bwd", convolutionGradients),
            ("M09", tinyPrograms),
        ]
    }

    private static func normal(_ shape: Shape, _ stream: UInt64 = 1) -> Tensor { PortableRandom(stream: stream).normal(shape) }

    private static func rate(flops: Int = 0, bytes: Int = 0, _ inputs: [Tensor], _ body: @escaping ([Tensor]) -> Tensor) -> Workload {
        var workload = Workload {
            let result = body(inputs)
            evaluate(result)
            return result
        }
        workload.flops = Double(flops)
        workload.bytes = Double(bytes)
        return workload
    }

    /// x = x + y a thousand times on 16 elements, one operator call each.
    private static func chain() -> Workload {
        let (start, y) = (normal([16]), normal([16], 2))
        var workload = Workload {
            var x = start
            for _ in 0..<1000 { x = x + y }
            evaluate(x)
            return x
        }
        workload.operations = 1000
        return workload
    }

    /// A program of one operation on four elements, run a thousand times, each on the result of the one before: what running a program costs.
    private static func tinyPrograms() -> Workload {
        let start = normal([4])
        var workload = Workload {
            var x = start
            for _ in 0..<1000 {
                x = x + 1
                evaluate(x)
            }
            return x
        }
        workload.operations = 1000
        return workload
    }

    private static let convolutionFlops = 2 * 8 * 64 * 64 * 9 * 56 * 56
    private static var convolutionInputs: [Tensor] {
        let weight = normal([64, 64, 3, 3], 2) * 0.05
        evaluate(weight)
        return [normal([8, 64, 56, 56]), weight]
    }
    private static func convolution(_ x: Tensor, _ w: Tensor) -> Tensor { conv2d(x, w, padding: (1, 1)) }

    /// The convolution, and its gradients by input and kernel for a given gradient of the output.
    private static func convolutionGradients() -> Workload {
        let inputs = convolutionInputs
        let upstream = normal([8, 64, 56, 56], 3)
        var workload = Workload {
            var y = upstream
            let (_, gradients) = valueAndGradients(at: inputs) { variables in
                y = convolution(variables[0], variables[1])
                return (y * upstream).sum()
            }
            evaluate([y] + gradients)
            return y
        }
        workload.flops = Double(3 * convolutionFlops)
        return workload
    }
}

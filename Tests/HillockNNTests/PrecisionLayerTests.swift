import Hillock
import Testing

/// Every layer with products in bf16, on every device that has it, against what PyTorch gives in f64.
@Suite(.serialized) struct PrecisionLayerTests {
    /// The native engine, with products however small, and XLA's where its plugin for the CPU is installed.
    static let devices: [Device] = [Device(CPUEngine(roundingAllProducts: true))] + ((try? Device(named: "xla-cpu")).map { [$0] } ?? [])

    @Test(arguments: LayerCase.all, devices)
    func agreesWithPyTorch(_ layerCase: LayerCase, on device: Device) throws {
        let layer = LayerCase.$dtype.withValue(.float32) { layerCase.make() }
        let reference = LayerTests.reference
        let values = reference.group("\(layerCase.name).")
        try layer.load(reference.group("\(layerCase.name).state."))
        let contents = layer.contents()
        func narrow(_ array: HostArray) -> Tensor {
            Tensor(array.dtype == .float64 ? HostArray(array.doubles, as: TensorType(.float32, array.shape)) : array)
        }
        let x = Parameter(narrow(values["x"]!))
        let isIndex = !x.type.dtype.isFloatingPoint
        let variables = (isIndex ? [] : [x]) + contents.parameters.map(\.parameter)
        try Precision.$current.withValue(.bfloat16) {
            try Device.$current.withValue(device) {
                var y = Tensor(0)
                let (_, gradients) = withTraining(layerCase.isTraining) {
                    valueAndGradient(of: variables) {
                        y = layer(x.value)
                        return (y * narrow(values["dy"]!)).sum()
                    }
                }
                let depth = Program(computing: [y] + variables.map { gradients[$0]! }).productDepth
                try expect(y, values["y"]!, depth, "y")
                if !isIndex { try expect(gradients[x]!, values["dx"]!, depth, "dx") }
                for (name, parameter) in contents.parameters {
                    try expect(gradients[parameter]!, values["grad.\(name)"]!, depth, "gradient of \(name)")
                }
            }
        }
    }

    /// As far from exact as rounded operands make a chain of products at most: 2⁻⁸ of the norm for each, as in the operations' tests. Where
    /// nothing is multiplied, f32's rounding. The norm is at least that of numbers of size 1, as the inputs are: some gradients are sums of
    /// terms that cancel.
    private func expect(_ got: Tensor, _ wanted: HostArray, _ depth: Int, _ what: String) throws {
        let array = try got.hostArray()
        #expect(array.shape == wanted.shape, "\(what)")
        guard array.shape == wanted.shape else { return }
        func norm(_ values: [Double]) -> Double { values.reduce(0) { $0 + $1 * $1 }.squareRoot() }
        let error = norm(zip(array.doubles, wanted.doubles).map { $0 - $1 })
        let size = Swift.max(norm(wanted.doubles), Double(wanted.shape.count).squareRoot())
        #expect(error <= (depth == 0 ? 1e-5 : 0x1p-8 * Double(depth)) * size, "\(what): off by \(error) of \(size), \(depth) products deep")
    }
}

extension Program {
    /// The largest number of products that are computed from each other.
    fileprivate var productDepth: Int {
        let whole = ExpandComposites.all.run(self)
        var depths = [Int](repeating: 0, count: whole.inputs.count)
        for instruction in whole.instructions {
            depths.append((instruction.operands.map { depths[$0] }.max() ?? 0) + (instruction.primitive is any Product ? 1 : 0))
        }
        return depths.max() ?? 0
    }
}

import Hillock
import TestCloseness
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
                // Some gradients are sums of terms that cancel, of the size of the inputs.
                let closeness = BFloatCloseness(computing: [y] + variables.map { gradients[$0]! })
                func expect(_ got: Tensor, _ name: String) throws {
                    let fault = closeness.fault(try got.hostArray(), values[name]!, size: Swift.max)
                    #expect(fault == nil, "\(name)")
                }
                try expect(y, "y")
                if !isIndex { try expect(gradients[x]!, "dx") }
                for (name, parameter) in contents.parameters { try expect(gradients[parameter]!, "grad.\(name)") }
            }
        }
    }
}

import HillockCore

/// What a model is made of: a row for each layer that is called, with output shape, parameters and operations. Prints as a table.
public struct ModelSummary: Hashable, Sendable {
    /// One call of a layer, or parameters that no call accounts for.
    public struct Row: Hashable, Sendable {
        /// The layer's path in the model; empty for the model itself.
        public var path: String
        /// The layer's type.
        public var type: String
        /// Shape of what the layer gives; `nil` where that is not seen.
        public var outputShape: Shape?
        /// Trained elements of the layer; 0 if an earlier row of the same layer has them.
        public var parameters: Int
        /// Operations of its matrix products and convolutions, 2 for each multiplication and addition.
        public var flops: Int
    }

    /// The layers in the order of their calls, then what is left.
    public let rows: [Row]
    /// Trained elements of the model.
    public let parameters: Int
    /// Bytes of the trained elements.
    public let parameterBytes: Int
    /// Operations of the forward pass.
    public let flops: Int
}

extension Layer {
    /// Shapes, parameters and operations of the layers for an input of this shape; nothing is computed.
    ///
    ///     print(model.summary(input: [1, 28, 28]))
    ///
    /// - Parameters:
    ///   - input: Shape of one sample, without the batch's axis.
    ///   - batch: Extent of the batch's axis, which is put in front.
    ///   - dtype: Type of the input; `.int64` for indices.
    public func summary(input: Shape, batch: Int = 1, dtype: DType = .float32) -> ModelSummary {
        summary(inputs: [TensorType(dtype, Shape([batch] + input.dimensions))]) { self($0[0]) }
    }
}

extension Module {
    /// Shapes, parameters and operations of the layers that `run` calls, for a module that is more than a function of one tensor; nothing
    /// is computed.
    ///
    /// - Parameters:
    ///   - inputs: Types of the tensors that `run` gets, with the batch's axis.
    ///   - run: Calls the model.
    public func summary(inputs: [TensorType], _ run: ([Tensor]) -> Tensor) -> ModelSummary {
        let contents = contents()
        let observer = LayerObserver()
        let tensors = inputs.map { Tensor.zeros($0.shape, dtype: $0.dtype) }
        let output = withTraining(false) { LayerObserver.$current.withValue(observer) { run(tensors) } }

        let known = contents.parameters.map(\.parameter.value) + contents.buffers.map(\.buffer.value)
        func flops(_ output: Tensor, _ inputs: [Tensor]) -> Int {
            Program(computing: [output], from: inputs + known).floatingPointOperations
        }
        func count(_ parameters: [Parameter]) -> Int { parameters.reduce(0) { $0 + $1.shape.count } }

        var open = contents.modules
        // A layer's own operations are those that the layers in it do not do.
        let calls = observer.calls
        var own: [Int] = []
        for call in calls { own.append(flops(call.output, [call.input]) - own[call.firstWithin...].reduce(0, +)) }
        var rows = zip(calls, own).map { call, flops in
            let owner = open.firstIndex { $0.path == call.path }
            let parameters = owner.map { count(open[$0].parameters) } ?? 0
            if let owner { open[owner].parameters = [] }
            return ModelSummary.Row(
                path: call.path, type: call.type, outputShape: call.output.shape, parameters: parameters, flops: flops)
        }
        // Parameters of modules that compute by themselves, and operations between the layers.
        for module in open where !module.parameters.isEmpty {
            rows.append(.init(path: module.path, type: module.type, outputShape: nil, parameters: count(module.parameters), flops: 0))
        }
        let total = flops(output, tensors)
        let rest = total - rows.reduce(0) { $0 + $1.flops }
        if rest > 0 { rows.append(.init(path: "", type: "between layers", outputShape: nil, parameters: 0, flops: rest)) }
        return ModelSummary(
            rows: rows, parameters: count(contents.parameters.map(\.parameter)),
            parameterBytes: contents.parameters.reduce(0) { $0 + $1.parameter.type.byteCount }, flops: total)
    }
}

extension ModelSummary: CustomStringConvertible {
    /// The table: layer, type, output shape, parameters, FLOPs; totals below.
    public var description: String {
        let titles = ["layer", "type", "output", "parameters", "FLOPs"]
        let cells = rows.map { row in
            [
                row.path, row.type, row.outputShape.map { "\($0)" } ?? "–", Self.grouped(row.parameters), Self.grouped(row.flops),
            ]
        }
        let total = ["total", "", "", Self.grouped(parameters), Self.grouped(flops)]
        let widths = titles.indices.map { column in ([titles, total] + cells).map { $0[column].count }.max() ?? 0 }
        func line(_ cells: [String]) -> String {
            var parts: [String] = []
            for (column, cell) in cells.enumerated() {
                let space = String(repeating: " ", count: widths[column] - cell.count)
                parts.append(column < 3 ? cell + space : space + cell)
            }
            return String(parts.joined(separator: "  ").reversed().drop { $0 == " " }.reversed())
        }
        let rule = String(repeating: "─", count: widths.reduce(0, +) + 2 * (widths.count - 1))
        let lines = [line(titles), rule] + cells.map(line) + [rule, line(total), "parameters take \(Self.megabytes(parameterBytes)) MB"]
        return lines.joined(separator: "\n")
    }

    /// `1234567` as `1,234,567`.
    private static func grouped(_ number: Int) -> String {
        var result = ""
        for (offset, digit) in String(number).reversed().enumerated() {
            if offset > 0, offset % 3 == 0 { result.append(",") }
            result.append(digit)
        }
        return String(result.reversed())
    }

    /// Millions of bytes with two decimals.
    private static func megabytes(_ bytes: Int) -> String {
        let hundredths = (bytes + 5000) / 10000
        return "\(hundredths / 100)." + (hundredths % 100 < 10 ? "0" : "") + "\(hundredths % 100)"
    }
}

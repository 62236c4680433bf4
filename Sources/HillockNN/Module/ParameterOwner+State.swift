import HillockCore

extension ParameterOwner {
    /// What a checkpoint saves: the values of parameters and buffers by name, in the order of the properties.
    public func stateTensors() -> [(name: String, tensor: Tensor)] {
        let contents = contents()
        return contents.parameters.map { ($0.name, $0.parameter.value) } + contents.buffers.map { ($0.name, $0.buffer.value) }
    }

    /// Takes parameters and buffers from tensors by name. Floating dtypes are converted to the parameter's, whole numbers likewise.
    ///
    /// - Parameters:
    ///   - tensors: Values by the names of ``stateTensors()``.
    ///   - strict: Whether every tensor must be there, and no other. Without it the rest stays as it is; shapes must fit all the same.
    /// - Throws: ``WeightsError`` with all that does not fit; then nothing was taken.
    public func load(_ tensors: [String: HostArray], strict: Bool = true) throws(WeightsError) {
        let contents = contents()
        var error = WeightsError()
        var taken: [() -> Void] = []

        func take(_ name: String, _ type: TensorType, _ set: @escaping (Tensor) -> Void) {
            guard let array = tensors[name] else {
                if strict { error.missing.append(name) }
                return
            }
            let got = TensorType(array.dtype, array.shape)
            guard got.shape == type.shape, got.dtype.isFloatingPoint == type.dtype.isFloatingPoint else {
                error.misshaped.append(.init(name: name, expected: type, got: got))
                return
            }
            taken.append {
                if got == type {
                    set(Tensor(array))
                } else {
                    set(Tensor(type.dtype.isFloatingPoint ? HostArray(array.doubles, as: type) : HostArray(array.integers, as: type)))
                }
            }
        }
        for (name, parameter) in contents.parameters { take(name, parameter.type) { parameter.value = $0 } }
        for (name, buffer) in contents.buffers { take(name, buffer.value.type) { buffer.value = $0 } }
        if strict {
            let known = Set(contents.parameters.map(\.name) + contents.buffers.map(\.name) + contents.aliases.map(\.name))
            error.unexpected = tensors.keys.filter { !known.contains($0) }.sorted()
        }
        guard error.isEmpty else { throw error }
        for set in taken { set() }
    }
}

/// Tensors do not fit the model that they should be loaded into.
///
/// Printed as one line each for what is missing, what is unexpected, and what has another shape or kind of dtype.
public struct WeightsError: Error, Hashable, Sendable, CustomStringConvertible {
    /// A tensor of another shape, or of whole numbers where real ones are wanted, or the other way round.
    public struct Misshaped: Hashable, Sendable {
        /// The tensor's name.
        public let name: String
        /// What the model has.
        public let expected: TensorType
        /// What should be loaded.
        public let got: TensorType

        /// A tensor that does not fit.
        public init(name: String, expected: TensorType, got: TensorType) {
            self.name = name
            self.expected = expected
            self.got = got
        }
    }

    /// Names that the model has and the tensors have not, in the model's order.
    public var missing: [String] = []
    /// Names that the tensors have and the model has not, sorted.
    public var unexpected: [String] = []
    /// Tensors of another shape, in the model's order.
    public var misshaped: [Misshaped] = []

    /// Nothing wrong yet.
    public init() {}

    /// Whether nothing is wrong.
    public var isEmpty: Bool { missing.isEmpty && unexpected.isEmpty && misshaped.isEmpty }

    /// One line for each kind of fault.
    public var description: String {
        func line(_ title: String, _ entries: [String]) -> String? {
            entries.isEmpty ? nil : "\(title): \(entries.joined(separator: ", "))"
        }
        return [
            line("missing", missing), line("unexpected", unexpected),
            line("of another shape", misshaped.map { "\($0.name) (expected \($0.expected), got \($0.got))" }),
        ].compactMap { $0 }.joined(separator: "\n")
    }
}
